"""Many small rows of metric points become few: in the background, one short transaction for each row that is made.

Rows of one member's metric that are older than `SETTLED_SECONDS` are merged into the last of them, packed closely. That
row keeps its cursor and says from which cursor on its points are; the others go in the same transaction. A reader sees
the rows before or the row after, never both, and a batch that is sent again is known by `MetricSender`, whatever became
of its rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import F, Q
from django.db.models.functions import Greatest

from apps.common import clock
from apps.experiments.models import MetricBatch, MetricRequest, MetricSender
from apps.experiments.models.packing import PLAIN
from apps.experiments.services import segments
from apps.experiments.services.segments import is_full, row_pack, rows_merge, rows_unpacked

SETTLED_SECONDS = 60
"""Younger rows are left alone: whoever tails them has passed by before they are merged."""
LOOSE_BATCHES = 32
"""A member that sends on is looked at from so many on."""
ROWS_MOST = 500
"""Merged by one statement."""
SENDERS_MOST = 200
LOOKED_AT_MOST = 50_000
"""Rows of one member whose sizes are looked at in one go."""
ALONE_MOST = 200
"""Rows that are packed alone by one tick."""
REQUEST_SECONDS = 3600
"""So long a request of MLflow's protocol that comes again is known."""
TICK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A row that may be merged."""

    id: int
    count: int
    """Its points."""

    @property
    def is_full(self) -> bool:
        """It stays as it is, and its neighbours on one side are not merged with those on the other."""
        return is_full(self.count)


def merges(pieces: Iterable[Piece], *, all_of_them: bool) -> Iterator[list[int]]:
    """Which rows become one: neighbours, at least two, together at most `segments.SEGMENT_POINTS`. Pure.

    A row is merged with less than its own size only when nothing more is to come, so that no point is rewritten more
    than a few times.

    Args:
        pieces: of one metric of one member, in order.
        all_of_them: the attempt has ended.
    """
    group: list[Piece] = []
    total = 0
    for piece in pieces:
        if group and (total + piece.count > segments.SEGMENT_POINTS or piece.is_full or len(group) == ROWS_MOST):
            yield from _worth_it(group, all_of_them)
            group, total = [], 0
        if not piece.is_full:
            group.append(piece)
            total += piece.count
    yield from _worth_it(group, all_of_them)


def _worth_it(group: list[Piece], all_of_them: bool) -> Iterator[list[int]]:
    total = sum(piece.count for piece in group)
    while group and not all_of_them and not is_full(total) and group[0].count * 2 > total:
        total -= group[0].count
        group = group[1:]
    if len(group) > 1:
        yield [piece.id for piece in group]


def metrics_compact(*, seconds: float = TICK_SECONDS) -> int:
    """Merge what is due, the members with most loose batches first; stops when its time is over. Returns rows gone."""
    deadline = time.monotonic() + seconds
    settled = clock.db_now() - timedelta(seconds=SETTLED_SECONDS)
    requests_forget()
    done = 0
    for sender in _due(settled):
        done += sender_compact(sender, settled=settled, deadline=deadline)
        if time.monotonic() > deadline:
            return done
    for pk in _large(settled):
        row_pack(pk)
        if time.monotonic() > deadline:
            break
    return done


def requests_forget() -> int:
    """Let go of requests of MLflow's protocol that nobody repeats any more; returns how many."""
    old = clock.db_now() - timedelta(seconds=REQUEST_SECONDS)
    gone, _ = MetricRequest.objects.filter(created_at__lt=old).delete()
    return gone


def sender_compact(sender: MetricSender, *, settled: datetime, deadline: float = float("inf")) -> int:
    """Merge the settled rows of one member. Returns how many rows are gone. May run twice at once.

    Args:
        settled: rows made before are merged.
        deadline: of the monotonic clock; stops after the statement in which it passes.
    """
    over = sender.is_over(settled)
    rows = MetricBatch.objects.filter(attempt=sender.attempt_id, rank=sender.rank)
    if sender.run_id is not None:
        rows = rows.filter(run=sender.run_id)
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
    if over:
        for pk in rows_unpacked(rows.filter(created_at__lt=settled), LOOKED_AT_MOST):
            row_pack(pk)
            if time.monotonic() > deadline:
                return gone
    left = Greatest(F("loose_batches") - sender.loose_batches + len(young), 0)
    MetricSender.objects.filter(pk=sender.pk).update(loose_batches=left)
    return gone


def _due(settled: datetime) -> list[MetricSender]:
    """Members with many loose batches, or with some and nothing more to come. One query."""
    over = Q(attempt__ended_at__lt=settled) | Q(run__ended_at__lt=settled)
    loose = MetricSender.objects.select_related("attempt", "run").filter(loose_batches__gt=1)
    return list(loose.filter(over | Q(loose_batches__gte=LOOSE_BATCHES)).order_by("-loose_batches")[:SENDERS_MOST])


def _large(settled: datetime) -> list[int]:
    """Rows that came full, and are as they came. One query."""
    full = MetricBatch.objects.filter(form=PLAIN, count__gte=segments.SEGMENT_POINTS // 2, created_at__lt=settled)
    return list(full.order_by("id").values_list("pk", flat=True)[:ALONE_MOST])
