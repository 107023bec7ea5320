"""Metric series: which points count, and few of them that look like all. Pure but for the packed form."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import le
from typing import Any

from apps.experiments.models.metric import Numbers

CODES = "qdd"
Columns = tuple[Numbers, Numbers, Numbers]
"""Steps, values, times: of one length."""
PREVIEW_POINTS = 1024
"""Of a full row of points."""
Starts = Mapping[str, int | None]
"""`Run.attempt_starts`."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a curve, ends included; None: no end on that side."""

    from_step: int | None = None
    to_step: int | None = None
    from_time: float | None = None
    to_time: float | None = None
    """Unix seconds."""

    def chosen(self, steps: Sequence[float], times: Sequence[float]) -> list[int] | None:
        """Positions of the points within; None when that is all of them."""
        low_step, high_step = _ends(self.from_step, self.to_step)
        low_time, high_time = _ends(self.from_time, self.to_time)
        if not len(steps) or (_all_within(steps, low_step, high_step) and _all_within(times, low_time, high_time)):
            return None
        return [
            position
            for position, (step, time) in enumerate(zip(steps, times, strict=True))
            if low_step <= step <= high_step and low_time <= time <= high_time
        ]


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    return -math.inf if low is None else low, math.inf if high is None else high


def _all_within(numbers: Sequence[float], low: float, high: float) -> bool:
    return (low == -math.inf or min(numbers) >= low) and (high == math.inf or max(numbers) <= high)


def last_step_that_counts(starts: Starts, attempt_number: int) -> float:
    """Points of this attempt with a higher step are superseded by a later attempt; ±infinity for none or all."""
    later = [step for number, step in starts.items() if int(number) > attempt_number]
    if any(step is None for step in later):
        return -math.inf
    return min((step for step in later if step is not None), default=math.inf)


def chosen(steps: Sequence[float], highest: float) -> list[int] | None:
    """Positions of the steps up to `highest`; None when that is all of them."""
    if not len(steps) or max(steps) <= highest:
        return None
    return [position for position, step in enumerate(steps) if step <= highest]


def order_of(steps: Sequence[float]) -> Sequence[int]:
    """Positions by step; of equal steps in order of arrival."""
    if all(map(le, steps, islice(steps, 1, None))):
        return range(len(steps))
    return sorted(range(len(steps)), key=steps.__getitem__)


def downsample(values: Sequence[float], most: int) -> Sequence[int]:
    """Positions of at most `most` values, ascending: the first, the last, and the least and greatest of each bucket.

    No peak is lost: the least and the greatest of all are always among them.

    Args:
        most: at least 4.
    """
    count = len(values)
    if count <= most:
        return range(count)
    buckets = (most - 2) // 2
    inner = count - 2
    kept = [0]
    for bucket in range(buckets):
        start, end = 1 + bucket * inner // buckets, 1 + (bucket + 1) * inner // buckets
        part = values[start:end]
        lowest, highest = start + _index(part, min(part)), start + _index(part, max(part))
        kept += sorted({lowest, highest})
    return [*kept, count - 1]


def _index(part: Sequence[float], value: float) -> int:
    return part.index(value)


def thinned(columns: Columns, most: int) -> Columns:
    """At most so many points, by step: ends, minima and maxima are kept."""
    steps, values, times = columns
    order = order_of(steps)
    by_step = values if isinstance(order, range) else picked("d", values, order)
    kept = [order[position] for position in downsample(by_step, most)]
    return picked("q", steps, kept), picked("d", values, kept), picked("d", times, kept)


def picked(code: str, numbers: array[Any], positions: Sequence[int]) -> array[Any]:
    """The numbers at these positions, in their order."""
    return array(code, map(numbers.__getitem__, positions))
