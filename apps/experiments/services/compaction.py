"""Many small rows of metric points become few: in the background, one short statement for each row that is made.

Rows of one member's metric that are older than `SETTLED_SECONDS` are merged into the last of them. That row keeps its
cursor and says from which cursor on its points are; the others go in the same statement. A reader sees the rows before
or the row after, never both, and a batch that is sent again is known by `MetricSender`, whatever became of its rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest

from apps.common import clock
from apps.experiments.models import MetricBatch, MetricSender
from apps.experiments.models.metric import pack, unpack
from apps.experiments.selectors.series import CODES, PREVIEW_POINTS, thinned

SETTLED_SECONDS = 60
"""Younger rows are left alone: whoever tails them has passed by before they are merged."""
LOOSE_BATCHES = 32
"""A member that sends on is looked at from so many on."""
SEGMENT_POINTS = 32_768
ROWS_MOST = 500
"""Merged by one statement."""
SENDERS_MOST = 200
LOOKED_AT_MOST = 50_000
"""Rows of one member whose sizes are looked at in one go."""
TICK_SECONDS = 20.0

_MERGE = f"""
WITH gone AS (
    DELETE FROM {MetricBatch._meta.db_table} WHERE id = ANY(%(others)s)
    RETURNING id, transaction_id, first_step, last_step, count, steps, "values", times, merged_transaction_id, merged_id
), merged AS (
    SELECT count(*) AS rows, min(first_step) AS first_step, max(last_step) AS last_step, sum(count) AS count,
        string_agg(steps, ''::bytea ORDER BY id) AS steps, string_agg("values", ''::bytea ORDER BY id) AS "values",
        string_agg(times, ''::bytea ORDER BY id) AS times,
        (array_agg(coalesce(merged_transaction_id, transaction_id) ORDER BY id))[1] AS merged_transaction_id,
        (array_agg(coalesce(merged_id, id) ORDER BY id))[1] AS merged_id
    FROM gone
)
UPDATE {MetricBatch._meta.db_table} AS kept SET
    first_step = least(kept.first_step, merged.first_step), last_step = greatest(kept.last_step, merged.last_step),
    count = kept.count + merged.count, steps = merged.steps || kept.steps, "values" = merged."values" || kept."values",
    times = merged.times || kept.times,
    merged_transaction_id = merged.merged_transaction_id, merged_id = merged.merged_id, preview = NULL
FROM merged WHERE kept.id = %(last)s AND merged.rows = %(count)s
"""  # noqa: S608 - names of our own tables


@dataclass(frozen=True, slots=True)
class Piece:
    """A row that may be merged."""

    id: int
    count: int
    """Its points."""

    @property
    def is_full(self) -> bool:
        """It stays as it is, and its neighbours on one side are not merged with those on the other."""
        return self.count >= SEGMENT_POINTS // 2


class Overtaken(Exception):
    """Somebody else merged these rows meanwhile."""


def merges(pieces: Iterable[Piece], *, all_of_them: bool) -> Iterator[list[int]]:
    """Which rows become one: neighbours, at least two, together at most `SEGMENT_POINTS`. Pure.

    A row is merged with less than its own size only when nothing more is to come, so that no point is rewritten more
    than a few times.

    Args:
        pieces: of one metric of one member, in order.
        all_of_them: the attempt has ended.
    """
    group: list[Piece] = []
    total = 0
    for piece in pieces:
        if group and (total + piece.count > SEGMENT_POINTS or piece.is_full or len(group) == ROWS_MOST):
            yield from _worth_it(group, all_of_them)
            group, total = [], 0
        if not piece.is_full:
            group.append(piece)
            total += piece.count
    yield from _worth_it(group, all_of_them)


def _worth_it(group: list[Piece], all_of_them: bool) -> Iterator[list[int]]:
    total = sum(piece.count for piece in group)
    while group and not all_of_them and total < SEGMENT_POINTS // 2 and group[0].count * 2 > total:
        total -= group[0].count
        group = group[1:]
    if len(group) > 1:
        yield [piece.id for piece in group]


def metrics_compact(*, seconds: float = TICK_SECONDS) -> int:
    """Merge what is due, the members with most loose batches first; stops when its time is over. Returns rows gone."""
    deadline = time.monotonic() + seconds
    settled = clock.db_now() - timedelta(seconds=SETTLED_SECONDS)
    done = 0
    for sender in _due(settled):
        done += sender_compact(sender, settled=settled, deadline=deadline)
        if time.monotonic() > deadline:
            break
    return done


def sender_compact(sender: MetricSender, *, settled: datetime, deadline: float = float("inf")) -> int:
    """Merge the settled rows of one member. Returns how many rows are gone. May run twice at once.

    Args:
        settled: rows made before are merged.
        deadline: of the monotonic clock; stops after the statement in which it passes.
    """
    attempt = sender.attempt
    over = attempt.ended_at is not None and attempt.ended_at < settled
    rows = MetricBatch.objects.filter(attempt=attempt, rank=sender.rank)
    sizes = rows.order_by("key", "id").values_list("key", "id", "count", "created_at", "sequence")[:LOOKED_AT_MOST]
    young: set[int] = set()
    gone = 0
    for _, group in groupby(list(sizes), key=lambda row: row[0]):
        pieces = []
        for _, row_id, count, made_at, sequence in group:
            if made_at < settled:
                pieces.append(Piece(row_id, count))
            else:
                young.add(sequence)
        for ids in merges(pieces, all_of_them=over):
            gone += rows_merge(ids)
            if time.monotonic() > deadline:
                return gone
    rows_preview(rows.filter(created_at__lt=settled), deadline)
    left = Greatest(F("loose_batches") - sender.loose_batches + len(young), 0)
    MetricSender.objects.filter(pk=sender.pk).update(loose_batches=left)
    return gone


def rows_merge(ids: list[int]) -> int:
    """Merge these rows into the last one, in one statement; returns how many are gone: all but one, or none.

    Nothing is done when one of them is not there any more.
    """
    *others, last = ids
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_MERGE, {"others": others, "last": last, "count": len(others)})
            if cursor.rowcount != 1:
                raise Overtaken
    except Overtaken:
        return 0
    return len(others)


def rows_preview(rows: QuerySet[MetricBatch], deadline: float) -> None:
    """Give full rows a preview, so that a chart need not read all their points. Nothing, for a row that changed."""
    found = rows.filter(count__gte=SEGMENT_POINTS // 2, preview=None)
    for row in found.only("count", "steps", "values", "times").iterator(chunk_size=20):
        columns = (unpack("q", row.steps), unpack("d", row.values), unpack("d", row.times))
        preview = b"".join(map(pack, CODES, thinned(columns, PREVIEW_POINTS)))
        MetricBatch.objects.filter(pk=row.pk, count=row.count).update(preview=preview)
        if time.monotonic() > deadline:
            return


def _due(settled: datetime) -> list[MetricSender]:
    """Members with many loose batches, or with some and nothing more to come. One query."""
    over = Q(attempt__ended_at__lt=settled)
    loose = MetricSender.objects.select_related("attempt").filter(loose_batches__gt=1)
    return list(loose.filter(over | Q(loose_batches__gte=LOOSE_BATCHES)).order_by("-loose_batches")[:SENDERS_MOST])
