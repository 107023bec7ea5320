"""Where outputs go is asked once, also while somebody else is asking."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.runtime.client import JobApiError
from workers.runtime.outputs import CHECKPOINTS, Outputs
from workers.runtime.sending import Sending
from workers.runtime.stored_file import StoredFile


class Link:
    """Answers when it is told to."""

    outputs = (CHECKPOINTS, "tables")

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self.fails = False

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        assert mode == "write"
        self.asked.append(name)
        self.is_asked.set()
        assert self.may_answer.wait(10)
        if self.fails:
            raise JobApiError("control_plane_unreachable", "away")
        return {"path": f"/store/{name}", "uri": f"file:///store/{name}/"}


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def outputs(link: Link, tmp_path: Path) -> Outputs:
    return Outputs(link, tmp_path, 0)  # type: ignore[arg-type]


def begun(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_who_needs_what_is_being_asked_waits_for_that_answer(link: Link, outputs: Outputs) -> None:
    outputs.look_ahead()
    assert link.is_asked.wait(10)
    places: list[str] = []
    waiting = begun(lambda: places.append(str(outputs.place(CHECKPOINTS)[0])))
    link.may_answer.set()
    waiting.join(10)
    assert (places, link.asked) == (["/store/checkpoints"], [CHECKPOINTS])


def test_another_output_does_not_wait_for_it(link: Link, outputs: Outputs) -> None:
    outputs.look_ahead()
    assert link.is_asked.wait(10)
    link.is_asked.clear()
    other = begun(lambda: outputs.place("tables"))
    assert link.is_asked.wait(10)
    link.may_answer.set()
    other.join(10)
    assert sorted(link.asked) == [CHECKPOINTS, "tables"]


def test_what_failed_ahead_is_asked_again_when_it_is_needed(link: Link, outputs: Outputs) -> None:
    link.fails = True
    link.may_answer.set()
    with pytest.raises(JobApiError):
        outputs.place(CHECKPOINTS)
    link.fails = False
    assert outputs.place(CHECKPOINTS)[1] == "file:///store/checkpoints/"


def test_a_forked_process_asks_for_itself(link: Link, outputs: Outputs) -> None:
    outputs.look_ahead()
    assert link.is_asked.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        link.may_answer.set()
        os._exit(0 if outputs.place(CHECKPOINTS)[0].name == CHECKPOINTS else 1)
    link.may_answer.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_is_sent_again_from_its_start_is_no_progress(tmp_path: Path) -> None:
    """The patience is for when nothing goes: a disk that is full takes the first bytes of each try."""
    goes_to = [100, 100, 300]
    moves: list[bool] = []

    class Full(Link):
        def resolve(self, name: str, mode: str) -> dict[str, Any]:
            return {"uri": "bedplate://store/"}

        def upload(self, file: Sending) -> None:
            before = made.moved_at
            for position in range(100, goes_to.pop(0) + 1, 100):
                file.moved(position)
            moves.append(made.moved_at > before)
            raise JobApiError("storage_unavailable", "full", 503)

    made = Outputs(Full(), tmp_path, 0)  # type: ignore[arg-type]
    stored = StoredFile("bedplate://store/last.bin", made.place(CHECKPOINTS).folder / "last.bin", "0" * 64, 300)
    for _ in range(3):
        with pytest.raises(JobApiError):
            made.send(CHECKPOINTS, stored)
    assert moves == [True, False, True]
