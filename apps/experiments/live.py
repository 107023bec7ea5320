"""Which of this app's objects a browser may follow, and the points that ride on its socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.common.cursors import Cursor
from apps.common.live_messages import PointsTold
from apps.common.rounds import Followed, Item, Tail
from apps.experiments.models import MetricBatch, ModelVersion, Run
from apps.experiments.models.packing import columns_unpack
from apps.experiments.selectors.series import said

SUBJECTS: dict[str, Callable[[], Any]] = {"run": Run.objects.all, "model_version": ModelVersion.objects.all}

POINTS_MOST = 2_000
"""Of one batch and metric; whoever follows a run that sends more at once fetches them."""

NO_ATTEMPT = 0
"""Of points that no attempt sent."""


def point_items(ids: Sequence[int], followed: Followed) -> list[Item]:
    """Points of the runs that somebody follows; of others, and of large or merged rows, only that there are some."""
    columns = ("id", "transaction_id", "run_id", "key", "attempt__number", "rank", "count", "merged_id")
    rows = list(
        MetricBatch.objects.filter(id__in=ids).order_by("transaction_id", "id").values_list(*columns, named=True)
    )
    wanted = followed({f"run.{row.run_id}" for row in rows})
    # Of a merged row some points may have been told before it was merged.
    news = (row for row in rows if row.merged_id is None and row.count <= POINTS_MOST)
    small = [row.id for row in news if f"run.{row.run_id}" in wanted]
    columns_of = ("id", "form", "steps", "values", "times")
    packed = MetricBatch.objects.filter(id__in=small).values_list(*columns_of) if small else ()
    bodies = {row_id: body for row_id, *body in packed}
    items: list[Item] = []
    bare: set[str] = set()
    for row in rows:
        subject = f"run.{row.run_id}"
        if row.id in bodies:
            form, *columns = bodies[row.id]
            steps, values, times = columns_unpack(form, columns)
            told = (steps.tolist(), said(values), times.tolist())
            points = PointsTold(row.key, row.attempt__number or NO_ATTEMPT, row.rank, *told)
            items.append(Item(row.transaction_id, subject, points=points))
        elif subject not in bare:
            bare.add(subject)
            items.append(Item(rows[-1].transaction_id, subject, points_missing=True))
    return items


def has_points_after(run_id: str, after: Cursor, horizon: int) -> bool:
    """Whether a run has points after the cursor. One query."""
    later = Q(transaction_id__gt=after[0]) | Q(transaction_id=after[0], id__gt=after[1])
    return MetricBatch.objects.filter(later, run_id=UUID(run_id), transaction_id__lt=horizon).exists()


TAIL = Tail(MetricBatch._meta.db_table, point_items, carried=True, noun="run", is_after=has_points_after)
