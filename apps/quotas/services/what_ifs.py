"""What would become of a pool's line: asked for, worked out in the background within bounds, kept for a day."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.access.models import User
from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Invalid, StaleState
from apps.common.states import transition
from apps.quotas.models import ResourcePool, WhatIf
from apps.quotas.scheduling.estimate_durations import Durations
from apps.quotas.scheduling.snapshot import Snapshot
from apps.quotas.scheduling.whatif import Reclaim, Unknown, reclaims
from apps.quotas.scheduling.whatif_run import Bounds, what_if
from apps.quotas.selectors.estimate_sql import durations_of
from apps.quotas.selectors.past_jobs import past_jobs
from apps.quotas.services.pool_snapshot import pool_read
from apps.quotas.services.what_if_answers import answer_as_json
from apps.quotas.services.what_if_changes import changes_check, changes_of
from apps.quotas.services.what_if_traces import trace_check, trace_world
from apps.quotas.states import WhatIfBasis, WhatIfChange, WhatIfReason, WhatIfState

KEPT: Final = timedelta(days=1)
STUCK: Final = timedelta(minutes=5)
"""Of an answer that is worked out for so long, the worker is gone."""
WAITING_MOST: Final = 10
"""Questions about one pool that wait for their answer."""
HORIZON_SECONDS: Final = 86_400.0
TICKS_MOST: Final = 1_440
ACTOR = Actor.system("what-if")


@transaction.atomic
def what_if_ask(
    *,
    pool: ResourcePool,
    requested_by: User,
    changes: Sequence[Mapping[str, Any]],
    basis: str,
    hours: int,
    trace_tasks: str = "",
    trace_nodes: str = "",
) -> WhatIf:
    """Ask. The answer is worked out in the background, see `state`, and is deleted after a day.

    Raises:
        Invalid: a change cannot be made of this pool, a trace cannot be read, or too many answers are being waited for.
    """
    changes_check(pool, changes)
    if basis != WhatIfBasis.NOW and not hours:
        raise Invalid("hours: in how many hours shall the work come?", fields={"hours": ["0 are none"]})
    if basis == WhatIfBasis.TRACE:
        _trace_check(changes, trace_tasks, trace_nodes)
    open_ones = WhatIf.objects.filter(pool=pool, state__in=[WhatIfState.QUEUED, WhatIfState.RUNNING])
    if open_ones.count() >= WAITING_MOST:
        raise Invalid(f"{WAITING_MOST} questions about this pool wait for their answers already.")
    made = WhatIf.objects.create(
        pool=pool,
        requested_by=requested_by,
        changes=list(changes),
        basis=basis,
        hours=hours,
        trace={"tasks": trace_tasks, "nodes": trace_nodes} if basis == WhatIfBasis.TRACE else None,
        expires_at=clock.db_now() + KEPT,
    )
    queues.send(queues.WHAT_IF, made.pk)
    return made


def _trace_check(changes: Sequence[Mapping[str, Any]], tasks: str, nodes: str) -> None:
    unmade = {WhatIfChange.PRIORITY} | ({WhatIfChange.REMOVE_NODES} if nodes else set())
    for change in changes:
        if change["kind"] in unmade:
            raise Invalid(f"changes: {change['kind']} is of something that is not in the trace")
    trace_check(tasks, nodes)


def what_if_answer(what_if_id: UUID) -> None:
    """Work an answer out. Nothing happens unless it still waits for that. Takes seconds, in no transaction."""
    row = WhatIf.objects.select_related("pool").filter(pk=what_if_id, state=WhatIfState.QUEUED).first()
    if row is None:
        return
    at = clock.db_now()
    try:
        transition(row, WhatIfState.RUNNING, actor=ACTOR, began_at=at)
    except StaleState:  # somebody else works it out
        return
    try:
        result = _answer(row, at)
    except (Invalid, Unknown):
        transition(row, WhatIfState.FAILED, actor=ACTOR, reason=WhatIfReason.CHANGED_MEANWHILE)
        return
    transition(row, WhatIfState.SUCCEEDED, actor=ACTOR, result=result)


def _answer(row: WhatIf, at: datetime) -> dict[str, Any]:
    present = snapshot_present(row.pool, at)
    durations = durations_of(row.pool_id, at)
    if row.basis == WhatIfBasis.TRACE:
        return _answer_of_trace(row, present, durations)
    span = 3600.0 * row.hours
    jobs, left_out = past_jobs(row.pool_id, at, row.hours, durations) if row.hours else ((), 0)
    start, horizon = present, HORIZON_SECONDS
    if row.basis == WhatIfBasis.LEDGER:
        start = replace(present, at=present.at - span, holdings=(), waiting=())
        horizon = 2 * span
        jobs = tuple(replace(job, arrives_at=job.arrives_at - span) for job in jobs)
    bounds = _bounds(horizon)
    found = what_if(start, changes_of(row.pool_id, row.changes), durations, jobs, time.monotonic, bounds)
    return answer_as_json(found, present, arrivals=len(jobs), left_out=left_out)


def _answer_of_trace(row: WhatIf, present: Snapshot, durations: Durations) -> dict[str, Any]:
    start, jobs, left_out = trace_world(present, row.trace or {}, row.hours)
    changes = changes_of(row.pool_id, row.changes)
    found = what_if(start, changes, durations, jobs, time.monotonic, _bounds(2 * 3600.0 * row.hours))
    return answer_as_json(found, start, arrivals=len(jobs), left_out=left_out)


def _bounds(horizon: float) -> Bounds:
    return Bounds(horizon_seconds=horizon, tick_seconds=max(10.0, horizon / TICKS_MOST))


def snapshot_present(pool: ResourcePool, at: datetime) -> Snapshot:
    """A pool now, for what decides nothing: what moved between two statements is in it once."""
    snapshot = pool_read(pool, at, decides=False).snapshot
    held = {one.workload_id for one in snapshot.holdings}
    return replace(snapshot, waiting=tuple(one for one in snapshot.waiting if one.workload_id not in held))


def reclaims_of(pool: ResourcePool, changes: Sequence[Mapping[str, Any]]) -> tuple[Reclaim, ...]:
    """What runs and would be taken back because of changes: two decisions of admission, of which nothing is done.

    Raises:
        Invalid: a change cannot be made of this pool.
    """
    changes_check(pool, changes)
    return reclaims(snapshot_present(pool, clock.db_now()), changes_of(pool.pk, changes))


def what_ifs_due() -> list[UUID]:
    """Questions whose hint was lost, the oldest first."""
    rows = WhatIf.objects.filter(state=WhatIfState.QUEUED).order_by("id")
    return list(rows.values_list("pk", flat=True)[:WAITING_MOST])


def what_ifs_forget() -> None:
    """Delete answers that have been kept long enough, and give up what a worker left half done."""
    now = clock.db_now()
    for row in WhatIf.objects.filter(state=WhatIfState.RUNNING, began_at__lt=now - STUCK):
        transition(row, WhatIfState.FAILED, actor=ACTOR, reason=WhatIfReason.INTERRUPTED)
    WhatIf.objects.filter(Q(expires_at__lt=now) & ~Q(state=WhatIfState.RUNNING)).delete()
