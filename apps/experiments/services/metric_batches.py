"""Storing batches of metric points: one transaction on an asynchronous connection, beside Django."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from apps.common.errors import AttemptSuperseded, BedplateError, Forbidden, Invalid
from apps.experiments.models import MetricSender, Run
from apps.experiments.services.metric_rows import (
    Row,
    Series,
    begun,
    received_note,
    rows_insert,
    summary_fold,
    summary_text,
)
from apps.experiments.services.received import GAPS_MOST, Ranges, ranges_with
from apps.experiments.services.summaries import Summary
from apps.quotas.models import Attempt

KEYS_PER_RUN_MOST = 1000

# The run is locked by a statement of its own, so that the next one sees what the holder before has committed.
_LOCK = f"""
SELECT id, summary, attempt_starts FROM {Run._meta.db_table}
WHERE workload_id = (SELECT workload_id FROM {Attempt._meta.db_table} WHERE id = %s) FOR NO KEY UPDATE
"""  # noqa: S608 - names of our own tables
_KNOWN = f"""
SELECT a.number, a.ended_at IS NULL, s.rank, s.received
FROM {Attempt._meta.db_table} a LEFT JOIN {MetricSender._meta.db_table} s ON s.attempt_id = a.id AND s.rank = ANY(%s)
WHERE a.id = %s
"""  # noqa: S608
_UPDATE = f"UPDATE {Run._meta.db_table} SET summary = %s, attempt_starts = %s WHERE id = %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Batch:
    """What one member sent at once; at most one series per key, each with at least one point."""

    rank: int
    sequence: int
    series: list[Series]
    count: int
    """Points in it."""


async def batches_store(
    connection: AsyncConnection[Any], attempt_id: UUID, batches: Sequence[Batch]
) -> list[BedplateError | None]:
    """Keep batches of one attempt, each once: what is sent again changes nothing. One transaction.

    The run's row is locked, so that batches of one run are kept, and get their ids, one after the other; its summary
    changes in the same transaction.

    Args:
        connection: in autocommit mode.

    Returns:
        For each batch why it was refused, or None: it is kept. Invalid: the run would have too many metrics, or the
        member's numbers have too many gaps.

    Raises:
        AttemptSuperseded: the attempt has ended.
        Forbidden: the attempt is not one of a run.
    """
    async with connection.transaction():
        row = await (await connection.execute(_LOCK, [attempt_id])).fetchone()
        if row is None:
            raise Forbidden("Only the job of a run records metrics.")
        run_id, summary, starts = row
        number, received = await _known(connection, attempt_id, {batch.rank for batch in batches})
        begun(summary, starts, number, (one.key for batch in batches for one in batch.series))
        fresh, outcomes = _fresh(batches, received, summary)
        if fresh:
            rows = [Row(batch.rank, batch.sequence, one) for batch in fresh for one in batch.series]
            await rows_insert(connection, run_id, attempt_id, rows)
            await received_note(connection, attempt_id, received, Counter(batch.rank for batch in fresh))
            summary_fold(summary, (row.series for row in rows), starts, number)
            await connection.execute(_UPDATE, [Jsonb(summary, summary_text), Jsonb(starts), run_id])
        return outcomes


async def _known(connection: AsyncConnection[Any], attempt_id: UUID, ranks: set[int]) -> tuple[int, dict[int, Ranges]]:
    """The attempt's number, and what each member has sent before."""
    rows = await (await connection.execute(_KNOWN, [sorted(ranks), attempt_id])).fetchall()
    if not rows[0][1]:
        raise AttemptSuperseded
    return int(rows[0][0]), {rank: received for _, _, rank, received in rows if rank is not None}


def _fresh(
    batches: Iterable[Batch], received: dict[int, Ranges], summary: Summary
) -> tuple[list[Batch], list[BedplateError | None]]:
    """Those not kept yet, and what is to be said of each; enters them into `received`."""
    fresh: list[Batch] = []
    outcomes: list[BedplateError | None] = []
    keys = set(summary)
    for batch in batches:
        before = received.get(batch.rank, [])
        after = ranges_with(before, batch.sequence)
        more = keys.union(one.key for one in batch.series)
        refused: BedplateError | None = None
        if after == before:
            pass
        elif len(more) > KEYS_PER_RUN_MOST:
            refused = Invalid(f"a run has at most {KEYS_PER_RUN_MOST} metrics")
        elif len(after) > max(GAPS_MOST, len(before)):
            refused = Invalid(f"more than {GAPS_MOST} gaps in the numbers of member {batch.rank}: send them in order")
        else:
            fresh.append(batch)
            received[batch.rank], keys = after, more
        outcomes.append(refused)
    return fresh, outcomes
