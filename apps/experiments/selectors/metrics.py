"""Metric curves of a run: whole and thinned, as a chart wants them, or the raw points after a cursor."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from math import isfinite
from operator import itemgetter, or_
from typing import Any

from django.db.models import BinaryField, Case, F, Q, QuerySet, When

from apps.common.cursors import Cursor, visible_up_to
from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.metric import Numbers, unpack
from apps.experiments.selectors.series import (
    CODES,
    PREVIEW_POINTS,
    Columns,
    Span,
    chosen,
    last_step_that_counts,
    picked,
    thinned,
)

KEYS_MOST = 100
ROWS_AT_ONCE = 500
POINTS_AT_ONCE = 20_000
"""Raw points in one answer, unless its first row alone has more."""
Row = tuple[Any, ...]
"""Key, attempt number, transaction, id; packed steps, values, times."""
SeriesByKey = dict[str, dict[str, list[float]]]
"""Per key `{"steps", "values", "times"}`."""
PACKED = ("key", "attempt__number", "transaction_id", "id", "steps", "values", "times")


@dataclass(frozen=True, slots=True)
class Curves:
    """Points of some metrics, and how far they go."""

    series: SeriesByKey
    live_from: Cursor
    """Where a subscription begins that misses nothing; batches up to `next_after` are in here already."""
    next_after: Cursor
    """The last batch in here: raw points after it are fetched with it."""
    reset: bool = True
    """They take the place of what the reader has; False: they come after it."""
    more: bool = False
    """There are raw points after `next_after` already."""


def run_curves(run: Run, keys: Sequence[str], points: int, span: Span | None = None) -> Curves:
    """Curves by ascending step, at most `points` of each; two queries.

    Superseded points are left out, minima and maxima are kept. A key that was named and has no points has empty lists.

    Args:
        keys: only these; empty: all that have points, or the first `KEYS_MOST` of a run with more.
        points: at least 4.
        span: only points within.
    """
    span = span or Span()
    last = live_from = visible_up_to()
    found: SeriesByKey = {key: {"steps": [], "values": [], "times": []} for key in keys}
    rows = _within(_rows(run, keys), span).order_by("key", "id")
    if span == Span() and points <= PREVIEW_POINTS // 2:
        rows = previewed(rows, partly_superseded(run.attempt_starts))
    else:
        rows = rows.values_list(*PACKED)
    for key, group in groupby(rows.iterator(chunk_size=50), key=itemgetter(0)):
        columns, newest = joined(group, run.attempt_starts, span)
        last = max(last, newest)
        if len(columns[0]) or key in found:
            found[key] = listed(thinned(columns, points))
    return Curves(found, live_from, last)


def run_points_after(run: Run, keys: Sequence[str], after: Cursor, points: int) -> Curves:
    """The raw points that came after a cursor, in the order in which they came; two to five queries.

    Where that cannot be said (the cursor lies within what compaction has merged, or a later attempt took the place of
    points from before) it is the whole thinned curves, with `reset`.

    Args:
        keys: as for `run_curves`.
        points: of a thinned curve.
    """
    live_from = visible_up_to()
    rows = _rows(run, keys).filter(_after(after), transaction_id__gte=after[0])
    listed = rows.order_by("transaction_id", "id").values_list(*PACKED, "merged_transaction_id", "merged_id")
    taken: list[Row] = []
    count = 0
    more = False
    for row in listed[: ROWS_AT_ONCE + 1].iterator(chunk_size=50):
        count += len(row[4]) // 8
        if taken and (count > POINTS_AT_ONCE or len(taken) == ROWS_AT_ONCE):
            more = True
            break
        if row[7] is not None and row[7:] <= after:
            return run_curves(run, keys, points)
        taken.append(row)
    if _replaced(run, after, taken):
        return run_curves(run, keys, points)
    last = taken[-1][2:4] if taken else after
    return Curves(_raw(taken, run.attempt_starts), live_from, last if more else max(last, live_from), False, more)


def _rows(run: Run, keys: Sequence[str]) -> QuerySet[MetricBatch]:
    # Without a filter on keys a batch that brings a new one is not passed by unseen.
    wanted = keys or (sorted(run.summary)[:KEYS_MOST] if len(run.summary) > KEYS_MOST else ())
    return run.metric_batches.filter(key__in=wanted) if wanted else run.metric_batches.all()


def _after(cursor: Cursor) -> Q:
    return Q(transaction_id__gt=cursor[0]) | Q(transaction_id=cursor[0], id__gt=cursor[1])


def _replaced(run: Run, after: Cursor, rows: Iterable[Row]) -> bool:
    """Whether the reader has points, and these are the first of a later attempt that it sees."""
    newest = max((row[1] for row in rows), default=1)
    if newest == 1:
        return False
    known = run.metric_batches.exclude(_after(after))
    return known.exists() and not known.filter(attempt__number=newest).exists()


def _raw(rows: Iterable[Row], starts: Any) -> SeriesByKey:
    found: dict[str, Columns] = {}
    for row in rows:
        columns = _counting(row, starts, Span())
        whole = found.setdefault(row[0], (array("q"), array("d"), array("d")))
        for target, column in zip(whole, columns, strict=True):
            target.extend(column)
    return {key: listed(columns) for key, columns in found.items()}


def listed(columns: Columns) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in zip(("steps", "values", "times"), columns, strict=True)}


def _within(rows: QuerySet[MetricBatch], span: Span) -> QuerySet[MetricBatch]:
    """Rows that may have points of the span; times are looked at later, they have no order."""
    if span.from_step is not None:
        rows = rows.filter(last_step__gte=span.from_step)
    return rows if span.to_step is None else rows.filter(first_step__lte=span.to_step)


def previewed(rows: QuerySet[MetricBatch], raw: Q) -> Any:
    """Rows as `PACKED`, with a preview in the place of many points where there is one, but for those that are `raw`;
    the run comes last."""
    raw = raw | Q(preview=None)
    columns = {name: Case(When(raw, then=F(name)), default=None) for name in ("steps", "values", "times")}
    whole = Case(When(raw, then=None), default=F("preview"), output_field=BinaryField())
    named = {f"raw_{name}": column for name, column in columns.items()}
    return rows.annotate(**named, thin=whole).values_list(
        "key", "attempt__number", "transaction_id", "id", *named, "thin", "run"
    )


def partly_superseded(starts: Any) -> Q:
    """Rows of a run of which some points count and some do not."""
    limits = {int(number): last_step_that_counts(starts, int(number)) for number in starts}
    partly = [Q(attempt__number=number, last_step__gt=limit) for number, limit in limits.items() if isfinite(limit)]
    return reduce(or_, partly, Q(pk__in=[]))


def joined(rows: Iterator[Row], starts: Any, span: Span) -> tuple[Columns, Cursor]:
    """All points that count, and the cursor of the last row."""
    whole: Columns = (array("q"), array("d"), array("d"))
    newest: Cursor = (0, 0)
    for row in rows:
        newest = max(newest, row[2:4])
        for target, column in zip(whole, _counting(row, starts, span), strict=True):
            target.extend(column)
    return whole, newest


def _counting(row: Row, starts: Any, span: Span) -> Sequence[Numbers]:
    """The columns of a row, without superseded points and those out of the span."""
    packed = row[4:7] if row[4] is not None else _parts(row[7])
    columns: Sequence[Numbers] = [unpack(code, part) for code, part in zip(CODES, packed, strict=True)]
    columns = _picked(columns, chosen(columns[0], last_step_that_counts(starts, row[1])))
    return _picked(columns, span.chosen(columns[0], columns[2]))


def _parts(preview: memoryview[int]) -> Sequence[memoryview[int]]:
    size = len(preview) // len(CODES)
    return [preview[at * size : (at + 1) * size] for at in range(len(CODES))]


def _picked(columns: Sequence[Numbers], positions: Sequence[int] | None) -> Sequence[Numbers]:
    if positions is None:
        return columns
    return [picked(code, column, positions) for code, column in zip(CODES, columns, strict=True)]
