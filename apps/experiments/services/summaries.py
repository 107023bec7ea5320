"""The summary of a run's metrics, folded batch by batch."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from apps.experiments.models import Run
from apps.experiments.models.metric import unpack
from apps.experiments.selectors.series import chosen, last_step_that_counts, picked

Summary = dict[str, dict[str, Any]]
"""`Run.summary`."""


def summary_add(summary: Summary, key: str, steps: Sequence[float], values: Sequence[float]) -> None:
    """Fold points of one metric, at least one, into the summary.

    `last` is the value at the highest step; of equal steps, the one that came last.
    """
    old = summary.get(key)
    last_step = max(steps)
    last = values[len(steps) - 1 - list(reversed(steps)).index(last_step)]
    total, count, low, high = sum(values), len(values), min(values), max(values)
    if old is not None:
        total, count = total + old["sum"], count + old["count"]
        low, high = min(low, old["min"]), max(high, old["max"])
        if old["last_step"] > last_step:
            last, last_step = old["last"], old["last_step"]
    total = _storable(total)
    summary[key] = {
        "last": last,
        "last_step": int(last_step),
        "min": low,
        "max": high,
        "mean": total / count,
        "sum": total,
        "count": count,
    }


def summary_rebuild(run: Run) -> Summary:
    """The summary from all points that count by `run.attempt_starts`; reads every batch once."""
    summary: Summary = {}
    rows = run.metric_batches.order_by("id").values_list("key", "attempt__number", "steps", "values")
    for key, attempt_number, packed_steps, packed_values in rows.iterator(chunk_size=200):
        steps, values = unpack("q", packed_steps), unpack("d", packed_values)
        counting = chosen(steps, last_step_that_counts(run.attempt_starts, attempt_number))
        if counting is not None:
            steps, values = picked("q", steps, counting), picked("d", values, counting)
        if len(steps):
            summary_add(summary, key, steps, values)
    return summary


def _storable(total: float) -> float:
    """A sum of finite numbers that overflowed, as the nearest number that JSON has."""
    if math.isnan(total):
        return 0.0
    return min(max(total, -sys.float_info.max), sys.float_info.max)
