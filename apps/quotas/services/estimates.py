"""Estimates of when what waits will start: made, renewed when they no longer hold, and judged once it has started."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.common import clock
from apps.common.events import emit
from apps.quotas.models import EstimateLevel, ResourcePool, StartEstimate, Workload
from apps.quotas.scheduling.estimate import Estimate, estimates
from apps.quotas.scheduling.estimate_bands import Levels
from apps.quotas.scheduling.snapshot import Snapshot
from apps.quotas.selectors.estimate_sql import calibration_of, durations_of
from apps.quotas.services.pool_snapshot import pool_read
from apps.quotas.states import WorkloadState

KEPT = timedelta(days=30)
MADE_MOST = 2_000
"""Estimates that are written at a time; the next time goes on."""
ALIKE_MOST = 60_000
MOVED_SECONDS, MOVED_RATIO = 60.0, 0.2
"""Another estimate is written when the start has moved by more than this, and by this part of what is left to wait."""

_SETTLED = """
    WITH settled AS (
        UPDATE quotas_startestimate AS e
        SET started_at = u.at, error_seconds = extract(epoch FROM u.at - e.start_at)::float8,
            inside = u.at BETWEEN e.low_at AND e.high_at
        FROM quotas_startestimate AS o CROSS JOIN LATERAL (
            SELECT min(r.reserved_at) AS at FROM quotas_usagerecord AS r
            WHERE r.workload_id = o.workload_id AND r.reserved_at >= o.made_at
        ) AS u
        WHERE e.id = o.id AND o.pool_id = %(pool)s AND o.started_at IS NULL AND u.at IS NOT NULL
        RETURNING e.bucket, u.at < e.low_at AS before, u.at > e.high_at AS after,
                  e.is_first AND e.missed_at IS NULL AS teaches
    )
    SELECT bucket, count(*) FILTER (WHERE before), count(*) FILTER (WHERE after), count(*)
    FROM settled WHERE teaches GROUP BY bucket
"""
_MISSED = """
    WITH missed AS (
        UPDATE quotas_startestimate SET missed_at = %(at)s
        WHERE pool_id = %(pool)s AND started_at IS NULL AND is_first AND missed_at IS NULL AND high_at < %(at)s
        RETURNING bucket
    )
    SELECT bucket, 0, count(*), count(*) FROM missed GROUP BY bucket
"""
_VOID = """
    DELETE FROM quotas_startestimate AS e USING quotas_workload AS w
    WHERE w.id = e.workload_id AND e.pool_id = %(pool)s AND e.started_at IS NULL AND w.ended_at IS NOT NULL
"""


def estimates_refresh(pool_id: UUID) -> int:
    """Judge the estimates of what has started, and make new ones where they are due. Returns how many were made.

    Reads the pool without its lock and decides nothing. However much waits, a constant number of statements; of the
    work in Python, a part grows with the kinds of work that wait, and a small one with what waits.
    """
    pool = ResourcePool.objects.filter(pk=pool_id).first()
    if pool is None:
        return 0
    estimates_settle(pool_id)
    at = clock.db_now()
    snapshot = _present(pool, at)
    if not snapshot.waiting:
        return 0
    found = estimates(snapshot, durations_of(pool_id, at), calibration_of(pool_id, at))
    return _write(pool, found, at)


@transaction.atomic
def estimates_settle(pool_id: UUID) -> None:
    """Say of estimates how far off they were, and learn from those that were the first. Four to six statements.

    That a band has passed is learnt as soon as it has, not when at last something starts. What ended without having
    started teaches nothing: its estimates go.
    """
    values: dict[str, Any] = {"pool": pool_id, "at": clock.db_now()}
    learnt: dict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    with connection.cursor() as cursor:
        cursor.execute(_VOID, values)
        for statement in (_SETTLED, _MISSED):
            cursor.execute(statement, values)
            for bucket, before, after, count in cursor.fetchall():
                was = learnt[bucket]
                learnt[bucket] = (was[0] + before, was[1] + after, was[2] + count)
    if learnt:
        _learn(pool_id, learnt)


def _learn(pool_id: UUID, learnt: Mapping[str, tuple[int, int, int]]) -> None:
    rows = EstimateLevel.objects.select_for_update().filter(pool=pool_id, bucket__in=learnt)
    known = {row.bucket: row for row in rows}
    for bucket, (before, after, count) in learnt.items():
        row = known.get(bucket) or EstimateLevel(pool_id=pool_id, bucket=bucket, low=Levels().low, high=Levels().high)
        levels = Levels(row.low, row.high).learnt(before, after, count)
        row.low, row.high, row.count = levels.low, levels.high, row.count + count
        known[bucket] = row
    EstimateLevel.objects.bulk_create(
        known.values(),
        update_conflicts=True,
        unique_fields=["pool", "bucket"],
        update_fields=["low", "high", "count"],
    )


def estimates_forget() -> int:
    """Delete estimates made long ago. Returns how many."""
    gone, _ = StartEstimate.objects.filter(made_at__lt=clock.db_now() - KEPT).delete()
    return gone


def _present(pool: ResourcePool, at: datetime) -> Snapshot:
    """All that waits; what was admitted or stopped between two statements is in it once."""
    snapshot = pool_read(pool, at, alike_most=ALIKE_MOST, decides=False).snapshot
    held = {one.workload_id for one in snapshot.holdings}
    return replace(snapshot, waiting=tuple(one for one in snapshot.waiting if one.workload_id not in held))


def _write(pool: ResourcePool, found: Mapping[UUID, Estimate], at: datetime) -> int:
    rows = StartEstimate.objects.filter(pool=pool, started_at=None).order_by("workload", "-made_at")
    last = dict(rows.distinct("workload").values_list("workload", "start_at"))
    due = [one for one in found.values() if is_due(one, last.get(one.workload_id))]
    due.sort(key=lambda one: (one.workload_id in last, one.start_at))
    chosen = {one.workload_id: one for one in due[:MADE_MOST]}
    waits = Workload.objects.filter(pk__in=chosen, state=WorkloadState.PENDING).only(
        "pk", "organisation", "team", "project", "pool", "queue"
    )
    made = [_row(workload, chosen[workload.pk], workload.pk not in last, at) for workload in waits]
    if made:
        with transaction.atomic():
            StartEstimate.objects.bulk_create(made)
            emit("pool.estimated", pool, noun="pool")  # of the pool, once: whoever looks at its line reads it again
    return len(made)


def is_due(one: Estimate, last: datetime | None) -> bool:
    """Whether an estimate says something new."""
    if last is None:
        return True
    moved = abs(one.start_at - last.timestamp())
    return moved > MOVED_SECONDS and moved > MOVED_RATIO * (one.start_at - one.made_at)


def _row(workload: Workload, one: Estimate, is_first: bool, at: datetime) -> StartEstimate:
    return StartEstimate(
        organisation_id=workload.organisation_id,
        team_id=workload.team_id,
        project_id=workload.project_id,
        workload=workload,
        pool_id=workload.pool_id,
        queue_id=workload.queue_id,
        made_at=at,
        start_at=_time(one.start_at),
        low_at=_time(one.low),
        high_at=_time(one.high),
        bucket=one.bucket,
        forecast_seconds=one.forecast_seconds,
        is_first=is_first,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def pools_estimated() -> list[UUID]:
    """Pools in which something waits, or has estimates that are not judged yet."""
    waits = Workload.objects.filter(state=WorkloadState.PENDING, is_held=False).values_list("pool", flat=True)
    opened = StartEstimate.objects.filter(started_at=None).values_list("pool", flat=True)
    return sorted(set(waits.distinct()) | set(opened.distinct()))
