"""What jobs print."""

from __future__ import annotations

import zlib
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.common.models import CurrentTransactionId
from apps.quotas.models.attempt import Attempt


class LogChunk(models.Model):
    """A numbered piece of one member's output. Its id is the reader's cursor: in an attempt, ids commit in order."""

    id = models.BigAutoField(primary_key=True)
    transaction_id = models.BigIntegerField(null=True, db_default=CurrentTransactionId(), editable=False)
    """With the id a cursor for whoever tails new output, as with `Event`; null: older than this column."""
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="log_chunks")
    rank = models.PositiveIntegerField()
    sequence = models.PositiveBigIntegerField()
    first_line = models.PositiveBigIntegerField()
    """Number of its first line in the member's output, from 1."""
    lines = models.PositiveIntegerField(default=0)
    """How many lines it has; 0: not counted, an old row."""
    size_bytes = models.PositiveIntegerField(default=0)
    """Of its text in UTF-8."""
    content = models.BinaryField(null=True)
    """Its text in UTF-8, deflated (zlib, RFC 1950); null: it is in `text`."""
    text = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "rank", "sequence"], name="log_chunk_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["attempt", "id"], name="log_chunk_cursor"),
            models.Index(fields=["transaction_id", "id"], name="log_chunk_news"),
        ]

    def output(self) -> str:
        """What was printed."""
        return self.text if self.content is None else zlib.decompress(self.content).decode()

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.rank}:{self.sequence}"
