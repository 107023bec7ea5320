"""Metric curves of a run, as a chart wants them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from apps.experiments.models import Run
from apps.experiments.models.metric import Numbers, unpack
from apps.experiments.selectors.series import chosen, downsample, last_step_that_counts, order_of, picked

KEYS_MOST = 100
CODES = "qdd"
Row = tuple[Any, ...]
"""Key, attempt number; packed steps, values, times."""
Columns = tuple[Numbers, Numbers, Numbers]
"""Steps, values, times."""


def run_series(run: Run, keys: Sequence[str], points: int) -> dict[str, dict[str, list[float]]]:
    """Per key `{"steps", "values", "times"}` by ascending step, at most `points` of them; one query.

    Superseded points are left out, minima and maxima are kept. A key without points has empty lists.

    Args:
        points: at least 4.
    """
    rows: Iterator[Row] = (
        run.metric_batches.filter(key__in=keys)
        .order_by("key", "id")
        .values_list("key", "attempt__number", "steps", "values", "times")
        .iterator(chunk_size=200)
    )
    found: dict[str, dict[str, list[float]]] = {key: {"steps": [], "values": [], "times": []} for key in keys}
    for key, group in groupby(rows, key=itemgetter(0)):
        found[key] = _thinned(_joined(group, run.attempt_starts), points)
    return found


def _joined(rows: Iterator[Row], starts: Any) -> Columns:
    whole: Columns = (array("q"), array("d"), array("d"))
    for _, attempt_number, *packed in rows:
        columns = [unpack(code, part) for code, part in zip(CODES, packed, strict=True)]
        counting = chosen(columns[0], last_step_that_counts(starts, attempt_number))
        if counting is not None:
            columns = [picked(code, column, counting) for code, column in zip(CODES, columns, strict=True)]
        for target, column in zip(whole, columns, strict=True):
            target.extend(column)
    return whole


def _thinned(columns: Columns, points: int) -> dict[str, list[float]]:
    steps, values, times = columns
    order = order_of(steps)
    by_step = values if isinstance(order, range) else picked("d", values, order)
    kept = [order[position] for position in downsample(by_step, points)]
    return {
        "steps": [steps[position] for position in kept],
        "values": [values[position] for position in kept],
        "times": [times[position] for position in kept],
    }
