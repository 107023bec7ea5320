"""The wrapper where a cluster runs it: its own time limit, few last words, the place of its member."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workers.wrapper.conftest import Wrapped
from workers.contracts import environment as names
from workers.runtime import wrapper_ending


def test_a_command_that_runs_for_too_long_is_told_to_leave(alone: Wrapped) -> None:
    status = alone.sh("trap 'exit 0' TERM; while :; do sleep 0.02; done", options=("--time-limit-seconds", "0.3"))
    assert status == 143, "leaving when it is told so is no success"
    error = {"code": "time_limit", "detail": "The job ran for longer than its limit of 0 s."}
    assert alone.report() == {"exit_code": 143, "reason": "time_limit", "result": {"error": error}}


def test_one_that_does_not_leave_is_killed(alone: Wrapped, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: signal.pause()"
    status, seconds = alone.run(sys.executable, "-c", deaf, options=("--time-limit-seconds", "0.3"))
    assert (status, alone.report()["reason"]) == (137, "time_limit")
    assert 5 <= seconds < 15


def test_one_that_is_in_time_is_not_disturbed(alone: Wrapped) -> None:
    assert alone.sh("exit 3", options=("--time-limit-seconds", "60")) == 3
    assert alone.report()["reason"] == ""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for last words as a cluster gives it, in a folder where nothing can be made beside it."""
    monkeypatch.setattr(wrapper_ending, "CLUSTER", f"{tmp_path}/")
    path = tmp_path / "termination-log"
    path.touch()
    return path


def left(path: Path, report: dict[str, Any]) -> Any:
    wrapper_ending.write_report(str(path), report)
    assert path.stat().st_size <= 4096
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return json.loads(path.read_text())


def test_last_words_that_fit_are_left_whole(cluster: Path) -> None:
    report = {"exit_code": 0, "reason": "", "result": {"auc": 0.9, "of": "é"}}
    assert left(cluster, report) == report


def test_a_result_that_does_not_fit_is_left_out(cluster: Path) -> None:
    report = {"exit_code": 0, "reason": "", "result": {"text": "x" * 5000}}
    assert left(cluster, report) == {"exit_code": 0, "reason": "", "result": None}


def test_why_it_failed_is_said_all_the_same(cluster: Path) -> None:
    error = {"code": "exit_nonzero", "detail": "ValueError: 7" + "é" * 600}
    found = left(cluster, {"exit_code": 1, "reason": "", "result": {"error": error, "text": "x" * 5000}})
    assert found["result"]["error"]["detail"] == error["detail"][:500]


def test_a_longer_report_of_before_is_overwritten(cluster: Path) -> None:
    cluster.write_text("x" * 4000)
    assert left(cluster, {"exit_code": 0, "reason": "", "result": None})["exit_code"] == 0


def test_who_was_killed_for_want_of_memory_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = tmp_path / "memory.events"
    events.write_text("oom 0\noom_kill 2\n")
    monkeypatch.setattr(wrapper_ending, "MEMORY_EVENTS", str(events))
    memory, shared = wrapper_ending.Memory("/dev/termination-log"), wrapper_ending.Memory("/var/report.json")
    assert not memory.ran_out(137), "somebody else killed it"
    events.write_text("oom 1\noom_kill 3\n")
    assert memory.ran_out(137)
    assert not memory.ran_out(1)
    assert not shared.ran_out(137), "the kernel may have killed another job of the machine"


SAY = "echo $BEDPLATE_RANK $RANK $WORLD_SIZE $LOCAL_RANK"


def test_a_member_of_a_gang_is_told_in_the_words_of_torch(alone: Wrapped) -> None:
    alone.environment = {"MASTER_ADDR": "first", names.WORLD_SIZE: "3"}
    assert alone.sh(SAY) == 0
    assert alone.output() == "2 2 3 0\n"


def test_a_job_of_one_is_told_nothing(alone: Wrapped) -> None:
    assert alone.sh(SAY) == 0
    assert alone.output() == "2\n"


def test_a_replica_finds_its_number(wrapped: Wrapped) -> None:
    (wrapped.folder / "rank").write_text("4")
    wrapped.environment = {names.RANK: ""}
    assert wrapped.sh("echo hello $BEDPLATE_RANK", options=("--replica", "--last-words-seconds", "5")) == 0
    assert wrapped.output() == "hello 4\n"
