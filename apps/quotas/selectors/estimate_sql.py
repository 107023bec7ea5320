"""What estimates are learnt from, counted by the database: how long work ran, and how far past estimates were off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.quotas.models import EstimateLevel, StartEstimate
from apps.quotas.scheduling.estimate_bands import ALL, SOFT_SECONDS, WINDOW, Calibration, Levels, with_open
from apps.quotas.scheduling.estimate_durations import RATIO_EDGES, SECONDS_EDGES, Durations, Kind
from apps.quotas.scheduling.snapshot import Ask
from apps.quotas.states import CANCELLING, ENDED

LEARNT_FROM = timedelta(days=14)
ATTEMPTS_MOST = 50_000
"""The newest of the pool; more are not looked at."""
OPEN_MOST = 1_000
"""Of estimates that have not turned out, the latest."""
BY_ITSELF = sorted(ENDED - CANCELLING)
"""Outcomes of attempts that ended by themselves, well or not; any other cut them short."""

_DURATIONS = """
    WITH a AS (
        SELECT a.started_at, a.ended_at, a.outcome, w.* FROM quotas_attempt AS a
        JOIN LATERAL (
            SELECT w.queue_id, w.cpu_millis, w.memory_bytes, w.gpus, w.flavor, w.gpu_millis, w.topology, w.count_max,
                   w.time_limit_seconds, w.pool_id
            FROM quotas_workload AS w WHERE w.id = a.workload_id
        ) AS w ON w.pool_id = %(pool)s
        WHERE a.id >= %(first)s AND a.started_at IS NOT NULL ORDER BY a.id DESC LIMIT %(most)s
    ), spans AS (
        SELECT *, greatest(0, extract(epoch FROM coalesce(ended_at, %(at)s) - started_at))::float8 AS seconds,
               ended_at IS NOT NULL AND outcome = ANY(%(ended)s) AS ended, time_limit_seconds > 0 AS limited
        FROM a
    )
    SELECT queue_id, cpu_millis, memory_bytes, gpus, flavor, gpu_millis, topology, count_max, limited,
           CASE WHEN limited THEN width_bucket(seconds / time_limit_seconds, %(ratios)s::float8[])
                ELSE width_bucket(seconds, %(seconds)s::float8[]) END - 1 AS bucket,
           count(*) FILTER (WHERE ended), count(*)
    FROM spans GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
_ERRORS = """
    WITH e AS (
        SELECT bucket, started_at,
               ln((greatest(0, extract(epoch FROM started_at - made_at)) + %(soft)s)
                  / (greatest(0, forecast_seconds) + %(soft)s))::float8 AS error
        FROM quotas_startestimate WHERE pool_id = %(pool)s AND is_first AND started_at >= %(since)s
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY bucket ORDER BY started_at DESC) AS number,
               row_number() OVER (ORDER BY started_at DESC) AS number_in_all FROM e
    )
    SELECT bucket, array_agg(error ORDER BY error) FROM numbered WHERE number <= %(window)s GROUP BY bucket
    UNION ALL
    SELECT %(all)s, array_agg(error ORDER BY error) FROM numbered WHERE number_in_all <= %(window)s
"""


def durations_of(pool_id: UUID, at: datetime) -> Durations:
    """How long work of a pool has run lately. One statement."""
    values: dict[str, Any] = {
        "pool": pool_id,
        "at": at,
        "first": UUID(int=int((at - LEARNT_FROM).timestamp() * 1000) << 80),  # keys begin with their time
        "most": ATTEMPTS_MOST,
        "ended": [str(reason) for reason in BY_ITSELF],
        "ratios": RATIO_EDGES.tolist(),
        "seconds": SECONDS_EDGES.tolist(),
    }
    found = Durations()
    with connection.cursor() as cursor:
        cursor.execute(_DURATIONS, values)
        for queue, cpu, memory, gpus, flavor, millis, topology, members, limited, bucket, ended, seen in cursor:
            kind = Kind(queue, Ask(cpu, memory, gpus, flavor, millis, topology), members)
            found.add(kind, limited, bucket, ended, seen)
    return found


def calibration_of(pool_id: UUID, at: datetime) -> Calibration:
    """What the late estimates of a pool, turned out or open, say of the next ones. Three statements."""
    values: dict[str, Any] = {
        "pool": pool_id,
        "since": at - LEARNT_FROM,
        "soft": SOFT_SECONDS,
        "window": WINDOW,
        "all": ALL,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ERRORS, values)
        errors = {bucket: found for bucket, found in cursor if found}
    rows = EstimateLevel.objects.filter(pool=pool_id).values_list("bucket", "low", "high")
    opened = StartEstimate.objects.filter(pool=pool_id, started_at=None, is_first=True).order_by("-made_at")
    waits = [
        (bucket, seconds, (at - made_at).total_seconds())
        for bucket, seconds, made_at in opened.values_list("bucket", "forecast_seconds", "made_at")[:OPEN_MOST]
    ]
    return with_open(Calibration(errors, {bucket: Levels(low, high) for bucket, low, high in rows}), waits)
