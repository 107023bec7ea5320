"""The work of the past hours, as it would come again."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import inf
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Now

from apps.quotas.models import Workload
from apps.quotas.scheduling.estimate_durations import Durations, Kind
from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.snapshot import Ask
from apps.quotas.states import Preemption, WorkloadKind

JOBS_MOST: Final = 5_000
_AGAIN: Final = UUID("6f0f7f0e-6f3c-5f0a-9d1b-0d4d2a2f6a11")
_ASKED = ("cpu_millis", "memory_bytes", "gpus", "flavor", "gpu_millis", "topology")


def past_jobs(pool_id: UUID, at: datetime, hours: int, durations: Durations) -> tuple[tuple[Job, ...], int]:
    """What was submitted in the last hours, so many hours later; and how many of them were too many.

    Each runs as long as it did; what has not ended, as long as like work does. What serves, and what never ran
    because somebody cancelled it, does not come again. One query.
    """
    rows = Workload.objects.filter(pool=pool_id, kind=WorkloadKind.JOB, created_at__gte=at - timedelta(hours=hours))
    rows = rows.filter(Q(ended_at=None) | Q(admitted_at__isnull=False)).annotate(
        ran=Sum(Coalesce("usage_records__closed_at", Now()) - F("usage_records__reserved_at")),
        opened=Count("usage_records", filter=Q(usage_records__closed_at=None)),
    )
    columns = (
        "pk", "queue", "created_at", "ended_at", "ran", "count_min", "count_max", "priority", "preemption",
        "time_limit_seconds", *_ASKED,
    )  # fmt: skip
    found = list(rows.order_by("-id").values_list(*columns)[: JOBS_MOST + 1])
    left_out = rows.count() - JOBS_MOST if len(found) > JOBS_MOST else 0
    chosen = found[:JOBS_MOST]
    kinds = [Kind(row[1], Ask(*row[10:]), row[6]) for row in chosen]
    limits = np.array([row[9] or inf for row in chosen], np.float64)
    ages = np.array([row[4].total_seconds() if row[4] else 0.0 for row in chosen], np.float64)
    chances = np.linspace(0.02, 0.98, len(chosen)) if chosen else np.empty(0)
    more = durations.left(kinds, limits, ages, chances)
    jobs = [
        _job(row, ages[at_row] + (0.0 if row[3] else more[at_row]), 3600.0 * hours) for at_row, row in enumerate(chosen)
    ]
    return tuple(jobs), left_out


def _job(row: tuple[Any, ...], seconds: float, later: float) -> Job:
    pk, queue, created, _, _, least, most, priority, preemption, limit, *ask = row
    return Job(
        id=uuid5(_AGAIN, str(pk)),
        queue_id=queue,
        ask=Ask(*ask),
        arrives_at=created.timestamp() + later,
        seconds=max(1.0, float(seconds)),
        limit_seconds=float(limit) if limit else inf,
        count_min=least,
        count_max=most,
        priority=priority,
        preempts=preemption == Preemption.LOWER_PRIORITY,
    )
