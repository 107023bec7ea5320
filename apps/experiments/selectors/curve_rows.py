"""Rows of metric points, read as cheaply as a chart allows.

A full row has two smaller forms beside its points: a preview (`PREVIEW_POINTS`) and an overview (`OVERVIEW_POINTS`).
A curve is made of the smallest from which the points that were asked for can still be chosen, so that one of ten
million points costs about as much as one of a million. Rows that count in part are always read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from math import isfinite
from operator import or_
from typing import Any, Final
from uuid import UUID

from django.db.models import BinaryField, Case, F, Q, QuerySet, When

from apps.common.cursors import Cursor
from apps.experiments.models import MetricBatch
from apps.experiments.models.packing import PLAIN, Columns, columns_unpack, joined, preview_unpack
from apps.experiments.selectors.series import (
    OVERVIEW_POINTS,
    PREVIEW_POINTS,
    SYSTEM,
    Span,
    Starts,
    counting,
    last_step_that_counts,
)

RICHER: Final = 2
"""So many times the points that were asked for are read at least, where there are as many."""
PACKED: Final = ("steps", "values", "times")
Spans = Span | Mapping[UUID, Span]
"""One for all runs, or one for each."""


@dataclass(slots=True)
class Piece:
    """A row without the points that may not be needed."""

    run_id: UUID
    key: str
    rank: int
    attempt_number: int | None
    transaction_id: int
    id: int
    form: int
    count: int
    steps: bytes | None
    values: bytes | None
    times: bytes | None
    overview: bytes | None
    """Where the points are not here."""

    @property
    def is_whole(self) -> bool:
        return self.overview is None

    @property
    def columns(self) -> Columns:
        """What was read."""
        if self.overview is not None:
            return preview_unpack(PLAIN, self.overview)
        return columns_unpack(self.form, (self.steps or b"", self.values or b"", self.times or b""))


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one metric of one run, in order of arrival; not thinned."""

    run_id: UUID
    key: str
    columns: Columns
    newest: Cursor
    """Of its last row."""
    member: int
    """Whose points they are, where each member has a curve of its own; else the member of the first of them."""


def curves_of(
    rows: QuerySet[MetricBatch], starts: Mapping[UUID, Starts], points: int, spans: Spans, *, by_member: bool = False
) -> Iterator[Curve]:
    """The curves of some runs, of points that count and are within; one query, or up to three where rows are full.

    Args:
        rows: of these runs.
        starts: `Run.attempt_starts` of each.
        points: which will be chosen of each curve.
        by_member: a curve for each member that logged the metric, instead of one of all their points.
    """
    superseded = [Q(run=pk) & partly_superseded(one) for pk, one in starts.items() if len(one) > 1]
    whole = reduce(or_, [*superseded, *_partly(spans)], Q(overview=None))
    found = _pieces(rows.filter(_each(spans, _within)), whole, by_member=by_member)
    by_curve = [list(group) for _, group in groupby(found, key=_of_member if by_member else _of_run)]
    finer = _finer(by_curve, points)
    for pieces in by_curve:
        first = pieces[0]
        span = spans if isinstance(spans, Span) else spans[first.run_id]
        limits = {each.attempt_number for each in pieces}
        highest = {number: last_step_that_counts(starts[first.run_id], number, first.key) for number in limits}
        parts = [
            span.within(counting(finer.get(each.id) or each.columns, highest[each.attempt_number])) for each in pieces
        ]
        newest = max((each.transaction_id, each.id) for each in pieces)
        yield Curve(first.run_id, first.key, joined(parts), newest, first.rank)


def _of_run(piece: Piece) -> Any:
    return piece.run_id, piece.key


def _of_member(piece: Piece) -> Any:
    return piece.run_id, piece.key, piece.rank


def _each(spans: Spans, rows_of: Callable[[Span], Q]) -> Q:
    """Rows of the span, or of each run those of its own."""
    if isinstance(spans, Span):
        return rows_of(spans)
    return reduce(or_, (Q(run=pk) & rows_of(span) for pk, span in spans.items()), Q(pk__in=[]))


def within(rows: QuerySet[MetricBatch], span: Span) -> QuerySet[MetricBatch]:
    """Rows that may have points of the span."""
    return rows.filter(_within(span))


def _within(span: Span) -> Q:
    """Of small rows the times are not known."""
    found = Q()
    if span.from_step is not None:
        found &= Q(last_step__gte=span.from_step)
    if span.to_step is not None:
        found &= Q(first_step__lte=span.to_step)
    if span.from_time is not None:
        found &= Q(last_time=None) | Q(last_time__gte=span.from_time)
    return found if span.to_time is None else found & (Q(first_time=None) | Q(first_time__lte=span.to_time))


def partly_superseded(starts: Starts) -> Q:
    """Rows of a run of which some points count and some do not."""
    limits = {int(number): last_step_that_counts(starts, int(number)) for number in starts}
    partly = [Q(attempt__number=number, last_step__gt=limit) for number, limit in limits.items() if isfinite(limit)]
    return reduce(or_, partly, Q(pk__in=[])) & ~Q(key__startswith=SYSTEM)


def _partly(spans: Spans) -> list[Q]:
    """Rows that may reach out of their span."""
    if not isinstance(spans, Span):
        return [Q(run=pk) & end for pk, span in spans.items() for end in _partly(span)]
    span = spans
    ends = {
        "first_step__lt": span.from_step,
        "last_step__gt": span.to_step,
        "first_time__lt": span.from_time,
        "last_time__gt": span.to_time,
    }
    return [Q(**{name: end}) for name, end in ends.items() if end is not None]


def _pieces(rows: QuerySet[MetricBatch], whole: Q, *, by_member: bool) -> list[Piece]:
    """One query; of rows that are not `whole` the overview alone."""
    named = {f"whole_{name}": Case(When(whole, then=F(name)), default=None) for name in PACKED}
    thin = Case(When(whole, then=None), default=F("overview"), output_field=BinaryField())
    columns = ("run_id", "key", "rank", "attempt__number", "transaction_id", "id", "form", "count", *named, "thin")
    order = ("run_id", "key", "rank", "id") if by_member else ("run_id", "key", "id")
    found = rows.annotate(**named, thin=thin).order_by(*order).values_list(*columns)
    return [Piece(*row) for row in found.iterator(chunk_size=200)]


def _finer(by_curve: Sequence[Sequence[Piece]], points: int) -> dict[int, Columns]:
    """For curves whose overviews are too little: the previews of those rows, or all of their points."""
    previews: list[int] = []
    whole: list[int] = []
    for pieces in by_curve:
        thin = [piece.id for piece in pieces if not piece.is_whole]
        known = sum(piece.count for piece in pieces if piece.is_whole)
        if thin and known + len(thin) * OVERVIEW_POINTS < RICHER * points:
            enough = known + len(thin) * PREVIEW_POINTS >= RICHER * points
            (previews if enough else whole).extend(thin)
    rows = MetricBatch.objects.all()
    found: dict[int, Columns] = {}
    if previews:
        for pk, form, packed in rows.filter(pk__in=previews).values_list("pk", "form", "preview"):
            found[pk] = preview_unpack(form, packed or b"")
    if whole:
        for pk, form, *columns in rows.filter(pk__in=whole).values_list("pk", "form", *PACKED):
            found[pk] = columns_unpack(form, columns)
    return found


def points_in(row: Any, starts: Starts) -> Columns:
    """The points that count of a row with `key`, `attempt__number`, `form` and the packed columns."""
    columns = columns_unpack(row.form, (row.steps, row.values, row.times))
    return counting(columns, last_step_that_counts(starts, row.attempt__number, row.key))
