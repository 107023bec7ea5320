"""What compaction makes of rows of metric points: several become one, and one is packed closely.

Each does one thing in one transaction, on rows that it has locked. A reader sees the rows before or the row after.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.experiments.models import MetricBatch
from apps.experiments.models.packing import (
    COMPACT,
    PLAIN,
    Columns,
    columns_pack,
    joined,
    preview_pack,
)
from apps.experiments.selectors.series import OVERVIEW_POINTS, PREVIEW_POINTS, thinned

SEGMENT_POINTS = 32_768
"""Most of a row that was merged; a row of half of them is full."""
PACKED_FROM = 64
"""Points of a row from which on packing it closely is worth it."""
_READ = ("id", "transaction_id", "count", "form", "steps", "values", "times", "merged_transaction_id", "merged_id")


def is_full(points: int) -> bool:
    """Whether a row of so many points stays as it is."""
    return points >= SEGMENT_POINTS // 2


def rows_merge(ids: list[int]) -> int:
    """Merge these rows into the last one; returns how many are gone: all but one, or none.

    The last row keeps its cursor, and says from which on its points are. Nothing is done when one of them is not there
    any more.
    """
    with transaction.atomic():
        found = list(MetricBatch.objects.select_for_update().filter(pk__in=ids).only(*_READ).order_by("id"))
        if [row.pk for row in found] != ids:
            return 0
        first, last = found[0], found[-1]
        columns = joined([row.columns for row in found])
        _write(
            last.pk,
            columns,
            merged_transaction_id=first.merged_transaction_id or first.transaction_id,
            merged_id=first.merged_id or first.pk,
        )
        MetricBatch.objects.filter(pk__in=ids[:-1]).delete()
    return len(ids) - 1


def row_pack(pk: int) -> bool:
    """Pack a row closely that comes alone; False where somebody did, or it is gone."""
    with transaction.atomic():
        row = MetricBatch.objects.select_for_update().filter(pk=pk).filter(unpacked()).only(*_READ).first()
        if row is None:
            return False
        _write(row.pk, row.columns)
    return True


def unpacked() -> Q:
    """Rows that `row_pack` makes smaller, or that lack what charts read of full ones."""
    return Q(form=PLAIN, count__gte=PACKED_FROM) | Q(count__gte=SEGMENT_POINTS // 2, overview=None)


def rows_unpacked(rows: QuerySet[MetricBatch], most: int) -> list[int]:
    """The oldest of them."""
    return list(rows.filter(unpacked()).order_by("id").values_list("pk", flat=True)[:most])


def segment_of(columns: Columns) -> dict[str, Any]:
    """All of a row that follows from its points."""
    steps, _, times = columns
    plain, compact = columns_pack(PLAIN, columns), columns_pack(COMPACT, columns)
    form = COMPACT if sum(map(len, compact)) < sum(map(len, plain)) else PLAIN
    packed = compact if form == COMPACT else plain
    full = is_full(len(steps))
    return {
        "form": form,
        **dict(zip(("steps", "values", "times"), packed, strict=True)),
        "count": len(steps),
        "first_step": int(steps.min()),
        "last_step": int(steps.max()),
        "first_time": float(times.min()),
        "last_time": float(times.max()),
        "preview": preview_pack(form, thinned(columns, PREVIEW_POINTS)) if full else None,
        "overview": preview_pack(PLAIN, thinned(columns, OVERVIEW_POINTS)) if full else None,
    }


def _write(pk: int, columns: Columns, **more: Any) -> None:
    MetricBatch.objects.filter(pk=pk).update(**segment_of(columns), **more)
