"""Storing batches of metric points: one transaction on an asynchronous connection, beside Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from apps.common.errors import AttemptSuperseded, Forbidden, Invalid
from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.metric import pack
from apps.experiments.services.summaries import Summary, summary_add
from apps.quotas.models import Attempt

KEYS_PER_RUN_MOST = 1000

_LOCK = f"""
SELECT r.id, r.summary, r.attempt_starts, a.number, a.ended_at IS NULL
FROM {Attempt._meta.db_table} a JOIN {Run._meta.db_table} r ON r.workload_id = a.workload_id
WHERE a.id = %s FOR UPDATE OF r
"""  # noqa: S608 - names of our own tables
_INSERT = f"""
INSERT INTO {MetricBatch._meta.db_table}
    (run_id, attempt_id, rank, sequence, key, first_step, last_step, count, steps, "values", times)
SELECT %s, %s, %s, %s, u.*
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::bytea[], %s::bytea[], %s::bytea[]) AS u
ON CONFLICT DO NOTHING RETURNING key
"""  # noqa: S608
_UPDATE = f"UPDATE {Run._meta.db_table} SET summary = %s, attempt_starts = %s WHERE id = %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one metric: three lists of one length, at least one point; values are finite."""

    key: str
    steps: list[int]
    values: list[float]
    times: list[float]


async def batch_store(
    connection: AsyncConnection[Any], *, attempt_id: UUID, rank: int, sequence: int, series: list[Series]
) -> None:
    """Keep a batch, once: sent again, it changes nothing. The run's summary changes in the same transaction.

    The run's row is locked, so that batches of one run are kept, and get their ids, one after the other.

    Args:
        connection: in autocommit mode.
        series: one per key.

    Raises:
        AttemptSuperseded: the attempt has ended.
        Forbidden: the attempt is not one of a run.
        Invalid: the run would have too many metrics.
    """
    async with connection.transaction():
        row = await (await connection.execute(_LOCK, [attempt_id])).fetchone()
        if row is None:
            raise Forbidden("Only the job of a run records metrics.")
        run_id, summary, starts, number, is_open = row
        if not is_open:
            raise AttemptSuperseded
        fresh = await _insert(connection, run_id, attempt_id, rank, sequence, series)
        if not fresh:
            return
        if str(number) not in starts:  # without a checkpoint it began anew: nothing before it counts any more
            summary, starts = {}, {**starts, str(number): None}
        _fold(summary, fresh)
        await connection.execute(_UPDATE, [Jsonb(summary), Jsonb(starts), run_id])


async def _insert(
    connection: AsyncConnection[Any], run_id: UUID, attempt_id: UUID, rank: int, sequence: int, series: list[Series]
) -> list[Series]:
    """Write the rows that are not there yet; returns what they hold."""
    columns: list[list[Any]] = [
        [one.key for one in series],
        [min(one.steps) for one in series],
        [max(one.steps) for one in series],
        [len(one.steps) for one in series],
        [pack("q", one.steps) for one in series],
        [pack("d", one.values) for one in series],
        [pack("d", one.times) for one in series],
    ]
    done = await connection.execute(_INSERT, [run_id, attempt_id, rank, sequence, *columns])
    written = {row[0] for row in await done.fetchall()}
    return [one for one in series if one.key in written]


def _fold(summary: Summary, fresh: list[Series]) -> None:
    for one in fresh:
        summary_add(summary, one.key, one.steps, one.values)
    if len(summary) > KEYS_PER_RUN_MOST:
        raise Invalid(f"a run has at most {KEYS_PER_RUN_MOST} metrics")
