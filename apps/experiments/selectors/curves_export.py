"""Every point of the metrics of some runs for a file: those that count, a few rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from apps.common.parquet import EPOCH, Column, Kind
from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors.curve_rows import PACKED, points_in

ROWS_AT_ONCE: Final = 32
COLUMNS: Final = [
    Column("run", Kind.TEXT),
    Column("run_name", Kind.TEXT),
    Column("metric", Kind.TEXT),
    Column("attempt", Kind.INTEGER),
    Column("member", Kind.INTEGER),
    Column("step", Kind.INTEGER),
    Column("time", Kind.TIME),
    Column("value", Kind.NUMBER),
]
Cells = Sequence[Sequence[Any]]


def curves_export(runs: Sequence[Run], keys: Sequence[str]) -> Iterator[Cells]:
    """Rows for `COLUMNS`: run by run, metric by metric, each member's in order of arrival.

    Args:
        runs: with `name` and `attempt_starts`.
        keys: of these metrics; empty: of all.
    """
    for run in runs:
        place: tuple[str, int] | None = None
        while found := list(_rows(run, keys, place)[:ROWS_AT_ONCE]):
            place = (found[-1].key, found[-1].id)
            yield [cells for row in found for cells in _points(run, row)]


def _rows(run: Run, keys: Sequence[str], after: tuple[str, int] | None) -> Any:
    rows = MetricBatch.objects.filter(run=run)
    if keys:
        rows = rows.filter(key__in=keys)
    if after is not None:
        rows = rows.filter(Q(key__gt=after[0]) | Q(key=after[0], id__gt=after[1]))
    ordered = rows.order_by("key", "id")
    return ordered.values_list("id", "key", "rank", "attempt__number", "form", *PACKED, named=True)


def _points(run: Run, row: Any) -> Iterator[Sequence[Any]]:
    steps, values, times = (column.tolist() for column in points_in(row, run.attempt_starts))
    first = (str(run.pk), run.name, row.key, row.attempt__number, row.rank)
    for step, value, time in zip(steps, values, times, strict=True):
        yield (*first, step, _instant(time), value)


def _instant(seconds: float) -> datetime | None:
    """A time as code has sent it; None where no calendar has it."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None
