"""Metric points as they are stored."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.common.models import CurrentTransactionId
from apps.experiments.models.packing import COMPACT, PLAIN, Columns, columns_unpack
from apps.experiments.models.run import Run
from apps.quotas.models import Attempt

STEP_MOST = 2**53
"""JSON says integers up to it exactly, and JavaScript counts no further."""
KEY_LENGTH = 250
"""Of the name of a metric."""


class MetricBatch(models.Model):
    """The points of one metric in one batch of one member, packed: one row, not one per point.

    Its id and transaction are a cursor for whoever tails new points, as with `Event`. Compaction merges old rows of
    one member into the last of them: that row keeps its cursor, and says from which cursor on its points are.
    """

    id = models.BigAutoField(primary_key=True)
    transaction_id = models.BigIntegerField(db_default=CurrentTransactionId(), editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="metric_batches", db_index=False)
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="+", db_index=False, null=True)
    """Null: no attempt sent them, but a client of the run from elsewhere. Nothing supersedes them."""
    rank = models.PositiveIntegerField()
    sequence = models.PositiveBigIntegerField()
    """Of the batch; of the last one in a row that was merged."""
    key = models.CharField(max_length=KEY_LENGTH)
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    """Lowest and highest step in it."""
    count = models.PositiveIntegerField()
    form = models.PositiveSmallIntegerField(
        choices=[(PLAIN, "plain"), (COMPACT, "compact")], default=PLAIN, db_default=PLAIN, editable=False
    )
    """How the columns are packed: `packing.PLAIN` as they came, `packing.COMPACT` since compaction."""
    steps = models.BinaryField()
    """Signed 64-bit integers, in order of arrival."""
    values = models.BinaryField()
    """64-bit floats; NaN and infinities too."""
    times = models.BinaryField()
    """Unix seconds as 64-bit floats, finite."""
    first_time = models.FloatField(null=True, editable=False)
    last_time = models.FloatField(null=True, editable=False)
    """Lowest and highest time in it; null: compaction has not seen it."""
    merged_transaction_id = models.BigIntegerField(null=True, editable=False)
    merged_id = models.BigIntegerField(null=True, editable=False)
    """Cursor of the first batch that was merged into it; null: it is as it came."""
    preview = models.BinaryField(null=True, editable=False)
    """Of a full row about a thousand points that look like all, by step; packed in its form. Null: not made."""
    overview = models.BinaryField(null=True, editable=False)
    """Likewise about sixty, in the plain form, for charts over very many rows."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "rank", "sequence", "key"], name="metric_batch_once"),
            models.CheckConstraint(condition=models.Q(form__in=[PLAIN, COMPACT]), name="metric_batch_form"),
            models.CheckConstraint(
                condition=models.Q(count__gte=1, first_step__lte=models.F("last_step")), name="metric_batch_steps"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "key", "id"], name="metric_batch_series"),
            models.Index(fields=["transaction_id", "id"], name="metric_batch_cursor"),
            models.Index(fields=["run", "transaction_id", "id"], name="metric_batch_run_cursor"),
            models.Index(fields=["id"], condition=models.Q(form=PLAIN, count__gte=16_384), name="metric_batch_large"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.first_step}…{self.last_step} of {self.run_id}"

    @property
    def columns(self) -> Columns:
        """Its points. Raises ValueError: they are not as many as it says."""
        found = columns_unpack(self.form, (self.steps, self.values, self.times))
        if {len(column) for column in found} != {self.count}:
            raise ValueError(f"row {self.pk} of metric points does not have the {self.count} that it says")
        return found


class MetricSender(models.Model):
    """What one member of an attempt has sent: a batch is kept once, whatever becomes of its rows.

    Or what came for a run without an attempt: then it counts the batches, and `MetricRequest` knows them.
    """

    id = models.BigAutoField(primary_key=True)
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="+", db_index=False, null=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False, null=True)
    """Where there is no attempt."""
    rank = models.PositiveIntegerField()
    received = models.JSONField(default=list, editable=False)
    """Numbers of the batches that are kept: sorted `[first, end)` pairs that do not touch."""
    loose_batches = models.PositiveIntegerField(db_default=0, editable=False)
    """About how many of them compaction has not merged."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "rank"], name="metric_sender_once"),
            models.UniqueConstraint(
                fields=["run"], condition=models.Q(run__isnull=False), name="metric_sender_run_once"
            ),
            models.CheckConstraint(
                condition=models.Q(attempt__isnull=False, run__isnull=True)
                | models.Q(attempt__isnull=True, run__isnull=False, rank=0),
                name="metric_sender_of",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["loose_batches"], condition=models.Q(loose_batches__gt=1), name="metric_sender_loose")
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id or self.run_id}:{self.rank}"

    def is_over(self, since: datetime) -> bool:
        """Whether nothing more is to be expected of it, for some time already."""
        source = self.attempt or self.run
        return source is not None and source.ended_at is not None and source.ended_at < since


class MetricRequest(models.Model):
    """A request of MLflow's protocol whose points are kept: sent again, they are not kept twice. Goes after an hour."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=16)
    """BLAKE2b of its points, and of the attempt that sent them: 16 bytes."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "digest"], name="metric_request_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="metric_request_age")]

    def __str__(self) -> str:
        return f"{self.run_id}:{bytes(self.digest).hex()}"
