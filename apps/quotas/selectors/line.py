"""The line before a pool: what runs in it, what waits for it and at which place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, Window
from django.db.models.fields.json import KT
from django.db.models.functions import RowNumber

from apps.quotas.models import ResourcePool, StartEstimate, Workload
from apps.quotas.selectors.estimates import estimates_now
from apps.quotas.selectors.pool_map import Holder, holder_of, visible_project
from apps.quotas.states import OCCUPYING, WorkloadState

ROWS_MOST = 500
ADMISSION_ORDER = ("-priority", "created_at", "pk")
"""Of what waits in a pool: higher priority first, then the older; as `scheduling.snapshot.Waiting.rank`."""
_ORDER = ("is_held", *ADMISSION_ORDER)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of something that waits."""

    position: int
    """From 1, among all that wait in the pool."""
    queue_position: int
    """From 1, among what waits in its own queue."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the line: who it is, as far as the reader may know, and what everybody may know of it."""

    holder: Holder
    ask: Workload
    """What it asks for and was granted: nothing else of it is shown."""
    place: Place | None = None
    """Of what waits."""
    estimate: StartEstimate | None = None
    """When it is expected to start."""
    expected_end_at: datetime | None = None
    """Of what runs: when it ends by itself at the latest; None: nobody knows."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pool's line. At most `ROWS_MOST` entries of each kind; the totals are of all."""

    running: list[Entry]
    """What holds something, the longest admitted first."""
    waiting: list[Entry]
    """In the order of admission; what its owner holds back comes last."""
    running_total: int
    waiting_total: int


def pool_line(pool: ResourcePool, user: Any) -> Line:
    """What runs and what waits in a pool, everybody's. Four queries."""
    rows = Workload.objects.filter(pool=pool).annotate(visible=visible_project(user))
    rows = rows.select_related("project", "requested_by").defer("spec", "assignments")
    waits = Q(state=WorkloadState.PENDING)
    totals = Workload.objects.filter(pool=pool).aggregate(
        running=Count("pk", filter=Q(state__in=OCCUPYING)), waiting=Count("pk", filter=waits)
    )
    running = (
        rows.filter(state__in=OCCUPYING)
        .alias(open=FilteredRelation("attempts", condition=Q(attempts__ended_at__isnull=True)))
        .annotate(attempt_started_at=F("open__started_at"), own_limit=KT("spec__time_limit_seconds"))
        .order_by("admitted_at", "pk")
    )
    waiting = rows.filter(waits).annotate(
        position=Window(RowNumber(), order_by=_ORDER),
        queue_position=Window(RowNumber(), partition_by="queue", order_by=_ORDER),
    )
    shown = list(waiting.order_by(*_ORDER)[:ROWS_MOST])
    starts = estimates_now(row.pk for row in shown)
    return Line(
        [Entry(holder_of(row), row, expected_end_at=_end(row)) for row in running[:ROWS_MOST]],
        [Entry(holder_of(row), row, place=_place(row), estimate=starts.get(row.pk)) for row in shown],
        totals["running"],
        totals["waiting"],
    )


def place_of(workload: Workload) -> Place | None:
    """Where a workload stands in the line; None unless it waits in it. One query."""
    if workload.state != WorkloadState.PENDING or workload.is_held:
        return None
    first = Q(priority__gt=workload.priority)
    first |= Q(priority=workload.priority, created_at__lt=workload.created_at)
    first |= Q(priority=workload.priority, created_at=workload.created_at, pk__lt=workload.pk)
    line = Workload.objects.filter(pool=workload.pool_id, state=WorkloadState.PENDING, is_held=False)
    ahead = line.filter(first).aggregate(all=Count("pk"), queue=Count("pk", filter=Q(queue=workload.queue_id)))
    return Place(ahead["all"] + 1, ahead["queue"] + 1, workload.state_at)


def _place(row: Any) -> Place:
    return Place(row.position, row.queue_position, row.state_at)


def _end(row: Any) -> datetime | None:
    """Its attempt's beginning and its time limit."""
    limit, began = int(row.own_limit or 0), row.attempt_started_at
    return began + timedelta(seconds=limit) if began and limit else None
