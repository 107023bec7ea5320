"""What the wrapper tells a control plane that listens."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import SUPERSEDED, MisbehavingApi, answer
from workers.contracts import exit_codes
from workers.runtime.wrapper_reporting import Usage

OFTEN = ("--heartbeat-seconds", "0.1")


def test_logs_result_and_exit_arrive(wrapped: Wrapped, api: MisbehavingApi) -> None:
    assert wrapped.sh("""echo one; echo two >&2; printf '{"auc": 0.8}' > result.json; exit 3""") == 3
    assert api.text() == "one\ntwo\n"
    assert api.bodies("/logs")[0]["first_line"] == 1
    assert api.bodies("/exit") == [{"rank": 2, "exit_code": 3, "reason": "", "result": {"auc": 0.8}}]
    assert [path for path, _, _ in api.requests if path != "/heartbeat"][-1] == "/exit"
    assert {authorization for _, _, authorization in api.requests} == {"Bearer attempt-token"}
    assert {body["rank"] for _, body, _ in api.requests} == {2}


def test_a_line_may_end_with_a_carriage_return_and_hold_anything(wrapped: Wrapped, api: MisbehavingApi) -> None:
    assert wrapped.sh(r"printf '10%%\r20%%\r\n\377\000grün\nno end'") == 0
    assert api.text() == "10%\n20%\n\ufffd\ufffdgrün\nno end\n"


def test_lines_arrive_while_the_command_runs(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.start("sh", "-c", "echo one; exec sleep 1000")
    until(lambda: api.text() == "one\n")


def test_heartbeats_say_what_is_used(wrapped: Wrapped, api: MisbehavingApi) -> None:
    script = "held = bytearray(64 << 20)\nwhile True: pass"
    wrapped.start(sys.executable, "-I", "-S", "-c", script, options=OFTEN)
    until(lambda: any(body["cpu_ratio"] > 0.3 for body in api.bodies("/heartbeat")))
    until(lambda: api.bodies("/heartbeat")[-1]["memory_bytes"] > 64 << 20)
    body = api.bodies("/heartbeat")[-1]
    assert set(body) == {"rank", "cpu_ratio", "memory_bytes", "gpus", "dropped_log_lines"}
    assert body["memory_bytes"] < 128 << 20
    assert (body["gpus"], body["dropped_log_lines"]) == ([], 0)


def test_a_time_too_short_to_be_measured_makes_no_cores() -> None:
    usage = Usage(lambda: [os.getpid()])  # whose ticks of minutes would all be of the last millisecond
    assert usage.sample()["cpu_ratio"] == 0


def test_gpus_are_told_where_they_can_be_asked(wrapped: Wrapped, api: MisbehavingApi) -> None:
    tool = wrapped.folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$*" > asked\necho "3, 50, 1024"\n')
    tool.chmod(0o755)
    wrapped.environment = {"PATH": f"{tool.parent}:/bin:/usr/bin", "CUDA_VISIBLE_DEVICES": "3"}
    wrapped.start("sleep", "1000", options=OFTEN)
    until(lambda: api.bodies("/heartbeat") and api.bodies("/heartbeat")[-1]["gpus"])
    assert api.bodies("/heartbeat")[-1]["gpus"] == [{"index": 3, "utilisation_ratio": 0.5, "memory_bytes": 1 << 30}]
    assert (wrapped.folder / "asked").read_text().endswith("-i 3\n")


def test_a_renewed_token_is_used(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.start("sleep", "1000", options=OFTEN)
    until(lambda: api.requests)
    (wrapped.folder / "token").write_text("renewed")
    until(lambda: api.requests[-1][2] == "Bearer renewed")


def test_told_to_stop_it_asks_the_command_once(wrapped: Wrapped, api: MisbehavingApi) -> None:
    script = "trap 'echo told' TERM; echo up; until [ -e enough ]; do sleep 0.02; done; exit 83"
    process = wrapped.start("sh", "-c", script, options=OFTEN)
    wrapped.prints("up\n")
    api.behave(answer(200, {"should_stop": "preempted", "grace_seconds": 30}), "/heartbeat")
    wrapped.prints("told\n")
    told = len(api.bodies("/heartbeat"))
    until(lambda: len(api.bodies("/heartbeat")) > told + 2)
    (wrapped.folder / "enough").touch()
    assert process.wait(10) == 83
    assert wrapped.output() == "up\ntold\n"


def test_told_to_stop_a_command_that_does_not_is_killed(wrapped: Wrapped, api: MisbehavingApi) -> None:
    process = wrapped.start("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.02; done", options=OFTEN)
    wrapped.prints("up")
    api.behave(answer(200, {"should_stop": "cancelled_by_user", "grace_seconds": 0.2}), "/heartbeat")
    assert process.wait(10) == 137
    assert api.bodies("/exit")[-1]["exit_code"] == 137


def test_a_shorter_grace_that_is_told_later_counts(wrapped: Wrapped, api: MisbehavingApi) -> None:
    script = "trap 'echo told' TERM; echo up; while :; do sleep 0.02; done"
    process = wrapped.start("sh", "-c", script, options=OFTEN)
    wrapped.prints("up\n")
    api.behave(answer(200, {"should_stop": "preempted", "grace_seconds": 600}), "/heartbeat")
    wrapped.prints("told\n")
    api.behave(answer(200, {"should_stop": "cancelled_by_user", "grace_seconds": 0.2}), "/heartbeat")
    assert process.wait(10) == 137
    assert wrapped.output() == "up\ntold\n", "it is asked once"


@pytest.mark.parametrize("status", [401, 410])
@pytest.mark.parametrize("path", ["/heartbeat", "/logs"])
def test_superseded_it_leaves_without_a_word(wrapped: Wrapped, api: MisbehavingApi, status: int, path: str) -> None:
    api.behave(answer(status, SUPERSEDED), path)
    process = wrapped.start("sh", "-c", "echo up; exec sleep 1000", options=OFTEN)
    assert process.wait(10) == exit_codes.CONTROL_PLANE_GONE
    assert api.bodies("/exit") == []
    assert wrapped.report()["exit_code"] == exit_codes.CONTROL_PLANE_GONE


def test_superseded_after_its_end_the_status_stays(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(answer(410, SUPERSEDED), "/exit")
    assert wrapped.sh("exit 3") == 3


def test_a_replica_says_nothing_of_its_exit_and_goes_on_counting(wrapped: Wrapped, api: MisbehavingApi) -> None:
    assert wrapped.sh("echo one; echo two; exit 1", options=("--replica",)) == 1
    assert wrapped.sh("echo three; exit 1", options=("--replica",)) == 1
    assert api.bodies("/exit") == []
    assert [(body["sequence"], body["first_line"], body["text"]) for body in api.bodies("/logs")] == [
        (0, 1, "one\ntwo\n"),
        (1, 3, "three\n"),
    ]
