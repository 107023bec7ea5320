"""Rows of metric points as they come, put into the database on an asynchronous connection, beside Django."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from psycopg import AsyncConnection

from apps.common.errors import Invalid
from apps.experiments.models import MetricBatch, MetricSender
from apps.experiments.models.metric import STEP_MOST
from apps.experiments.models.packing import PLAIN, Columns, columns_pack, joined
from apps.experiments.selectors.series import SYSTEM, Starts, counting, last_step_that_counts
from apps.experiments.services.summaries import Summary, summary_add

_INSERT = f"""
INSERT INTO {MetricBatch._meta.db_table}
    (run_id, attempt_id, rank, sequence, key, first_step, last_step, count, steps, "values", times)
SELECT %s, %s, u.* FROM unnest(
    %b::int[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::int[], %b::bytea[], %b::bytea[], %b::bytea[]
) AS u
"""  # noqa: S608 - names of our own tables
_RECEIVED = f"""
INSERT INTO {MetricSender._meta.db_table} (attempt_id, rank, received, loose_batches)
SELECT %s, u.* FROM unnest(%b::int[], %b::text[]::jsonb[], %b::int[]) AS u
ON CONFLICT (attempt_id, rank) DO UPDATE
SET received = excluded.received, loose_batches = {MetricSender._meta.db_table}.loose_batches + excluded.loose_batches
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one metric, at least one, in order of arrival; `series_of` makes them."""

    key: str
    columns: Columns
    first_step: int
    last_step: int
    """Lowest and highest."""

    def __len__(self) -> int:
        return len(self.columns[0])

    def with_more(self, other: Series) -> Series:
        ends = min(self.first_step, other.first_step), max(self.last_step, other.last_step)
        return Series(self.key, joined([self.columns, other.columns]), *ends)


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes one row."""

    rank: int
    sequence: int
    series: Series


def series_of(key: str, columns: Columns) -> Series:
    """Points that can be kept: times are finite, steps are such that JSON can say them exactly.

    Raises:
        Invalid: naming the metric and the step.
    """
    if "\x00" in key:
        raise Invalid("the name of a metric has no NUL character")
    steps, _, times = columns
    first, last = int(steps.min()), int(steps.max())
    if first < -STEP_MOST or last > STEP_MOST:
        raise Invalid(f"{key!r}: the step {first if first < -STEP_MOST else last} is beyond ±2^53")
    if not math.isfinite(times.sum()):  # or a sum that overflowed: then there is none to name
        for position in np.flatnonzero(~np.isfinite(times))[:1].tolist():
            said = f"{key!r} at step {steps[position]}: the time is {times[position]}; it must be a finite number"
            raise Invalid(said)
    return Series(key, columns, first, last)


async def rows_insert(
    connection: AsyncConnection[Any], run_id: UUID, attempt_id: UUID | None, rows: Sequence[Row]
) -> None:
    """One statement."""
    packed = [columns_pack(PLAIN, row.series.columns) for row in rows]
    columns: list[list[Any]] = [
        [row.rank for row in rows],
        [row.sequence for row in rows],
        [row.series.key for row in rows],
        [row.series.first_step for row in rows],
        [row.series.last_step for row in rows],
        [len(row.series) for row in rows],
        *([parts[place] for parts in packed] for place in range(3)),
    ]
    await connection.execute(_INSERT, [run_id, attempt_id, *columns])


async def received_note(
    connection: AsyncConnection[Any], attempt_id: UUID, received: dict[int, Any], loose: dict[int, int]
) -> None:
    """What members of an attempt have sent by now, and how many batches that is more. One statement."""
    ranks = sorted(loose)
    texts = [json.dumps(received[rank]) for rank in ranks]
    await connection.execute(_RECEIVED, [attempt_id, ranks, texts, [loose[rank] for rank in ranks]])


def summary_fold(summary: Summary, series: Iterable[Series], starts: Starts, number: int | None) -> None:
    """Some may be superseded already: their attempt was overtaken while they were on their way."""
    for one in series:
        columns = counting(one.columns, last_step_that_counts(starts, number, one.key))
        if len(columns[0]):
            summary_add(summary, one.key, *columns)


def begun(summary: Summary, starts: dict[str, int | None], number: int, keys: Iterable[str]) -> None:
    """An attempt that sends points and was given no checkpoint began anew: nothing before it counts any more. What its
    supervisor samples says nothing of that."""
    if str(number) in starts or all(key.startswith(SYSTEM) for key in keys):
        return
    starts[str(number)] = None
    for key in [key for key in summary if not key.startswith(SYSTEM)]:
        del summary[key]


def summary_text(summary: Any) -> bytes:
    """For `Jsonb`."""
    return msgspec.json.encode(summary)
