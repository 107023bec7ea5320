"""What jobs print."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.quotas.models.attempt import Attempt


class LogChunk(models.Model):
    """A numbered piece of one member's output. Its id is the reader's cursor: in an attempt, ids commit in order."""

    id = models.BigAutoField(primary_key=True)
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="log_chunks")
    rank = models.PositiveIntegerField()
    sequence = models.PositiveBigIntegerField()
    first_line = models.PositiveBigIntegerField()
    """Number of its first line in the member's output, from 1."""
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "rank", "sequence"], name="log_chunk_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["attempt", "id"], name="log_chunk_cursor")]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.rank}:{self.sequence}"
