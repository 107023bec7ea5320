"""What each observation means in each state: the whole table."""

from __future__ import annotations

from typing import Any

import pytest

from apps.quotas.services.verdicts import Again, Ended, Seen, Started, Stay, Verdict, exit_code_of, judge, surplus_gone
from workers.contracts.observation import MemberObservation, Observation, Phase

LOST = Again("lost", "Its processes are gone without having said why.", lost=True)
DONE = Ended("succeeded", "completed", "")
FAILED = Ended("failed", "exit_nonzero", "")
CANCELLED = Ended("cancelled", "cancelled_by_user", "enough")

TABLE: dict[tuple[str, str], dict[str, Verdict]] = {
    ("job", "launching"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Started(),
        "stopping": Stay(),
        "succeeded": DONE,
        "failed": FAILED,
        "lost": LOST,
        "not_found": LOST,
    },
    ("job", "running"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Stay(),
        "stopping": Stay(),
        "succeeded": DONE,
        "failed": FAILED,
        "lost": LOST,
        "not_found": LOST,
    },
    ("job", "stopping"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Stay(),
        "stopping": Stay(),
        "succeeded": DONE,
        "failed": CANCELLED,
        "lost": CANCELLED,
        "not_found": CANCELLED,
    },
    ("serving", "launching"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Started(),
        "stopping": Stay(),
        "succeeded": LOST,
        "failed": FAILED,
        "lost": LOST,
        "not_found": LOST,
    },
    ("serving", "running"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Stay(),
        "stopping": Stay(),
        "succeeded": LOST,
        "failed": FAILED,
        "lost": LOST,
        "not_found": LOST,
    },
    ("serving", "stopping"): {
        "pending": Stay(),
        "pulling": Stay(),
        "running": Stay(),
        "stopping": Stay(),
        "succeeded": CANCELLED,
        "failed": CANCELLED,
        "lost": CANCELLED,
        "not_found": CANCELLED,
    },
}


def seen(kind: str = "job", state: str = "running", reason: str = "", **kwargs: Any) -> Seen:
    detail = "enough" if reason or state == "stopping" else ""
    reason = reason or ("cancelled_by_user" if state == "stopping" else "")
    return Seen(kind, state, reason, detail, **{"submitted": True, "stop_sent": False, **kwargs})


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(("kind", "state"), TABLE)
def test_every_phase_in_every_state(kind: str, state: str, phase: Phase) -> None:
    assert judge(seen(kind, state), Observation(phase)) == TABLE[kind, state][phase]


NOT_FOUND = {
    ("launching", False, False): Stay(),
    ("launching", False, True): Stay(),
    ("running", False, False): Stay(),
    ("stopping", False, False): Stay(),
    ("stopping", False, True): CANCELLED,
    ("stopping", True, False): CANCELLED,
}


@pytest.mark.parametrize(("state", "submitted", "stop_sent"), NOT_FOUND)
def test_not_found_is_gone_only_if_the_backend_knew_before_it_was_asked(
    state: str, submitted: bool, stop_sent: bool
) -> None:
    verdict = judge(seen(state=state, submitted=submitted, stop_sent=stop_sent), Observation(Phase.NOT_FOUND))
    assert verdict == NOT_FOUND[state, submitted, stop_sent]


STOPPED = {
    "cancelled_by_user": Ended("cancelled", "cancelled_by_user", "enough"),
    "scaled_down": Ended("cancelled", "scaled_down", "enough"),
    "approval_denied": Ended("cancelled", "approval_denied", "enough"),
    "approval_expired": Ended("cancelled", "approval_expired", "enough"),
    "idle": Ended("cancelled", "idle", "enough"),
    "preempted": Again("preempted", "enough", back_off=False),
    "reclaimed": Again("reclaimed", "enough", back_off=False),
    "evicted": Again("evicted", "enough", back_off=False),
    "start_timeout": Again("start_timeout", "enough"),
    "time_limit": Ended("failed", "time_limit", "enough"),
    "lost": Again("lost", "enough", lost=True),
    "queue_timeout": Ended("cancelled", "queue_timeout", "enough"),
}


@pytest.mark.parametrize("reason", STOPPED)
def test_what_was_stopped_ends_by_the_reason_it_was_stopped_for(reason: str) -> None:
    assert judge(seen(state="stopping", reason=reason), Observation(Phase.FAILED)) == STOPPED[reason]


REASONS: dict[str, Verdict] = {
    "out_of_memory": Ended("failed", "out_of_memory", "so"),
    "time_limit": Ended("failed", "time_limit", "so"),
    "image_pull": Ended("failed", "image_pull", "so"),
    "launch_error": Ended("failed", "launch_error", "so"),
    "deleted_externally": Ended("failed", "deleted_externally", "so"),
    "exit_nonzero": FAILED.__class__("failed", "exit_nonzero", "so"),
    "": Ended("failed", "exit_nonzero", "so"),
    "who knows": Ended("failed", "exit_nonzero", "so"),
    "completed": Ended("failed", "exit_nonzero", "so"),
    "cancelled_by_user": Ended("failed", "exit_nonzero", "so"),
    "lost": Again("lost", "so", lost=True),
    "node_lost": Again("node_lost", "so"),
    "evicted": Again("evicted", "so"),
    "no_capacity": Again("no_capacity", "so"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_failed_fails_for_the_backends_reason_or_runs_again(reason: str) -> None:
    assert judge(seen(), Observation(Phase.FAILED, reason, "so")) == REASONS[reason]


def member(index: int, phase: Phase = Phase.FAILED, exit_code: int | None = None) -> MemberObservation:
    return MemberObservation(index, phase, exit_code=exit_code)


def test_a_job_that_left_because_its_token_was_void_is_lost() -> None:
    left = Observation(Phase.FAILED, "exit_nonzero", members=(member(0, exit_code=85),))
    detail = "It could not reach the control plane with its token any more."
    assert judge(seen(), left) == Again("lost", detail, lost=True)


def test_the_job_may_say_why_it_failed() -> None:
    report = {"exit_code": 1, "result": {"error": {"code": "no_such_column", "detail": "There is no column Age."}}}
    verdict = judge(seen(), Observation(Phase.FAILED, "exit_nonzero", "Exit status 1.", report=report))
    assert verdict == Ended("failed", "exit_nonzero", "Exit status 1. There is no column Age.")


@pytest.mark.parametrize("result", [None, [], "x", {"error": None}, {"error": "x"}, {"error": {"detail": 3}}])
def test_what_the_job_says_may_be_anything(result: Any) -> None:
    seen_of_it = Observation(Phase.FAILED, "exit_nonzero", "Exit status 1.", report={"result": result})
    assert judge(seen(), seen_of_it) == Ended("failed", "exit_nonzero", "Exit status 1.")


def test_what_backend_and_job_say_alike_is_said_once() -> None:
    said = "cannot start 5: No such file or directory"
    report = {"result": {"error": {"code": "launch_error", "detail": said}}}
    verdict = judge(seen(), Observation(Phase.FAILED, "launch_error", said, report=report))
    assert verdict == Ended("failed", "launch_error", said)


def test_the_exit_code_is_the_first_that_is_not_zero() -> None:
    assert exit_code_of(Observation(Phase.FAILED)) is None
    assert exit_code_of(Observation(Phase.SUCCEEDED, report={"exit_code": 0})) == 0
    assert exit_code_of(Observation(Phase.FAILED, report={"exit_code": "x"})) is None
    assert exit_code_of(Observation(Phase.FAILED, members=(member(0, exit_code=0), member(1, exit_code=7)))) == 7
    assert exit_code_of(Observation(Phase.SUCCEEDED, members=(member(0, exit_code=0), member(1)))) == 0


def test_a_surplus_member_is_gone_once_it_is_not_seen_or_has_ended() -> None:
    assert surplus_gone((), 1)
    assert surplus_gone((member(0, Phase.RUNNING), member(1)), 1)
    assert not surplus_gone((member(0, Phase.RUNNING), member(1, Phase.STOPPING)), 1)
