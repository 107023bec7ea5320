"""What takes too long or says nothing any more: found, told, ended. What is too long is for `scheduling.liveness`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import FilteredRelation, Q
from django.db.models.fields.json import KT
from django.utils.dateparse import parse_datetime

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.states import Move, explain
from apps.quotas.models import Attempt, Workload
from apps.quotas.scheduling import liveness as decider
from apps.quotas.scheduling.liveness import Limits, Liveness, Signs
from apps.quotas.services.late_starts import avoids_of, late_reason
from apps.quotas.services.moves import workload_locked, workload_move
from apps.quotas.services.pulses import API, works_since
from apps.quotas.states import LAUNCHED, Reason, WorkloadKind, WorkloadState
from workers.contracts.observation import Phase
from workers.contracts.sentences import say

ACTOR = Actor.system("liveness")
START_TIMEOUT_SECONDS = 300
"""Unless the spec says otherwise."""
QUIET_SECONDS = 60


def liveness_of(workload: Workload) -> Liveness | None:
    """The phase of a workload now, since when, and when it ends by itself; None once it is over. Three queries."""
    if workload.is_terminal:
        return None
    since = works_since(API) if workload.state == WorkloadState.RUNNING else None
    attempt = workload.attempts.filter(ended_at=None).first() if workload.state in LAUNCHED else None
    limits = _limits(**_own(workload))
    if workload.is_held:  # it waits for people, not for room
        limits = replace(limits, queued=0)
    return decider.liveness_of(_signs(workload, attempt, since), limits, clock.db_now())


def liveness_due() -> list[UUID]:
    """Workloads that must be ended, or whose silence must be told or is over. Four queries at most."""
    now = clock.db_now()
    rows = list(_suspects(now))
    since = works_since(API) if any(row.state == WorkloadState.RUNNING for row in rows) else None
    ids = [row.pk for row in rows if row.state in LAUNCHED]
    open_now = Attempt.objects.filter(workload__in=ids, ended_at=None).defer("result") if ids else ()
    attempts = {attempt.workload_id: attempt for attempt in open_now}
    due = []
    for row in rows:
        own = {"start_timeout": int(row.own_start or 0), "time_limit": int(row.own_limit or 0)}
        found = decider.liveness_of(_signs(row, attempts.get(row.pk), since), _limits(**own), now)
        told = row.state == WorkloadState.RUNNING and decider.sentence(found) != row.state_detail
        if told or (found is not None and found.overdue(now)):
            due.append(row.pk)
    return due


@transaction.atomic
def liveness_enforce(workload_id: UUID) -> bool:
    """Do to a workload what its phase asks for, judged anew by what is stored now. True: it was ended, or told."""
    workload = workload_locked(workload_id)
    now, found = clock.db_now(), liveness_of(workload)
    if found is None:
        return False
    if found.overdue(now):
        _end(workload, found, now)
        return True
    if workload.state != WorkloadState.RUNNING:
        return False
    told = bool(explain([Move(workload, workload.state, "", decider.sentence(found))]))
    if told:
        queues.send(queues.WORKLOAD_CHANGED, workload.pk)
    return told


def _suspects(now: datetime) -> Any:
    """What could be overdue or silent, roughly: everything else is left out by the database."""
    wanted = Q(state=WorkloadState.LAUNCHING)
    if settings.BEDPLATE_QUEUE_LIMIT_SECONDS:
        longest = now - timedelta(seconds=settings.BEDPLATE_QUEUE_LIMIT_SECONDS)
        wanted |= Q(state=WorkloadState.PENDING, is_held=False, state_at__lte=longest)
    quiet = now - timedelta(seconds=min(QUIET_SECONDS, settings.BEDPLATE_SILENT_SECONDS))
    maybe = Q(open__heartbeat_at=None) | Q(open__heartbeat_at__lte=quiet) | Q(count_granted__gt=1) | ~Q(state_detail="")
    wanted |= Q(state=WorkloadState.RUNNING) & (maybe | Q(spec__time_limit_seconds__gt=0))
    return (
        Workload.objects.alias(open=FilteredRelation("attempts", condition=Q(attempts__ended_at__isnull=True)))
        .filter(wanted)
        .annotate(own_start=KT("spec__start_timeout_seconds"), own_limit=KT("spec__time_limit_seconds"))
        .defer("spec")
        .order_by("pk")
    )


def _signs(workload: Workload, attempt: Attempt | None, since: datetime | None) -> Signs:
    signs = Signs(workload.state, workload.state_at, workload.not_before, reachable_since=since)
    if attempt is None:
        return signs
    serving = workload.kind == WorkloadKind.SERVING
    return replace(
        signs,
        pulling=any(member["phase"] == Phase.PULLING for member in attempt.members),
        pulled_at=attempt.pulled_at,
        started_at=attempt.started_at,
        heard_at=attempt.heartbeat_at if serving else _heard_at(attempt),
        attended=serving and any(member["ready"] for member in attempt.members),
        said=_said(attempt),
    )


def _said(attempt: Attempt) -> str:
    """What its backend says of members that run, each thing once."""
    running = (member for member in attempt.members if member["phase"] == Phase.RUNNING)
    return " ".join(dict.fromkeys(member["detail"] for member in running if member.get("detail")))


def _heard_at(attempt: Attempt) -> datetime | None:
    """When the running member that has been silent the longest was last heard of; None: one never was."""
    heard = [_heard_of(attempt, str(member["index"])) for member in attempt.members if member["phase"] == Phase.RUNNING]
    if not heard:
        found: datetime | None = attempt.heartbeat_at
        return found
    known = [at for at in heard if at is not None]
    return min(known) if len(known) == len(heard) else None


def _heard_of(attempt: Attempt, rank: str) -> datetime | None:
    if rank not in attempt.usage:
        return None
    at = attempt.usage[rank].get("at")
    found: datetime | None = parse_datetime(at) if at else attempt.heartbeat_at
    return found


def _own(workload: Workload) -> dict[str, int]:
    """What its spec says of its times."""
    spec = workload.spec
    return {
        "start_timeout": int(spec.get("start_timeout_seconds") or 0),
        "time_limit": int(spec.get("time_limit_seconds") or 0),
    }


def _limits(*, start_timeout: int, time_limit: int) -> Limits:
    return Limits(
        queued=settings.BEDPLATE_QUEUE_LIMIT_SECONDS,
        launching=start_timeout or START_TIMEOUT_SECONDS,
        running=time_limit,
        quiet=QUIET_SECONDS,
        silent=settings.BEDPLATE_SILENT_SECONDS,
    )


def _end(workload: Workload, found: Liveness, now: datetime) -> None:
    limits = _limits(**_own(workload))
    stopping = WorkloadState.STOPPING
    to, reason, detail = {
        decider.QUEUED: (
            WorkloadState.CANCELLED,
            Reason.QUEUE_TIMEOUT,
            say("queue_timeout", limit=limits.queued),
        ),
        decider.LAUNCHING: (stopping, Reason.START_TIMEOUT, say("start_timeout", limit=limits.launching)),
        decider.PULLING: (stopping, Reason.START_TIMEOUT, say("pull_timeout", limit=limits.pulling)),
        decider.RUNNING: (
            stopping,
            Reason.TIME_LIMIT,
            say("overtime", limit=limits.running),
        ),
        decider.SILENT: (stopping, Reason.LOST, say("lost_silent", since=decider.moment(found.since))),
    }[found.cause]
    changes: dict[str, Any] = {}
    if reason == Reason.START_TIMEOUT:
        attempt = workload.attempts.filter(ended_at=None).first()
        changes["avoids"] = avoids_of(workload, attempt, now)
        reason = late_reason(attempt)
        detail = f"{detail} {workload.state_detail}".strip()  # what its backend said of it last
    workload_move(workload, to, at=now, actor=ACTOR, reason=reason, detail=detail, **changes)
    if to == stopping:
        queues.send(queues.STOP, workload.pk)
