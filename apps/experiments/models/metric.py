"""Metric points as they are stored."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from django.db import models
from django.db.models.functions import Now

from apps.common.models import CurrentTransactionId
from apps.experiments.models.run import Run
from apps.quotas.models import Attempt

STEP_MOST = 2**53
"""JSON says integers up to it exactly."""
Numbers: TypeAlias = "array[Any]"
"""Integers (`q`) or floats (`d`), of one kind each."""


class MetricBatch(models.Model):
    """The points of one metric in one batch of one member, packed: one row, not one per point.

    Its id and transaction are a cursor for whoever tails new points, as with `Event`. Compaction merges old rows of
    one member into the last of them: that row keeps its cursor, and says from which cursor on its points are.
    """

    id = models.BigAutoField(primary_key=True)
    transaction_id = models.BigIntegerField(db_default=CurrentTransactionId(), editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="metric_batches", db_index=False)
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="+", db_index=False, null=True)
    """Null: of a tracked run."""
    rank = models.PositiveIntegerField()
    sequence = models.PositiveBigIntegerField()
    """Of the batch; of the last one in a row that was merged."""
    key = models.CharField(max_length=200)
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    """Lowest and highest step in it."""
    count = models.PositiveIntegerField()
    steps = models.BinaryField()
    """Signed 64-bit integers, little-endian, in order of arrival."""
    values = models.BinaryField()
    """64-bit floats, little-endian, finite."""
    times = models.BinaryField()
    """Unix seconds as 64-bit floats, little-endian."""
    merged_transaction_id = models.BigIntegerField(null=True, editable=False)
    merged_id = models.BigIntegerField(null=True, editable=False)
    """Cursor of the first batch that was merged into it; null: it is as it came."""
    preview = models.BinaryField(null=True, editable=False)
    """A few of its points that look like all, by step: packed steps, then values, then times. Null: not made."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "rank", "sequence", "key"], name="metric_batch_once"),
            models.CheckConstraint(
                condition=models.Q(count__gte=1, first_step__lte=models.F("last_step")), name="metric_batch_steps"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "key", "id"], name="metric_batch_series"),
            models.Index(fields=["transaction_id", "id"], name="metric_batch_cursor"),
            models.Index(fields=["run", "transaction_id", "id"], name="metric_batch_run_cursor"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.first_step}…{self.last_step} of {self.run_id}"


class MetricSender(models.Model):
    """What one member of an attempt has sent: a batch is kept once, whatever becomes of its rows."""

    id = models.BigAutoField(primary_key=True)
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="+", db_index=False)
    rank = models.PositiveIntegerField()
    received = models.JSONField(default=list, editable=False)
    """Numbers of the batches that are kept: sorted `[first, end)` pairs that do not touch."""
    loose_batches = models.PositiveIntegerField(db_default=0, editable=False)
    """About how many of them compaction has not merged."""

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["attempt", "rank"], name="metric_sender_once")]
        indexes: ClassVar = [
            models.Index(fields=["loose_batches"], condition=models.Q(loose_batches__gt=1), name="metric_sender_loose")
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id}:{self.rank}"


def pack(code: str, numbers: Sequence[float]) -> bytes:
    """Numbers as little-endian bytes; `code` is `q` (64-bit integers) or `d` (64-bit floats).

    Raises:
        OverflowError: a number does not fit.
    """
    packed = array(code, numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def unpack(code: str, packed: bytes | memoryview[int]) -> Numbers:
    """The inverse of `pack`."""
    numbers: Numbers = array(code)
    numbers.frombytes(packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
