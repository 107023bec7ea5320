"""Which of this app's objects a browser may follow, and that there is more output of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.common.cursors import Cursor
from apps.common.live_messages import LogsTold
from apps.common.rounds import Followed, Item, Tail
from apps.quotas.models import Budget, Cluster, LogChunk, ResourcePool, WhatIf, Workload

SUBJECTS: dict[str, Callable[[], Any]] = {
    "workload": Workload.objects.all,
    "pool": ResourcePool.objects.all,
    "cluster": Cluster.objects.all,
    "budget": Budget.objects.all,
    "what_if": WhatIf.objects.all,
}


def log_items(ids: Sequence[int], followed: Followed) -> list[Item]:
    """That a member has said more: how far it got, not what it said."""
    columns = ("id", "transaction_id", "attempt_id", "attempt__workload_id", "rank", "first_line", "lines")
    rows = LogChunk.objects.filter(id__in=ids).order_by("transaction_id", "id").values_list(*columns, named=True)
    return [
        Item(
            row.transaction_id,
            f"workload.{row.attempt__workload_id}",
            logs=LogsTold(str(row.attempt_id), row.rank, row.first_line + max(row.lines, 1) - 1, row.id),
        )
        for row in rows
    ]


def has_output_after(workload_id: str, after: Cursor, horizon: int) -> bool:
    """Whether a workload has output after the cursor. One query."""
    later = Q(transaction_id__gt=after[0]) | Q(transaction_id=after[0], id__gt=after[1])
    rows = LogChunk.objects.filter(later, attempt__workload_id=UUID(workload_id), transaction_id__lt=horizon)
    return rows.exists()


TAIL = Tail(LogChunk._meta.db_table, log_items, noun="workload", is_after=has_output_after)
