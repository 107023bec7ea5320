"""How an attempt ends, and what becomes of its workload: over, or again after a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from apps.common import queues
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.moves import workload_move
from apps.quotas.services.plain import json_cleaned
from apps.quotas.services.retrying import pause_after
from apps.quotas.services.usage import usage_start
from apps.quotas.services.verdicts import Again, Ended, Verdict, exit_code_of
from apps.quotas.states import MAKING_WAY, Reason, WorkloadState
from workers.contracts.observation import Observation, Phase
from workers.contracts.sentences import say

BACK_OFF_FIRST_SECONDS = 5
FIRST_LOSS_SECONDS = 1
"""After one loss: it says nothing against the work. From the second on it waits as everything else does."""
BACK_OFF_MOST_SECONDS = 300
LONG_RUN_SECONDS = 3600
"""An attempt that ran this long is no sign of something that cannot run."""
IN_TIME = timedelta(seconds=15)
"""An end that is seen so soon after the look before was seen when it happened."""
MARGIN = timedelta(seconds=5)
"""What a job may have lived on after its last heartbeat: the time to its next."""


def attempt_end(
    workload: Workload,
    attempt: Attempt,
    verdict: Verdict,
    *,
    at: datetime,
    actor: Actor,
    observation: Observation | None = None,
    looked_at: datetime | None = None,
) -> None:
    """Close an attempt that is proven gone and move its workload on. Both rows are locked by the caller.

    Args:
        looked_at: when its backend was looked at before, and saw it alive; None: unknown.
    """
    if not isinstance(verdict, Ended | Again):
        raise TypeError(f"{verdict} does not end an attempt")
    _close(attempt, verdict.reason, at, observation)
    gone_at = _gone_at(attempt, observation, at, looked_at)
    if attempt.started_at is None and observation is not None and observation.phase in (Phase.SUCCEEDED, Phase.FAILED):
        # It came and went between two looks: what it used began when it was submitted.
        began = attempt.submitted_at or at
        usage_start(workload.pk, at=began)
        workload.started_at = workload.started_at or began
        workload.save(update_fields=["started_at"])
    if isinstance(verdict, Ended) and _fails_again(workload, attempt, verdict, at, gone_at, actor):
        return
    if isinstance(verdict, Ended):
        workload_move(
            workload, verdict.to, at=at, gone_at=gone_at, actor=actor, reason=verdict.reason, detail=verdict.detail
        )
    else:
        _again(workload, attempt, verdict, at, gone_at, actor)


def _fails_again(
    workload: Workload, attempt: Attempt, verdict: Ended, at: datetime, gone_at: datetime, actor: Actor
) -> bool:
    """Let what failed by itself wait for another attempt, where its owner asked for that; false: it is over."""
    if verdict.to != WorkloadState.FAILED or workload.state == WorkloadState.STOPPING:
        return False
    pause = pause_after(workload, attempt, verdict.reason)
    if pause is None:
        return False
    seconds, failed = pause
    again = say("failed_again", failed=failed, most=workload.retries["max_attempts"])
    workload_move(
        workload,
        WorkloadState.PENDING,
        at=at,
        gone_at=gone_at,
        actor=actor,
        reason=Reason.BACKING_OFF,
        detail=f"{verdict.detail} {again} {say('tries_again', seconds=seconds)}".strip(),
        back_offs=workload.back_offs + 1,
        not_before=at + timedelta(seconds=seconds),
    )
    queues.send(queues.ADMIT, workload.pool_id, after_seconds=seconds)
    return True


def back_off(
    workload: Workload,
    detail: str,
    *,
    at: datetime,
    actor: Actor,
    gone_at: datetime | None = None,
    lost: bool = False,
    **changes: Any,
) -> None:
    """Back to `pending`, not to be looked at before a time that doubles with each time in a row."""
    times: int = changes.pop("back_offs", workload.back_offs)
    wait = min(BACK_OFF_FIRST_SECONDS * 2 ** min(max(times - lost, 0), 10), BACK_OFF_MOST_SECONDS)
    if lost and not times:
        wait = FIRST_LOSS_SECONDS
    workload_move(
        workload,
        WorkloadState.PENDING,
        at=at,
        gone_at=gone_at,
        actor=actor,
        reason=Reason.BACKING_OFF,
        detail=f"{detail} {say('tries_again', seconds=wait)}".strip(),
        back_offs=times + 1,
        not_before=at + timedelta(seconds=wait),
        **changes,
    )
    queues.send(queues.ADMIT, workload.pool_id, after_seconds=wait)


def result_keep(attempt: Attempt, report: dict[str, Any] | None) -> bool:
    """Store the result of a report, the first that comes; True when it is new."""
    result = (report or {}).get("result")
    if attempt.result is not None or not isinstance(result, dict):
        return False
    attempt.result = json_cleaned(result)
    attempt.save(update_fields=["result"])
    return True


def _close(attempt: Attempt, outcome: str, at: datetime, observation: Observation | None) -> None:
    attempt.ended_at, attempt.outcome = at, outcome
    if observation is not None:
        attempt.exit_code = exit_code_of(observation)
    attempt.save(update_fields=["ended_at", "outcome", "exit_code"])


def _gone_at(attempt: Attempt, observation: Observation | None, at: datetime, looked_at: datetime | None) -> datetime:
    """When it was last known to hold anything.

    Its end, whichever it was, is billed when it is seen; but what ended while nobody looked (the control plane was
    down, or it vanished) until the last sign of its life: its last heartbeat with a margin, or the last look.
    """
    if observation is None:
        return at
    beat = attempt.heartbeat_at + MARGIN if attempt.heartbeat_at is not None else None
    look = max(looked_at, attempt.submitted_at or looked_at) if looked_at is not None else None
    signs = [sign for sign in (beat, look) if sign is not None]
    vanished = observation.phase in (Phase.LOST, Phase.NOT_FOUND)
    looked_away = look is not None and at - look > IN_TIME
    return min(at, max(signs)) if signs and (vanished or looked_away) else at


def _again(workload: Workload, attempt: Attempt, verdict: Again, at: datetime, gone_at: datetime, actor: Actor) -> None:
    if not verdict.back_off:
        why = verdict.detail if verdict.reason in MAKING_WAY else ""
        words = {"reason": verdict.reason, "detail": verdict.detail, "making_way": why}
        workload_move(workload, WorkloadState.PENDING, at=at, gone_at=gone_at, actor=actor, **words)
        return
    ran_long = attempt.started_at is not None and at - attempt.started_at >= timedelta(seconds=LONG_RUN_SECONDS)
    driven_out = verdict.reason in (Reason.EVICTED, Reason.NODE_LOST)
    was_well = ran_long or (attempt.started_at is not None and driven_out)
    times = 0 if was_well else workload.back_offs
    losses = (0 if ran_long else workload.losses) + verdict.lost
    if verdict.lost and losses >= workload.max_attempts:
        detail = f"{verdict.detail} {say('given_up', times=losses)}".strip()
        workload_move(
            workload,
            WorkloadState.FAILED,
            at=at,
            gone_at=gone_at,
            actor=actor,
            reason=Reason.LOST,
            detail=detail,
            losses=losses,
        )
        return
    counts = {"back_offs": times, "losses": losses}
    back_off(workload, verdict.detail, at=at, gone_at=gone_at, actor=actor, lost=verdict.lost, **counts)
