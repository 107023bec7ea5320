"""Usage intervals: opened at admission, billed as used from running, closed when the last member is gone.

All times are the database's. Callers run these in the transaction that moves the workload.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Coalesce, Greatest
from uuid6 import uuid7

from apps.quotas.models import Attempt, UsageRecord, Workload

_OPEN = f"""
INSERT INTO {UsageRecord._meta.db_table} (id, organisation_id, team_id, project_id, workload_id, pool_id, members,
    cpu_millis, memory_bytes, gpus, gpu_millis, flavor, reserved_at)
SELECT v.id, w.organisation_id, w.team_id, w.project_id, w.id, w.pool_id, w.count_granted,
    w.cpu_millis * w.count_granted, w.memory_bytes * w.count_granted, w.gpus * w.count_granted,
    w.gpus::bigint * w.gpu_millis * w.count_granted, w.flavor_granted, %(at)s
FROM unnest(%(ids)s::uuid[], %(workloads)s::uuid[]) AS v(id, workload) JOIN {Workload._meta.db_table} AS w
    ON w.id = v.workload ORDER BY v.id
"""  # noqa: S608 - our own words


def usage_open(workload_ids: Collection[UUID], *, at: datetime) -> None:
    """Open an interval over what each workload has been granted. One statement."""
    if workload_ids:
        values: dict[str, Any] = {"ids": [uuid7() for _ in workload_ids], "workloads": list(workload_ids), "at": at}
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, values)


def usage_attach(workload_id: UUID, attempt: Attempt) -> None:
    """Name the attempt that the open interval pays for."""
    UsageRecord.objects.filter(workload_id=workload_id, closed_at=None).update(attempt=attempt)


def usage_start(workload_id: UUID, *, at: datetime) -> None:
    """What was reserved is used from now on."""
    UsageRecord.objects.filter(workload_id=workload_id, closed_at=None, used_at=None).update(used_at=at)


def usage_close(workload_id: UUID, *, at: datetime) -> None:
    """As `usage_close_many`, for one."""
    usage_close_many([workload_id], at=at)


def usage_close_many(workload_ids: Collection[UUID], *, at: datetime) -> None:
    """Close the open intervals; none before its own beginning, nor before it was seen to run."""
    began = Coalesce("used_at", "reserved_at")
    open_now = UsageRecord.objects.filter(workload__in=workload_ids, closed_at=None)
    if workload_ids:
        open_now.update(closed_at=Greatest(began, at))


def usage_regrant(workload: Workload, *, at: datetime) -> None:
    """As `usage_regrant_many`, for one."""
    usage_regrant_many([workload], at=at)


def usage_regrant_many(workloads: Sequence[Workload], *, at: datetime) -> None:
    """Grants were resized: close the intervals and open the next ones, attached and used as the old ones were."""
    ids = [workload.pk for workload in workloads]
    old = {record.workload_id: record for record in UsageRecord.objects.filter(workload__in=ids, closed_at=None)}
    UsageRecord.objects.filter(workload__in=ids, closed_at=None).update(closed_at=Greatest("reserved_at", at))
    fresh = [_record(workload, at) for workload in workloads]
    for record in fresh:
        before = old.get(record.workload_id)
        if before is not None:
            record.attempt_id = before.attempt_id
            record.used_at = at if before.used_at else None
    UsageRecord.objects.bulk_create(fresh)


def _record(workload: Workload, at: datetime) -> UsageRecord:
    count = workload.count_granted
    return UsageRecord(
        organisation_id=workload.organisation_id,
        team_id=workload.team_id,
        project_id=workload.project_id,
        workload=workload,
        pool_id=workload.pool_id,
        members=count,
        cpu_millis=workload.cpu_millis * count,
        memory_bytes=workload.memory_bytes * count,
        gpus=workload.gpus * count,
        gpu_millis=workload.gpus * workload.gpu_millis * count,
        flavor=workload.flavor_granted,
        reserved_at=at,
    )
