"""What members of attempts used over time, packed."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.db import models

from apps.quotas.models.attempt import Attempt

FIXED = 3
"""Unix seconds, busy cores, bytes of memory: the columns before those of GPUs."""
PER_GPU = 2
"""Busy share, bytes of memory."""
Sample = list[float]
"""One row of columns; NaN: not measured."""


class MemberUsage(models.Model):
    """Samples of one member of an attempt, at even distances: at most some thousands, however long it runs.

    New ones come to `recent`, which is short and rewritten with each; from time to time they move to `kept`. When that
    is full every two become one and the distance doubles.
    """

    id = models.BigAutoField(primary_key=True)
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="member_usage", db_index=False)
    rank = models.PositiveIntegerField()
    gpus = models.JSONField(default=list, editable=False)
    """Indices of the GPUs whose columns follow the fixed ones, in their order."""
    stride = models.PositiveIntegerField(default=1, editable=False)
    """Samples as they came that make one of `kept`."""
    kept = models.BinaryField(default=b"", editable=False)
    recent = models.BinaryField(default=b"", editable=False)
    """Samples one after the other, each `FIXED` + `PER_GPU` · GPUs 64-bit floats, little-endian."""

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["attempt", "rank"], name="member_usage_once")]

    def __str__(self) -> str:
        return f"{self.attempt_id}:{self.rank}"

    @property
    def width(self) -> int:
        """Columns of a sample."""
        return FIXED + PER_GPU * len(self.gpus)

    def samples(self) -> list[Sample]:
        """All of them, oldest first."""
        return [*samples_in(self.kept, self.width), *samples_in(self.recent, self.width)]


def packed(samples: Iterable[Sequence[float]]) -> bytes:
    """Samples of one width as bytes."""
    numbers = array("d", [number for sample in samples for number in sample])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def samples_in(content: Any, width: int) -> list[Sample]:
    """The inverse of `packed`."""
    numbers = array("d")
    numbers.frombytes(bytes(content))
    if sys.byteorder == "big":
        numbers.byteswap()
    return [list(numbers[at : at + width]) for at in range(0, len(numbers), width)]
