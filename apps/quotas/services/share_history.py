"""What queues held in the past, recent times weighing more: the part of a share that current usage does not show.

A queue that held `a` over `[s, e]` has, at `t`, an average of `a·(2^(−(t−e)/T) − 2^(−(t−s)/T))` from it: the weighted
mean of what it held, with weights that halve every half-life `T`. Each interval counts as if it had begun the pool's
entry penalty earlier. Closed intervals are summed into `QueueHistory` once; open ones are added as they stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from apps.common.rows import document
from apps.quotas.models import QueueHistory, ResourcePool
from apps.quotas.scheduling.snapshot import CPU_MILLIS, GPUS, MEMORY_BYTES, Key

FORGOTTEN_HALF_LIVES = 20
"""What ended so long ago counts less than a millionth."""

_SUMS = """
    WITH w AS (
        SELECT w.queue_id, u.flavor, u.cpu_millis, u.memory_bytes, u.gpu_millis,
               power(2, -extract(epoch FROM %(at)s::timestamptz - coalesce(u.closed_at, %(at)s))::float8 / %(half)s)
               - power(2, -(extract(epoch FROM %(at)s::timestamptz - u.reserved_at)::float8 + %(penalty)s) / %(half)s)
               AS part
        FROM quotas_usagerecord AS u JOIN quotas_workload AS w ON w.id = u.workload_id
        WHERE u.pool_id = %(pool)s AND {which}
    )
    SELECT queue_id, flavor, sum(cpu_millis * part), sum(memory_bytes * part), sum(gpu_millis * part)
    FROM w GROUP BY queue_id, flavor
"""

_KEEP = f"""
    INSERT INTO {QueueHistory._meta.db_table} (id, queue_id, resource, flavor, amount, at)
    SELECT id, queue, resource, flavor, amount, %(at)s FROM jsonb_to_recordset(%(rows)s::jsonb)
        AS v(id uuid, queue uuid, resource text, flavor text, amount float8)
    ON CONFLICT (queue_id, resource, flavor) DO UPDATE SET amount = excluded.amount, at = excluded.at
"""  # noqa: S608 - our own words
Of = tuple[UUID, Key]
"""A queue and a resource."""
Stored = dict[Of, tuple[float, datetime]]
"""Averages, and as of when each is."""


def histories(pool: ResourcePool, at: datetime, *, keep: bool = True) -> dict[UUID, dict[Key, float]]:
    """Queue → resource → what it held on average. Sums up what has closed since the last time. Four statements at most.

    An interval that is closed with a time before the last sum (its end was found out late) is not in it: rare, and
    soon forgotten. The pool's row is locked by the caller, so that nothing is summed twice; not where the sums are not
    to be kept.
    """
    rows = QueueHistory.objects.filter(queue__pool=pool.pk).values_list("queue", "resource", "flavor", "amount", "at")
    stored = {(queue, (resource, flavor)): (amount, since) for queue, resource, flavor, amount, since in rows}
    last = max((since for _, since in stored.values()), default=None)
    closed = _sums(pool, at, "u.closed_at > %(last)s AND u.closed_at <= %(at)s", last=last or _forgotten(pool, at))
    if closed:
        _fold(pool, stored, closed, at, keep=keep)
    found: dict[UUID, dict[Key, float]] = defaultdict(dict)
    for (queue, key), (amount, since) in stored.items():
        found[queue][key] = amount * _decay(pool, (at - since).total_seconds())
    for (queue, key), amount in _sums(pool, at, "u.closed_at IS NULL").items():
        found[queue][key] = found[queue].get(key, 0.0) + amount
    return found


def _forgotten(pool: ResourcePool, at: datetime) -> datetime:
    seconds = min(at.timestamp() - 1, FORGOTTEN_HALF_LIVES * pool.half_life_seconds)
    return datetime.fromtimestamp(at.timestamp() - seconds, at.tzinfo)


def _decay(pool: ResourcePool, seconds: float) -> float:
    return float(2.0 ** (-max(0.0, seconds) / pool.half_life_seconds))


def _sums(pool: ResourcePool, at: datetime, which: str, **more: Any) -> dict[Of, float]:
    values = {"pool": pool.pk, "at": at, "half": pool.half_life_seconds, "penalty": pool.entry_penalty_seconds, **more}
    found: dict[Of, float] = defaultdict(float)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(which=which), values)
        for queue, flavor, cpu, memory, gpus in cursor.fetchall():
            for key, amount in (((CPU_MILLIS, ""), cpu), ((MEMORY_BYTES, ""), memory), ((GPUS, flavor), gpus)):
                if amount and (key[0] != GPUS or flavor):
                    found[queue, key] += float(amount)
    return found


def _fold(pool: ResourcePool, stored: Stored, closed: Mapping[Of, float], at: datetime, *, keep: bool) -> None:
    """Sum what has closed into what was stored of its queues; all of a row is as of one moment."""
    for of, amount in closed.items():
        before, since = stored.get(of, (0.0, at))
        stored[of] = before * _decay(pool, (at - since).total_seconds()) + amount, at
    if keep:
        rows = [
            {"id": uuid7(), "queue": queue, "resource": key[0], "flavor": key[1], "amount": stored[queue, key][0]}
            for queue, key in closed
        ]
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, {"rows": document(rows), "at": at})
