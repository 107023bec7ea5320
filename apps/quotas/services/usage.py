"""Usage intervals: opened at admission, billed as used from running, closed when the last member is gone.

All times are the database's. Callers run these in the transaction that moves the workload.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Greatest

from apps.quotas.models import Attempt, UsageRecord, Workload


def usage_open(workloads: Iterable[Workload], *, at: datetime) -> None:
    """Open an interval over what each workload has been granted. One statement."""
    UsageRecord.objects.bulk_create([_record(workload, at) for workload in workloads])


def usage_attach(workload_id: UUID, attempt: Attempt) -> None:
    """Name the attempt that the open interval pays for."""
    UsageRecord.objects.filter(workload_id=workload_id, closed_at=None).update(attempt=attempt)


def usage_start(workload_id: UUID, *, at: datetime) -> None:
    """What was reserved is used from now on."""
    UsageRecord.objects.filter(workload_id=workload_id, closed_at=None, used_at=None).update(used_at=at)


def usage_close(workload_id: UUID, *, at: datetime) -> None:
    """Close the open interval; never before its own beginning."""
    UsageRecord.objects.filter(workload_id=workload_id, closed_at=None).update(
        closed_at=Greatest("reserved_at", at)
    )


def usage_regrant(workload: Workload, *, at: datetime) -> None:
    """The grant was resized: close the interval and open the next one, reserved and used as the old one was."""
    old = UsageRecord.objects.filter(workload=workload, closed_at=None).first()
    usage_close(workload.pk, at=at)
    record = _record(workload, at)
    if old is not None:
        record.attempt_id = old.attempt_id
        record.used_at = at if old.used_at else None
    record.save()


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
        flavor=workload.flavor_granted,
        reserved_at=at,
    )
