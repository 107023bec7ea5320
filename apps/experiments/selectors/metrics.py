"""Metric curves of a run: whole and thinned, as a chart wants them, or the raw points after a cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from apps.common.cursors import Cursor, visible_up_to
from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.packing import Columns, joined
from apps.experiments.selectors.curve_rows import PACKED, curves_of, points_in
from apps.experiments.selectors.series import SYSTEM, Span, Starts, said, thinned

KEYS_MOST = 100
ROWS_AT_ONCE = 500
POINTS_AT_ONCE = 20_000
"""Raw points in one answer, unless its first row alone has more."""
SeriesByKey = dict[str, dict[str, list[Any]]]
"""Per key `{"steps", "values", "times"}`; of the values those that are not finite are text."""
_AFTER = ("key", "attempt__number", "transaction_id", "id", "form", "count", *PACKED)
_MERGED = ("merged_transaction_id", "merged_id")


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


def run_curves(
    run: Run, keys: Sequence[str], points: int, span: Span | None = None, member: int | None = None
) -> Curves:
    """Curves by ascending step, at most `points` of each; two queries, up to four of runs with full rows.

    Superseded points are left out, minima and maxima are kept. A key that was named and has no points has empty lists.

    Args:
        keys: only these; empty: all that have points but what supervisors sampled, or the first `KEYS_MOST` of them.
        points: at least 4.
        span: only points within.
        member: only points of this one.
    """
    last = live_from = visible_up_to()
    found: SeriesByKey = {key: {"steps": [], "values": [], "times": []} for key in keys}
    for curve in curves_of(_rows(run, keys, member), {run.pk: run.attempt_starts}, points, span or Span()):
        last = max(last, curve.newest)
        if len(curve.columns[0]) or curve.key in found:
            found[curve.key] = listed(thinned(curve.columns, points))
    return Curves(found, live_from, last)


def run_points_after(run: Run, keys: Sequence[str], after: Cursor, points: int, member: int | None = None) -> Curves:
    """The raw points that came after a cursor, in the order in which they came; two to six queries.

    Where that cannot be said (the cursor lies within what compaction has merged, or a later attempt took the place of
    points from before) it is the whole thinned curves, with `reset`.

    Args:
        keys, member: as for `run_curves`.
        points: of a thinned curve.
    """
    live_from = visible_up_to()
    rows = _rows(run, keys, member).filter(_after(after), transaction_id__gte=after[0])
    ordered = rows.order_by("transaction_id", "id").values_list(*_AFTER, *_MERGED, named=True)
    taken: list[Any] = []
    count = 0
    more = False
    for row in ordered[: ROWS_AT_ONCE + 1].iterator(chunk_size=50):
        count += row.count
        if taken and (count > POINTS_AT_ONCE or len(taken) == ROWS_AT_ONCE):
            more = True
            break
        if row.merged_id is not None and (row.merged_transaction_id, row.merged_id) <= after:
            return run_curves(run, keys, points, member=member)
        taken.append(row)
    if _replaced(run, after, taken):
        return run_curves(run, keys, points, member=member)
    last = (taken[-1].transaction_id, taken[-1].id) if taken else after
    return Curves(_raw(taken, run.attempt_starts), live_from, last if more else max(last, live_from), False, more)


def listed(columns: Columns) -> dict[str, list[Any]]:
    """Points as JSON has them."""
    steps, values, times = columns
    return {"steps": steps.tolist(), "values": said(values), "times": times.tolist()}


def _rows(run: Run, keys: Sequence[str], member: int | None) -> QuerySet[MetricBatch]:
    rows = run.metric_batches.all() if member is None else run.metric_batches.filter(rank=member)
    if keys:
        return rows.filter(key__in=keys)
    own = sorted(key for key in run.summary if not key.startswith(SYSTEM))
    # Without a filter on keys a batch that brings a new one is not passed by unseen.
    return rows.filter(key__in=own[:KEYS_MOST]) if len(own) > KEYS_MOST else rows.exclude(key__startswith=SYSTEM)


def _after(cursor: Cursor) -> Q:
    return Q(transaction_id__gt=cursor[0]) | Q(transaction_id=cursor[0], id__gt=cursor[1])


def _replaced(run: Run, after: Cursor, rows: Iterable[Any]) -> bool:
    """Whether the reader has points, and these are the first of a later attempt that it sees."""
    newest = max((row.attempt__number or 1 for row in rows), default=1)
    if newest == 1:
        return False
    known = run.metric_batches.exclude(_after(after))
    return known.exists() and not known.filter(attempt__number=newest).exists()


def _raw(rows: Iterable[Any], starts: Starts) -> SeriesByKey:
    parts: dict[str, list[Columns]] = {}
    for row in rows:
        parts.setdefault(row.key, []).append(points_in(row, starts))
    return {key: listed(joined(each)) for key, each in parts.items()}
