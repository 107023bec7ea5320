"""A job in a process of its own while its control plane is away: it goes on, and nothing is lost or doubled."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runtime_api import RuntimeApi
from tests.support.waiting import until
from workers.contracts import environment as names
from workers.contracts import exit_codes

OUTPUTS = ("checkpoints", "artifacts")
JOB = """
import sys
from pathlib import Path
from workers.runtime.context import job_context
ctx = job_context()
print("input", ctx.input("data").path.read_text(), flush=True)
start = ctx.latest_checkpoint()
print("start", start and start.step, flush=True)
for part in range(3):
    sys.stdin.readline()
    for step in range(part * 2000 + 1, part * 2000 + 2001):
        ctx.log_metrics({"loss": 1 / step, "auc": step}, step=step)
    path = Path(f"part-{part}.pt")
    path.write_text(f"weights {part}")
    saved = ctx.save_checkpoint(path, step=part * 2000 + 2000)
    path.unlink()
    print("part", part, saved.acknowledged, flush=True)
model = Path("model.onnx")
model.write_text("onnx")
ctx.log_artifact("model", model, kind="model")
model.unlink()
ctx.report({"done": True})
print("end", flush=True)
"""


class Job:
    """The process, its output as it comes."""

    def __init__(self, api: RuntimeApi, script: str = JOB, patience: str = "60") -> None:
        environment = api.job_environment(outputs=OUTPUTS) | {names.PATIENCE_SECONDS: patience}
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment,
            cwd=api.work_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(line.rstrip("\n") for line in iter(output.readline, ""))

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self, text: str) -> bool:
        if self.process.poll() is not None and not self._reader.is_alive() and text not in "\n".join(self.lines):
            raise AssertionError(f"it ended with {self.process.returncode}: {self.lines}")
        return any(text in line for line in list(self.lines))

    def until(self, text: str) -> None:
        until(lambda: self.said(text), 30, what=f"{text!r}; {self.lines}")

    def end(self, timeout_seconds: float = 60) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(timeout_seconds)
        self._reader.join(10)
        return status


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        (tmp_path / "rows.csv").write_text("rows")
        server.add_input("data", [tmp_path / "rows.csv"])
        yield server
        assert server.wrong == []


def everything_once(api: RuntimeApi) -> None:
    assert api.points("loss") == [(step, 1 / step) for step in range(1, 6001)]
    assert api.points("auc") == [(step, float(step)) for step in range(1, 6001)]
    assert [each["step"] for each in api.checkpoints] == [2000, 4000, 6000]
    assert [api.path_of(each["uri"]).read_text() for each in api.checkpoints] == [f"weights {n}" for n in range(3)]
    assert [each["name"] for each in api.artifacts] == ["model"]
    assert api.result() == {"done": True}


def away() -> str:
    return "away"


@pytest.mark.parametrize("gone", ["at the start", "in the middle", "from the middle to the end", "most of the time"])
def test_an_outage_changes_nothing(api: RuntimeApi, gone: str) -> None:
    if gone == "at the start":
        api.mood = away
    job = Job(api)
    if gone == "at the start":
        until(lambda: not job.lines and job.process.poll() is None and api.asked > 1, 30)
        api.mood = str
    job.until("start None")
    until(lambda: len([1 for _, path, body in api.calls if body.get("mode") == "write"]) == 2, what="both outputs")
    if gone == "most of the time":
        api.mood = away
    job.go_on()
    job.until("part 0")
    if gone != "at the start":
        api.mood = away
    job.go_on()
    job.until("part 1")
    if gone == "in the middle":
        api.mood = str
    job.go_on()
    job.until("end")
    if gone in ("from the middle to the end", "most of the time"):
        job.until("waiting for the control plane: ")
        assert job.process.poll() is None
        api.mood = str
    assert job.end() == 0
    everything_once(api)
    listened = {"at the start": "True", "in the middle": "False"}.get(gone, "False")
    assert f"part 1 {listened}" in job.lines


@pytest.mark.parametrize("moods", [("lost", ""), ("away", "lost", ""), ("lost", "lost", "")])
def test_answers_that_are_lost_double_nothing(api: RuntimeApi, moods: tuple[str, ...]) -> None:
    api.mood = itertools.cycle(moods).__next__
    job = Job(api)
    for part in range(3):
        job.go_on()
        job.until(f"part {part}")
    assert job.end() == 0
    everything_once(api)


def test_an_older_control_plane_gets_json(api: RuntimeApi) -> None:
    api.native = False
    job = Job(api)
    for _ in range(3):
        job.go_on()
    assert job.end() == 0
    everything_once(api)


def test_told_to_stop_while_nobody_listens_it_leaves_within_its_grace(api: RuntimeApi) -> None:
    script = """
from workers.runtime.context import job_context
ctx = job_context()
ctx.output("checkpoints")
ctx.should_stop
print("up", flush=True)
input()
ctx.save_checkpoint(lambda path: path.write_text("x"), step=1)
ctx.log_metrics({"loss": 1.0}, step=1)
raise SystemExit(83)
"""
    job = Job(api, script)
    job.until("up")
    api.mood = away
    job.go_on()
    job.until("waiting for the control plane: 1 metric points and 1 stored files")
    job.process.send_signal(signal.SIGTERM)
    assert job.end(15) == exit_codes.PREEMPTED


REFUSED = """
from workers.runtime.context import job_context
ctx = job_context()
ctx.output("checkpoints")
print("up", flush=True)
input()
saved = ctx.save_checkpoint(lambda path: path.write_text("x"), step=1)
saved.path.write_text("damaged")
print("end", flush=True)
"""


@pytest.mark.parametrize("how", ["refused", "never told"])
def test_a_checkpoint_that_does_not_count_fails_the_job(api: RuntimeApi, how: str) -> None:
    job = Job(api, REFUSED, patience="60" if how == "refused" else "1")
    job.until("up")
    api.mood = away
    job.go_on()
    job.until("end")
    if how == "refused":
        api.mood = str
    assert job.end() == exit_codes.USER_ERROR
    expected = {"refused": "size_differs: bedplate://", "never told": "control_plane_unreachable: 1 stored files"}[how]
    assert any(line.startswith(f"bedplate: the job has failed: {expected}") for line in job.lines)
    assert api.checkpoints == []
