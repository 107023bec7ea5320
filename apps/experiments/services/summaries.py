"""The summary of a run's metrics, folded batch by batch."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.experiments.models import Run
from apps.experiments.models.packing import Numbers, columns_unpack
from apps.experiments.selectors.series import counting, last_step_that_counts, number_said

Entry = dict[str, Any]
Summary = dict[str, Entry]
"""`Run.summary`."""
SAME = 1e-9
"""Relative difference of two sums of the same numbers, added in another order."""
_ABOUT = ("mean", "sum")


def summary_add(
    summary: Summary,
    key: str,
    steps: Sequence[float] | Numbers,
    values: Sequence[float] | Numbers,
    times: Sequence[float] | Numbers | None = None,
) -> None:
    """Fold points of one metric, at least one, into the summary.

    `last` is the value at the highest step, as JSON has it, and `last_time` its time in Unix seconds, where times are
    given; of equal steps, the one that came last. `min` and `max`,
    with the step at which each was first met, `mean` and `sum` are of finite values: null, 0 of the sum, where there is
    none. `count` is of all points, `not_finite` of those that are NaN or infinite.
    """
    numbers, found = np.asarray(steps, "<i8"), np.asarray(values, "<f8")
    old = summary.get(key) or _EMPTY
    last_step = int(numbers.max())
    place = len(found) - 1 - int(numbers[::-1].argmax())
    newest: Entry = {"last": number_said(float(found[place])), "last_step": last_step}
    if times is not None:
        newest["last_time"] = float(times[place])
    if old["last_step"] is not None and old["last_step"] > last_step:
        newest = {name: old[name] for name in ("last", "last_step", "last_time") if name in old}
    finite = np.isfinite(found)
    odd = len(found) - int(finite.sum())
    if odd:
        numbers, found = numbers[finite], found[finite]
    not_finite, count = old.get("not_finite", 0) + odd, old["count"] + len(found) + odd
    total = _storable(old["sum"] + _sum(found))
    ends = {"min": old["min"], "min_step": old.get("min_step"), "max": old["max"], "max_step": old.get("max_step")}
    if len(found):
        low, high = int(found.argmin()), int(found.argmax())
        if old["min"] is None or found[low] < old["min"]:
            ends |= {"min": float(found[low]), "min_step": int(numbers[low])}
        if old["max"] is None or found[high] > old["max"]:
            ends |= {"max": float(found[high]), "max_step": int(numbers[high])}
    mean = total / (count - not_finite) if count > not_finite else None
    summary[key] = {**newest, **ends, "mean": mean, "sum": total, "count": count}
    if not_finite:
        summary[key]["not_finite"] = not_finite


_EMPTY: dict[str, Any] = {"last": None, "last_step": None, "min": None, "max": None, "sum": 0.0, "count": 0}


def summary_rebuild(run: Run) -> Summary:
    """The summary from all points that count by `run.attempt_starts`; reads every batch once."""
    summary: Summary = {}
    rows = run.metric_batches.order_by("id").values_list("key", "attempt__number", "form", "steps", "values", "times")
    for key, attempt_number, form, *packed in rows.iterator(chunk_size=200):
        highest = last_step_that_counts(run.attempt_starts, attempt_number, key)
        columns = counting(columns_unpack(form, packed), highest)
        if len(columns[0]):
            summary_add(summary, key, *columns)
    return summary


def entries_agree(rebuilt: Entry | None, stored: Entry | None) -> bool:
    """Whether a metric's entry says what its points say. At which step an end was met, and when the last one came, is
    not known of what was folded before that was noted."""
    if rebuilt is None or stored is None:
        return False
    ends = {name for name in ("min_step", "max_step", "last_time") if stored.get(name) is None}
    if rebuilt.keys() - ends != stored.keys() - ends:
        return False
    exact = all(value == stored[name] for name, value in rebuilt.items() if name not in (*ends, *_ABOUT))
    return exact and all(_near(rebuilt[name], stored[name]) for name in _ABOUT)


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)


def _sum(values: Numbers) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.sum())


def _storable(total: float) -> float:
    """A sum of finite numbers that overflowed, as the nearest number that JSON has."""
    if math.isnan(total):
        return 0.0
    return min(max(total, -sys.float_info.max), sys.float_info.max)
