"""All points of one metric, as clients read them back: in order of time, each once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.packing import Columns, columns_of, columns_unpack, joined, picked
from apps.experiments.selectors.curve_rows import PACKED, within
from apps.experiments.selectors.series import Span, by_step, counting, last_step_that_counts


def history_of(run: Run, key: str, span: Span | None = None) -> Columns:
    """Every point that counts, by time, step and value; a point that was told several times stands there once.

    One query; reads every point.
    """
    return _in_order(_points([run], key, span or Span())[run.pk])


def sampled_histories(runs: Sequence[Run], key: str, most: int, span: Span) -> dict[UUID, Columns]:
    """Points of several runs at the same steps, by step: where all of them together have more than `most` steps, as
    many of them at even distances, and the first and last of each run. One query; reads every point within."""
    found = {pk: by_step(columns) for pk, columns in _points(runs, key, span).items()}
    steps = np.unique(np.concatenate([columns[0] for columns in found.values()])) if found else np.empty(0, "<i8")
    if len(steps) <= most:
        return found
    ends = [columns[0][place] for columns in found.values() if len(columns[0]) for place in (0, -1)]
    even = steps[np.linspace(0, len(steps) - 1, most).round().astype(int)]
    wanted = np.unique(np.concatenate([even, np.asarray(ends, "<i8")]))
    return {pk: picked(columns, np.isin(columns[0], wanted)) for pk, columns in found.items()}


def _points(runs: Sequence[Run], key: str, span: Span) -> dict[UUID, Columns]:
    """By run, in order of arrival."""
    starts = {run.pk: run.attempt_starts for run in runs}
    rows = within(MetricBatch.objects.filter(run__in=list(starts), key=key), span).order_by("run_id", "id")
    parts: dict[UUID, list[Columns]] = {pk: [] for pk in starts}
    for run_id, number, form, *packed in rows.values_list("run_id", "attempt__number", "form", *PACKED):
        highest = last_step_that_counts(starts[run_id], number, key)
        parts[run_id].append(span.within(counting(columns_unpack(form, packed), highest)))
    return {pk: joined(each) if each else columns_of((), (), ()) for pk, each in parts.items()}


def _in_order(columns: Columns) -> Columns:
    steps, values, times = columns
    if len(steps) < 2:
        return columns
    rises = bool((times[1:] > times[:-1]).all())
    ordered = columns if rises else picked(columns, np.lexsort((values, steps, times)))
    bits = (ordered[0], ordered[1].view("<i8"), ordered[2])
    again = np.logical_and.reduce([column[1:] == column[:-1] for column in bits])
    return picked(ordered, np.concatenate([[True], ~again])) if bool(again.any()) else ordered
