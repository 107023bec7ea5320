"""Storing batches of metric points: one transaction on an asynchronous connection, beside Django."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from apps.common.errors import AttemptSuperseded, BedplateError, Forbidden, Invalid
from apps.experiments.models import MetricBatch, MetricSender, Run
from apps.experiments.models.metric import STEP_MOST, Numbers, pack
from apps.experiments.selectors.series import chosen, last_step_that_counts, picked
from apps.experiments.services.received import GAPS_MOST, Ranges, ranges_with
from apps.experiments.services.summaries import Summary, summary_add
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
_INSERT = f"""
INSERT INTO {MetricBatch._meta.db_table}
    (run_id, attempt_id, rank, sequence, key, first_step, last_step, count, steps, "values", times)
SELECT %s, %s, u.* FROM unnest(
    %b::int[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::int[], %b::bytea[], %b::bytea[], %b::bytea[]
) AS u
"""  # noqa: S608
_RECEIVED = f"""
INSERT INTO {MetricSender._meta.db_table} (attempt_id, rank, received, loose_batches)
SELECT %s, u.* FROM unnest(%b::int[], %b::text[]::jsonb[], %b::int[]) AS u
ON CONFLICT (attempt_id, rank) DO UPDATE
SET received = excluded.received, loose_batches = {MetricSender._meta.db_table}.loose_batches + excluded.loose_batches
"""  # noqa: S608
_UPDATE = f"UPDATE {Run._meta.db_table} SET summary = %s, attempt_starts = %s WHERE id = %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one metric: three arrays of one length; `series_of` makes them."""

    key: str
    steps: Numbers
    values: Numbers
    times: Numbers

    def with_more(self, other: Series) -> Series:
        return Series(self.key, self.steps + other.steps, self.values + other.values, self.times + other.times)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one member sent at once; at most one series per key, each with at least one point."""

    rank: int
    sequence: int
    series: list[Series]
    count: int
    """Points in it."""


def series_of(key: str, steps: Numbers, values: Numbers, times: Numbers) -> Series:
    """Points that can be kept: finite values and times, steps that JSON can say exactly.

    Raises:
        Invalid: naming the metric and the step.
    """
    if "\x00" in key:
        raise Invalid("the name of a metric has no NUL character")
    if len(steps) and not -STEP_MOST <= min(steps) <= max(steps) <= STEP_MOST:
        worst = next(step for step in steps if abs(step) > STEP_MOST)
        raise Invalid(f"{key!r}: the step {worst} is beyond ±2^53")
    for what, numbers in (("value", values), ("time", times)):
        if not math.isfinite(sum(numbers)):  # or a sum that overflowed: then there is none to name
            for step, number in zip(steps, numbers, strict=True):
                if not math.isfinite(number):
                    raise Invalid(f"{key!r} at step {step}: the {what} is {number}; it must be a finite number")
    return Series(key, steps, values, times)


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
        if number not in starts:  # without a checkpoint it began anew: nothing before it counts any more
            summary, starts = {}, {**starts, number: None}
        fresh, outcomes = _fresh(batches, received, summary)
        if fresh:
            await _insert(connection, run_id, attempt_id, fresh)
            await _note(connection, attempt_id, fresh, received)
            _fold(summary, fresh, last_step_that_counts(starts, int(number)))
            await connection.execute(_UPDATE, [Jsonb(summary, _dumps), Jsonb(starts), run_id])
        return outcomes


async def _known(connection: AsyncConnection[Any], attempt_id: UUID, ranks: set[int]) -> tuple[str, dict[int, Ranges]]:
    """The attempt's number as text, and what each member has sent before."""
    rows = await (await connection.execute(_KNOWN, [sorted(ranks), attempt_id])).fetchall()
    if not rows[0][1]:
        raise AttemptSuperseded
    return str(rows[0][0]), {rank: received for _, _, rank, received in rows if rank is not None}


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


async def _insert(connection: AsyncConnection[Any], run_id: UUID, attempt_id: UUID, fresh: list[Batch]) -> None:
    rows = [(batch, one) for batch in fresh for one in batch.series]
    columns: list[list[Any]] = [
        [batch.rank for batch, _ in rows],
        [batch.sequence for batch, _ in rows],
        [one.key for _, one in rows],
        [min(one.steps) for _, one in rows],
        [max(one.steps) for _, one in rows],
        [len(one.steps) for _, one in rows],
        [pack("q", one.steps) for _, one in rows],
        [pack("d", one.values) for _, one in rows],
        [pack("d", one.times) for _, one in rows],
    ]
    await connection.execute(_INSERT, [run_id, attempt_id, *columns])


async def _note(
    connection: AsyncConnection[Any], attempt_id: UUID, fresh: list[Batch], received: dict[int, Ranges]
) -> None:
    counts = Counter(batch.rank for batch in fresh)
    ranks = sorted(counts)
    texts = [json.dumps(received[rank]) for rank in ranks]
    await connection.execute(_RECEIVED, [attempt_id, ranks, texts, [counts[rank] for rank in ranks]])


def _fold(summary: Summary, fresh: list[Batch], highest: float) -> None:
    """Points after `highest` are superseded already: their attempt was overtaken while they were on their way."""
    for batch in fresh:
        for one in batch.series:
            steps, values = one.steps, one.values
            counting = chosen(steps, highest)
            if counting is not None:
                steps, values = picked("q", steps, counting), picked("d", values, counting)
            if len(steps):
                summary_add(summary, one.key, steps, values)


def _dumps(summary: Any) -> str:
    return json.dumps(summary, ensure_ascii=False, check_circular=False)
