"""Attempts: begun, submitted, stopped, observed. Every step is guarded by what is stored now, and may be repeated."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.states import Move, explain
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.endings import attempt_end, back_off, result_keep
from apps.quotas.services.moves import workload_locked, workload_move
from apps.quotas.services.usage import usage_attach, usage_regrant, usage_start
from apps.quotas.services.verdicts import Ended, Seen, Started, Stay, Verdict, judge, stopped, surplus_gone
from apps.quotas.states import LAUNCHED, Reason, WorkloadKind, WorkloadState
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Observation, Phase

ACTOR = Actor.system("dispatch")


@transaction.atomic
def attempt_begin(workload_id: UUID, attempt_id: UUID, handle: JobHandle) -> Attempt | None:
    """Commit to launch: `admitted → launching` and a new attempt. None when the workload is not admitted (any more)."""
    workload = workload_locked(workload_id)
    if workload.state != WorkloadState.ADMITTED:
        return None
    attempt = Attempt(
        id=attempt_id,
        project_id=workload.project_id,
        organisation_id=workload.organisation_id,
        team_id=workload.team_id,
        workload=workload,
        number=workload.attempts_made + 1,
        handle=handle.to_json(),
    )
    attempt.save(force_insert=True)
    begun_at, to = clock.db_now(), WorkloadState.LAUNCHING
    workload_move(workload, to, at=begun_at, actor=ACTOR, attempts_made=attempt.number, making_way="")
    usage_attach(workload.pk, attempt)
    return attempt


def attempt_submitted(attempt_id: UUID, *, count: int) -> None:
    """The backend has acknowledged the job, with that many members."""
    at = clock.db_now()
    Attempt.objects.filter(pk=attempt_id, ended_at=None, submitted_at=None).update(
        submitted_at=at, count_told=count, told_at=at
    )


def attempt_resized(attempt_id: UUID, *, count: int) -> None:
    """The backend has acknowledged another number of members."""
    Attempt.objects.filter(pk=attempt_id, ended_at=None).update(count_told=count, told_at=clock.db_now())


def attempt_stop_sent(attempt_id: UUID) -> None:
    """The backend has acknowledged that the job must stop, or must never start."""
    Attempt.objects.filter(pk=attempt_id, ended_at=None, stop_sent_at=None).update(stop_sent_at=clock.db_now())


@transaction.atomic
def attempt_refused(attempt_id: UUID, *, reason: str = Reason.LAUNCH_ERROR, detail: str) -> None:
    """The launch can never succeed, and nothing of it runs. One that the backend has acknowledged is left alone."""
    found = _open(attempt_id)
    if found is None or found[0].submitted_at is not None:
        return
    attempt, workload = found
    verdict: Verdict = Ended(WorkloadState.FAILED, reason, detail)
    if workload.state == WorkloadState.STOPPING:
        verdict = stopped(workload.state_reason, workload.state_detail)
    attempt_end(workload, attempt, verdict, at=clock.db_now(), actor=ACTOR)


@transaction.atomic
def launch_delayed(workload_id: UUID, *, detail: str) -> None:
    """The backend has not taken the job yet: say why. It is submitted again until it does, or the start times out."""
    workload = workload_locked(workload_id)
    if workload.state == WorkloadState.LAUNCHING and explain([Move(workload, workload.state, "", detail)]):
        queues.send(queues.WORKLOAD_CHANGED, workload.pk)


@transaction.atomic
def launch_undo(workload_id: UUID, *, detail: str) -> None:
    """The backend cannot be reached before anything was begun: wait again, with back-off."""
    workload = workload_locked(workload_id)
    if workload.state == WorkloadState.ADMITTED:
        back_off(workload, detail, at=clock.db_now(), actor=ACTOR)


@transaction.atomic
def attempt_observed(
    attempt_id: UUID,
    observation: Observation,
    *,
    asked_at: datetime | None = None,
    looked_at: datetime | None = None,
) -> bool:
    """Apply what a backend saw of an attempt; True when the workload moved. An attempt that has ended is left alone.

    Args:
        asked_at: database time before the backend was asked; now, when nothing was in flight meanwhile.
        looked_at: database time of the last look before this one, which saw it alive; None: unknown.
    """
    found = _open(attempt_id)
    if found is None:
        return False
    attempt, workload = found
    at = clock.db_now()
    verdict = judge(_seen(attempt, workload, asked_at or at), observation)
    news = _members_keep(attempt, observation, at) | result_keep(attempt, observation.report)
    if isinstance(verdict, Started):
        _start(workload, attempt, at)
    elif not isinstance(verdict, Stay):
        attempt_end(workload, attempt, verdict, at=at, actor=ACTOR, observation=observation, looked_at=looked_at)
    else:
        news |= _shrink(workload, attempt, observation, asked_at or at, at)
        if _says_why(workload, observation):
            news |= bool(explain([Move(workload, workload.state, "", observation.detail)]))
        if news:
            queues.send(queues.WORKLOAD_CHANGED, workload.pk)
    return not isinstance(verdict, Stay)


def observation_matters(attempt: Attempt, observation: Observation, *, asked_at: datetime) -> bool:
    """Whether applying it could change anything, judged by the rows as they were loaded. No query."""
    workload = attempt.workload
    if not isinstance(judge(_seen(attempt, workload, asked_at), observation), Stay):
        return True
    if _says_why(workload, observation):
        return True
    fewer = workload.kind == WorkloadKind.SERVING and workload.count_kept < workload.count_granted
    return fewer or attempt.members != _members_seen(attempt, observation)


def _says_why(workload: Workload, observation: Observation) -> bool:
    """Whether its backend says something new of why it does not run yet."""
    said = observation.detail
    return workload.state == WorkloadState.LAUNCHING and bool(said) and said != workload.state_detail


def _open(attempt_id: UUID) -> tuple[Attempt, Workload] | None:
    """The attempt with its workload locked, while it is open."""
    workload_id = Attempt.objects.filter(pk=attempt_id).values_list("workload_id", flat=True).first()
    if workload_id is None:
        return None
    workload = workload_locked(workload_id)
    attempt = Attempt.objects.get(pk=attempt_id)
    return (attempt, workload) if attempt.ended_at is None and workload.state in LAUNCHED else None


def _seen(attempt: Attempt, workload: Workload, asked_at: datetime) -> Seen:
    def before(moment: datetime | None) -> bool:
        return moment is not None and moment <= asked_at

    return Seen(
        workload.kind,
        workload.state,
        workload.state_reason,
        workload.state_detail,
        submitted=before(attempt.submitted_at),
        stop_sent=before(attempt.stop_sent_at),
        began_at=attempt.started_at,
        kept_at=workload.checkpoint_at,
        asked_at=asked_at,
    )


def _members_keep(attempt: Attempt, observation: Observation, at: datetime) -> bool:
    """Store what was seen of the members if it is new."""
    members = _members_seen(attempt, observation)
    if members == attempt.members:
        return False
    if _pulls(attempt.members) and not _pulls(members):
        attempt.pulled_at = at
    attempt.members = members
    attempt.save(update_fields=["members", "pulled_at"])
    return True


def _members_seen(attempt: Attempt, observation: Observation) -> list[dict[str, Any]]:
    """What was seen of the members; which image one ran is kept when nobody can say it any more."""
    known = {member["index"]: {"image": member["image"]} for member in attempt.members if member.get("image")}
    return [{**known.get(member["index"], {}), **member} for member in observation.members_to_json()]


def _pulls(members: list[dict[str, Any]]) -> bool:
    return any(member["phase"] == Phase.PULLING for member in members)


def _start(workload: Workload, attempt: Attempt, at: datetime) -> None:
    attempt.started_at = at
    attempt.save(update_fields=["started_at"])
    workload_move(workload, WorkloadState.RUNNING, at=at, actor=ACTOR, started_at=workload.started_at or at)
    usage_start(workload.pk, at=at)


def _shrink(workload: Workload, attempt: Attempt, observation: Observation, asked_at: datetime, at: datetime) -> bool:
    """Give back the places of members that are wanted no more, or left for another workload, once they are proven
    gone."""
    count = workload.count_kept
    told = attempt.told_at is not None and attempt.told_at <= asked_at and attempt.count_told <= count
    if workload.state == WorkloadState.STOPPING or workload.count_granted <= count or not told:
        return False
    if not surplus_gone(observation.members, count):
        return False
    workload.assignments, workload.count_granted = workload.assignments[:count], count
    workload.count_target = None  # from now on it may grow again, where admission finds room
    workload.save(update_fields=["assignments", "count_granted", "count_target"])
    explain([Move(workload, workload.state)])
    usage_regrant(workload, at=at)
    queues.send(queues.ADMIT, workload.pool_id)
    return True
