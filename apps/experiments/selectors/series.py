"""Metric series: which points count, and few of them that look like all. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.experiments.models.packing import Columns, Numbers, picked

Positions = NDArray[np.intp]
PREVIEW_POINTS = 1024
OVERVIEW_POINTS = 64
"""Of a full row of points: what a chart reads in its place, and what a chart over very many rows reads."""
Starts = Mapping[str, int | None]
"""`Run.attempt_starts`."""
SYSTEM: Final = "system/"
"""What keys begin with of what supervisors sample. Their steps are seconds: no later attempt takes their place."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a curve, ends included; None: no end on that side."""

    from_step: int | None = None
    to_step: int | None = None
    from_time: float | None = None
    to_time: float | None = None
    """Unix seconds."""

    def within(self, columns: Columns) -> Columns:
        """The points that are within."""
        steps, _, times = columns
        mask: Any = None
        for numbers, low, high in ((steps, self.from_step, self.to_step), (times, self.from_time, self.to_time)):
            if low is not None:
                mask = numbers >= low if mask is None else mask & (numbers >= low)
            if high is not None:
                mask = numbers <= high if mask is None else mask & (numbers <= high)
        return columns if mask is None or mask.all() else picked(columns, mask)


def last_step_that_counts(starts: Starts, attempt_number: int | None, key: str = "") -> float:
    """Points of this attempt with a higher step are superseded by a later attempt; ±infinity for none or all.

    Args:
        attempt_number: None: what no attempt sent. Nothing takes its place.
        key: of the metric.
    """
    if attempt_number is None or key.startswith(SYSTEM):
        return math.inf
    later = [step for number, step in starts.items() if int(number) > attempt_number]
    if any(step is None for step in later):
        return -math.inf
    return min((step for step in later if step is not None), default=math.inf)


def counting(columns: Columns, highest: float) -> Columns:
    """The points up to a step: those of `last_step_that_counts`."""
    if highest == math.inf or not len(columns[0]):
        return columns
    mask = columns[0] <= highest
    return columns if mask.all() else picked(columns, mask)


def by_step(columns: Columns) -> Columns:
    """Of equal steps in order of arrival."""
    steps = columns[0]
    if len(steps) < 2 or bool((steps[1:] >= steps[:-1]).all()):
        return columns
    return picked(columns, np.argsort(steps, kind="stable"))


def downsample(values: Numbers, most: int) -> Positions:
    """Positions of at most `most` values, ascending: the first, the last, and the least and greatest of each bucket.

    No peak is lost: the least and the greatest of all finite values are always among them. Of values that are not
    finite the first of each bucket stays too, so that a curve that breaks is seen to break.

    Args:
        most: at least 4.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    inner = values[1:-1]
    finite = np.isfinite(inner)
    is_whole = bool(finite.all())
    buckets = max((most - 2) // (2 if is_whole else 3), 1)
    edges = np.arange(buckets + 1) * len(inner) // buckets
    low, high = (inner, inner) if is_whole else (np.where(finite, inner, end) for end in (math.inf, -math.inf))
    kept = [0, count - 1]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if is_whole or finite[start:end].any():
            kept += [1 + start + int(low[start:end].argmin()), 1 + start + int(high[start:end].argmax())]
        if not is_whole and most >= 5 and not finite[start:end].all():
            kept.append(1 + start + int(finite[start:end].argmin()))
    return np.unique(np.asarray(kept, np.intp))


def thinned(columns: Columns, most: int) -> Columns:
    """At most so many points, by step: ends, minima and maxima are kept."""
    ordered = by_step(columns)
    return ordered if len(ordered[0]) <= most else picked(ordered, downsample(ordered[1], most))


def said(numbers: Numbers) -> list[Any]:
    """Values as JSON has them: NaN and the infinities, which it has not, as `"NaN"`, `"Infinity"`, `"-Infinity"`."""
    listed: list[Any] = numbers.tolist()
    for position in np.flatnonzero(~np.isfinite(numbers)).tolist():
        listed[position] = number_said(listed[position])
    return listed


def number_said(number: float) -> float | str:
    """One value as JSON has it."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def number_read(number: float | str) -> float:
    """The inverse of `number_said`."""
    return float(number)
