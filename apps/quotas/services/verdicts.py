"""What an observation means for a workload. Pure: plain values in, one verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.quotas.scheduling.liveness import moment
from apps.quotas.states import CANCELLING, ENDED, GOES_ON, REQUEUED, WAITING, Reason, WorkloadKind, WorkloadState
from workers.contracts import exit_codes
from workers.contracts.observation import ENDED as ENDED_PHASES
from workers.contracts.observation import MemberObservation, Observation, Phase
from workers.contracts.sentences import say


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known of the workload when its backend was asked."""

    kind: str
    state: str
    reason: str
    detail: str
    submitted: bool
    """The backend had acknowledged the job before it was asked."""
    stop_sent: bool
    """The backend had acknowledged the stop before it was asked."""
    began_at: datetime | None = None
    """When this attempt began to run; None: it has not."""
    kept_at: datetime | None = None
    """Of its last checkpoint that counts, of any attempt."""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing moves."""


@dataclass(frozen=True, slots=True)
class Started:
    """It runs now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over: `to` is terminal."""

    to: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Again:
    """This attempt is over, the workload is not."""

    reason: str
    """Outcome of the attempt."""
    detail: str
    back_off: bool = True
    lost: bool = False
    """Counts against `max_attempts`."""


Verdict = Stay | Started | Ended | Again


def judge(seen: Seen, observation: Observation) -> Verdict:
    """The verdict on an open attempt of a workload that is launching, running or stopping.

    Not found means gone only when the backend had been told of the job, or told to stop it, before it was asked;
    else a submit may still be on its way.
    """
    phase = observation.phase
    if phase not in ENDED_PHASES:
        return Started() if phase == Phase.RUNNING and seen.state == WorkloadState.LAUNCHING else Stay()
    if phase == Phase.SUCCEEDED and seen.kind == WorkloadKind.JOB:
        return Ended(WorkloadState.SUCCEEDED, Reason.COMPLETED, observation.detail)
    if seen.state == WorkloadState.STOPPING:
        gone = phase != Phase.NOT_FOUND or seen.submitted or seen.stop_sent
        return _left(seen, observation) if gone else Stay()
    if phase == Phase.NOT_FOUND and not seen.submitted:
        return Stay()
    if phase == Phase.FAILED:
        return _failed(observation)
    if phase == Phase.LOST and observation.reason in WAITING:  # somebody took its place, or its node, away
        return Again(observation.reason, _told(observation))
    return Again(Reason.LOST, observation.detail or say("vanished"), lost=True)


def _left(seen: Seen, observation: Observation) -> Verdict:
    """What was told to leave is gone.

    What was to go on elsewhere does, however it ended: what it broke in its last seconds it breaks again if it is its
    own fault. Only the limit of its time ends it, which was over with or without us.
    """
    if seen.reason not in GOES_ON:
        return stopped(seen.reason, seen.detail)
    if observation.reason == Reason.TIME_LIMIT:
        return Ended(WorkloadState.FAILED, Reason.TIME_LIMIT, _told(observation))
    said = _what_is_lost(seen, agreed=left_as_agreed(observation)) if seen.kind == WorkloadKind.JOB else ""
    return stopped(seen.reason, f"{seen.detail} {said}".strip())


def left_as_agreed(observation: Observation) -> bool:
    """Whether a job left with the agreed status after it had stored its work: all members, or the first, which is the
    one that stores it."""
    codes = [member.exit_code for member in sorted(observation.members, key=lambda member: member.index)]
    if not any(code is not None for code in codes):
        return exit_code_of(observation) == exit_codes.PREEMPTED
    return codes[0] == exit_codes.PREEMPTED or set(codes) == {exit_codes.COMPLETED, exit_codes.PREEMPTED}


def _what_is_lost(seen: Seen, *, agreed: bool) -> str:
    """A sentence about the work of an attempt that made way; nothing of one that did no work."""
    if seen.began_at is None or seen.asked_at is None:
        return ""
    since = max(seen.began_at, seen.kept_at or seen.began_at)
    lost = {"seconds": max(round((seen.asked_at - since).total_seconds()), 0)}
    if seen.kept_at is None:
        return say("left_anew" if agreed else "left_late_anew", **lost)
    return say("left_with", at=moment(seen.kept_at)) if agreed else say("left_late", at=moment(seen.kept_at), **lost)


def stopped(reason: str, detail: str) -> Verdict:
    """How something ends that was told to stop for that reason."""
    if reason == Reason.LOST:
        return Again(reason, detail, lost=True)
    if reason in REQUEUED:
        return Again(reason, detail, back_off=reason == Reason.START_TIMEOUT)
    return Ended(WorkloadState.CANCELLED if reason in CANCELLING else WorkloadState.FAILED, reason, detail)


def _failed(observation: Observation) -> Verdict:
    detail = _told(observation)
    if exit_code_of(observation) == exit_codes.CONTROL_PLANE_GONE:
        return Again(Reason.LOST, detail or say("token_expired"), lost=True)
    if observation.reason == Reason.LOST:
        return Again(Reason.LOST, detail, lost=True)
    if observation.reason in WAITING:
        return Again(observation.reason, detail)
    known = observation.reason in ENDED - CANCELLING - {Reason.COMPLETED}
    reason = observation.reason if known else Reason.EXIT_NONZERO
    if reason == Reason.EXIT_NONZERO and _error_of(observation).get("code") == Reason.ENVIRONMENT_FAILED:
        reason = Reason.ENVIRONMENT_FAILED
    return Ended(WorkloadState.FAILED, reason, detail)


def exit_code_of(observation: Observation) -> int | None:
    """The first exit code that is not 0, by rank; else 0 if any member exited; else what the report says."""
    codes = [member.exit_code for member in observation.members if member.exit_code is not None]
    reported = (observation.report or {}).get("exit_code")
    if not codes:
        return reported if isinstance(reported, int) else None
    return next((code for code in codes if code), 0)


def surplus_gone(members: tuple[MemberObservation, ...], count: int) -> bool:
    """Whether no member beyond the first `count` can be alive."""
    return all(member.index < count or member.phase in ENDED_PHASES for member in members)


def _told(observation: Observation) -> str:
    """What the backend says, and what the job itself said about its failure, unless the backend repeats it."""
    said = _error_of(observation).get("detail")
    is_more = isinstance(said, str) and said not in observation.detail
    return f"{observation.detail} {said}".strip()[:2000] if is_more else observation.detail


def _error_of(observation: Observation) -> dict[str, Any]:
    """`{"code", "detail"}` that the job left; empty where it left none."""
    result: Any = (observation.report or {}).get("result")
    error = result.get("error") if isinstance(result, dict) else None
    return error if isinstance(error, dict) else {}
