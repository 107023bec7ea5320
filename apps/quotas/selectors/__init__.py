"""Reads of the quotas app that span tables; output of jobs is in `logs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.access.models import Project
from apps.common.models import Transition
from apps.quotas.models import Queue, Workload
from apps.quotas.scheduling.snapshot import GPUS
from apps.quotas.scheduling.words import amount, short, size
from apps.quotas.states import OCCUPYING, WorkloadState

QUEUE_ROWS_MOST = 500


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One row of the queue page."""

    workload: Workload
    position: int
    """From 1 among all that wait in the pool, the reader's and others'; 0 for what does not wait."""
    count: int
    """Members; each has the following."""
    cores: float
    cores_text: str
    memory: str
    gpus: str
    """`2 × H200`; empty for none."""


def story_of(workload: Workload) -> QuerySet[Transition]:
    """Every step of a workload, oldest first."""
    return workload.story()


def projects_without_queue(user: Any) -> QuerySet[Project]:
    """The user's projects that have no place in any pool yet."""
    return Project.objects.visible_to(user).exclude(pk__in=Queue.objects.values("project"))


def pools_with_work() -> list[UUID]:
    """Pools in which something waits, or runs with fewer members than it wants. For admission, so of everybody."""
    waits = Q(state=WorkloadState.PENDING) | Q(state__in=OCCUPYING, count_granted__lt=F("count_max"))
    return list(Workload.objects.filter(waits).order_by("pool").values_list("pool", flat=True).distinct())


def queue_view(user: Any) -> tuple[list[QueueEntry], list[QueueEntry]]:
    """What runs and what waits, as far as the user may see it. Three queries.

    The first list is what holds quota, the longest-running first; the second is in the order of admission. Both have
    at most `QUEUE_ROWS_MOST` rows.
    """
    visible = Workload.objects.visible_to(user).select_related("project", "requested_by", "pool").defer("spec")
    holding = visible.filter(state__in=OCCUPYING).order_by("admitted_at", "id")[:QUEUE_ROWS_MOST]
    waiting = visible.filter(state=WorkloadState.PENDING).order_by("-priority", "created_at", "id")
    places = _positions()
    return (
        [_entry(workload, 0) for workload in holding],
        [_entry(workload, places.get(workload.pk, 0)) for workload in waiting[:QUEUE_ROWS_MOST]],
    )


def _positions() -> dict[UUID, int]:
    """Place of everything that waits in its pool's order of admission."""
    counts: dict[UUID, int] = {}
    places: dict[UUID, int] = {}
    rows = Workload.objects.filter(state=WorkloadState.PENDING).order_by("-priority", "created_at", "id")
    for workload_id, pool_id in rows.values_list("pk", "pool_id"):
        places[workload_id] = counts[pool_id] = counts.get(pool_id, 0) + 1
    return places


def _entry(workload: Workload, position: int) -> QueueEntry:
    cores = workload.cpu_millis / 1000
    return QueueEntry(
        workload,
        position,
        count=workload.count_granted or workload.count_max,
        cores=cores,
        cores_text=short(cores),
        memory=size(workload.memory_bytes),
        gpus=amount(GPUS, workload.gpus, workload.flavor) if workload.gpus else "",
    )
