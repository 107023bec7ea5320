"""What children say while the disk has room, and while it has none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.embedded.collect import Collector
from controlplane.embedded.processes import Program
from controlplane.embedded.supervisor import Supervisor
from tests.controlplane.conftest import python
from tests.support.disks import files_of_at_most
from tests.support.waiting import until

Pipe = tuple[Collector, int]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    reading, writing = os.pipe()
    collector = Collector("web", tmp_path / "web.log", reading)
    yield collector, writing
    os.close(writing)
    if not collector.closed:
        collector.close()


def say_and_drain(pipe: Pipe, said: bytes) -> bool:
    os.write(pipe[1], said)
    return pipe[0].drain()


def test_without_room_what_is_said_is_lost_and_counted_and_nobody_ends(pipe: Pipe) -> None:
    collector, _ = pipe
    assert say_and_drain(pipe, b"before\n")
    with files_of_at_most(10):
        assert say_and_drain(pipe, b"cut here\n")
        assert say_and_drain(pipe, b"lost\n")
        assert collector.lost_bytes == 11
    assert say_and_drain(pipe, b"after\n")
    assert collector.path.read_text() == "before\ncut[11 bytes were not written: the disk was full]\nafter\n"
    assert list(collector.tail) == ["before", "cut here", "lost", "after"]


def test_a_log_that_cannot_be_opened_is_opened_later(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    folder = tmp_path / "logs"
    collector = Collector("web", folder / "web.log", reading)
    os.write(writing, b"lost\n")
    assert collector.drain()
    folder.mkdir()
    os.write(writing, b"kept\n")
    os.close(writing)
    assert not collector.drain()
    collector.close()
    assert collector.path.read_text() == "[5 bytes were not written: the disk was full]\nkept\n"


def test_a_log_that_cannot_be_rotated_goes_on_later(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    collector, _ = pipe
    monkeypatch.setattr("controlplane.embedded.collect.LARGEST_BYTES", 10)
    assert say_and_drain(pipe, b"long ago\n")
    for number in (1, 2):  # in the way of the old logs
        (collector.path.parent / f"web.log.{number}" / "x").mkdir(parents=True)
    assert say_and_drain(pipe, b"lost\n")
    shutil.rmtree(collector.path.parent / "web.log.1")
    shutil.rmtree(collector.path.parent / "web.log.2")
    assert say_and_drain(pipe, b"kept\n")
    assert say_and_drain(pipe, b"new\n")
    assert (
        collector.path.parent / "web.log.1"
    ).read_text() == "long ago\n[5 bytes were not written: the disk was full]\nkept\n"
    assert collector.path.read_text() == "new\n"


def test_a_child_that_cannot_be_started_again_is_tried_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    supervisor, tried = Supervisor(tmp_path), []

    def program() -> Program:
        tried.append(1)
        if len(tried) == 2:
            raise OSError(28, "No space left on device")
        return python("a", "import signal; signal.pause()", tmp_path)

    supervisor.add("a", program)
    child = supervisor.children["a"]
    assert child.process is not None
    first = child.process.pid
    child.process.kill()

    def again() -> bool:
        supervisor.step(0.01)
        return child.process is not None and child.process.pid != first

    until(again, 10)
    supervisor.close()
    assert len(tried) == 3
    said = "[a] ended (not started: [Errno 28] No space left on device); starting it again in 0.5 s"
    assert said in capfd.readouterr().out
