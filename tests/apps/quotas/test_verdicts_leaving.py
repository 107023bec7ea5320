"""What each end means of something that was told to leave in order to go on elsewhere: the table of the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.common.messages import parts_of
from apps.quotas.services.verdicts import Again, Ended, Seen, Stay, Verdict, judge, left_as_agreed
from workers.contracts.observation import MemberObservation, Observation, Phase

NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
BEGAN, KEPT = NOW - timedelta(seconds=900), NOW - timedelta(seconds=300)
WHY = "Because."


def seen(reason: str = "preempted", *, kind: str = "job", began: bool = True, kept: datetime | None = KEPT) -> Seen:
    return Seen(
        kind, "stopping", reason, WHY, submitted=True, stop_sent=True,
        began_at=BEGAN if began else None, kept_at=kept, asked_at=NOW,
    )  # fmt: skip


def ended(*codes: int | None, reason: str = "exit_nonzero") -> Observation:
    phases = {0: Phase.SUCCEEDED}
    members = tuple(
        MemberObservation(n, phases.get(code or 1, Phase.FAILED), exit_code=code) for n, code in enumerate(codes)
    )
    phase = Phase.SUCCEEDED if set(codes) == {0} else Phase.FAILED
    return Observation(phase, reason if phase == Phase.FAILED else "completed", "Said.", members)


LEFT = "It left in time, with its checkpoint of 2026-05-05 11:55:00 UTC."
LATE = "It did not leave as agreed: 300 s of work since its checkpoint of 2026-05-05 11:55:00 UTC are lost."


def again(said: str, reason: str = "preempted") -> Again:
    return Again(reason, f"{WHY} {said}".strip(), back_off=False)


TABLE: dict[str, tuple[Observation, Verdict]] = {
    "still there": (Observation(Phase.STOPPING), Stay()),
    "left with the agreed status": (ended(83), again(LEFT)),
    "a gang that left with it": (ended(83, 83, 83), again(LEFT)),
    "a gang of which some had nothing left to do": (ended(0, 83), again(LEFT)),
    "the first left with it, a peer broke off": (ended(83, 1), again(LEFT)),
    "a peer left with it, the first was killed": (ended(137, 83), again(LATE)),
    "came to its end meanwhile": (ended(0), Ended("succeeded", "completed", "Said.")),
    "killed at the deadline": (ended(137), again(LATE)),
    "ended by the signal": (ended(143), again(LATE)),
    "broke off by itself": (ended(1), again(LATE)),
    "out of memory meanwhile": (ended(137, reason="out_of_memory"), again(LATE)),
    "its machine was lost meanwhile": (Observation(Phase.LOST, "lost"), again(LATE)),
    "gone without a trace": (Observation(Phase.NOT_FOUND), again(LATE)),
    "its time was over": (ended(137, reason="time_limit"), Ended("failed", "time_limit", "Said.")),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_end_of_what_makes_way(name: str) -> None:
    observation, verdict = TABLE[name]
    assert judge(seen(), observation) == verdict


@pytest.mark.parametrize("reason", ["preempted", "reclaimed", "evicted"])
def test_it_goes_on_for_whichever_reason(reason: str) -> None:
    assert judge(seen(reason), ended(83)) == again(LEFT, reason)
    assert judge(seen(reason), ended(137)) == again(LATE, reason)


@pytest.mark.parametrize("reason", ["cancelled_by_user", "idle", "scaled_down"])
def test_a_wish_to_end_it_is_one_also_after_the_agreed_status(reason: str) -> None:
    assert judge(seen(reason), ended(83)) == Ended("cancelled", reason, WHY)
    assert judge(seen(reason), ended(137, reason="time_limit")) == Ended("cancelled", reason, WHY)


def test_the_agreed_status_means_nothing_to_what_was_not_told() -> None:
    told = Seen("job", "running", "", "", submitted=True, stop_sent=False)
    assert judge(told, ended(83)) == Ended("failed", "exit_nonzero", "Said.")


SAID = {
    (True, None, 83): "It left in time, has no checkpoint and starts anew: 900 s of work are lost.",
    (True, None, 137): "It did not leave as agreed, has no checkpoint and starts anew: 900 s of work are lost.",
    (True, BEGAN - timedelta(hours=1), 137): (
        "It did not leave as agreed: 900 s of work since its checkpoint of 2026-05-05 10:45:00 UTC are lost."
    ),
    (False, None, 137): "",
    (False, KEPT, 137): "",
}


@pytest.mark.parametrize(("began", "kept", "code"), SAID)
def test_what_is_lost_is_said(began: bool, kept: datetime | None, code: int) -> None:
    said = SAID[began, kept, code]
    assert judge(seen(began=began, kept=kept), ended(code)) == again(said)
    assert [part.code for part in parts_of(f"{WHY} {said}".strip())][1:] != ["said"]


def test_replicas_have_no_work_to_lose() -> None:
    assert judge(seen(kind="serving"), ended(143)) == again("")


def test_the_report_says_it_where_no_member_does() -> None:
    assert left_as_agreed(Observation(Phase.FAILED, report={"exit_code": 83}))
    assert not left_as_agreed(Observation(Phase.FAILED, report={"exit_code": 1}))
    assert not left_as_agreed(Observation(Phase.LOST))
