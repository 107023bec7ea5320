"""Estimated starts as they stand, and how far past ones have been off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from apps.quotas.models import StartEstimate

_ACCURACY = """
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(error_seconds)),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY error_seconds), avg(inside::int)::float8
    FROM quotas_startestimate WHERE queue_id = %(queue)s AND is_first AND started_at >= %(since)s
"""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of the first estimates of what has started lately."""

    count: int
    median_error_seconds: float | None
    """Without its sign."""
    median_lateness_seconds: float | None
    """Above 0: work tends to start later than was said."""
    coverage_ratio: float | None
    """How often the start was inside the band."""
    since: datetime


def accuracy_of(queue_id: UUID, since: datetime) -> Accuracy:
    """How good estimates for a queue have been. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCURACY, {"queue": queue_id, "since": since})
        count, error, lateness, coverage = cursor.fetchone()
    return Accuracy(count, error, lateness, coverage, since)


def estimates_now(workloads: Iterable[UUID]) -> dict[UUID, StartEstimate]:
    """The latest estimate of each that has one and has not started since. One query."""
    rows = StartEstimate.objects.filter(workload__in=list(workloads), started_at=None)
    return {row.workload_id: row for row in rows.order_by("workload", "-made_at").distinct("workload")}
