"""Small curves of one metric each, for the rows of a table: one query for all of them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from django.db import connection

from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.metric import Numbers, unpack
from apps.experiments.selectors.series import CODES, chosen, downsample, last_step_that_counts, order_of, picked
from apps.quotas.models import Attempt

POINTS: Final = 32
_ROWS = f"""
SELECT w.run_id, r.attempt_starts::text, a.number, b.preview,
    CASE WHEN b.preview IS NULL THEN b.steps END, CASE WHEN b.preview IS NULL THEN b.values END
FROM unnest(%s::uuid[], %s::text[]) AS w(run_id, key)
JOIN {MetricBatch._meta.db_table} b ON b.run_id = w.run_id AND b.key = w.key
JOIN {Run._meta.db_table} r ON r.id = w.run_id
JOIN {Attempt._meta.db_table} a ON a.id = b.attempt_id
ORDER BY w.run_id, b.id
"""  # noqa: S608 - names of our own tables


def sparks_of(keys: Mapping[UUID, str]) -> dict[UUID, list[float]]:
    """Run → at most 32 values of the metric that is named for it, by step; runs without a point are left out.

    Superseded points are left out, the least and the greatest value are kept.
    """
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [list(keys), list(keys.values())])
        rows = cursor.fetchall()
    found = {run_id: _spark(list(group)) for run_id, group in groupby(rows, key=itemgetter(0))}
    return {run_id: values for run_id, values in found.items() if values}


def _spark(rows: list[tuple[Any, ...]]) -> list[float]:
    starts = json.loads(rows[0][1])
    steps, values = array("q"), array("d")
    for row in rows:
        more_steps, more_values = _points(row)
        counting = chosen(more_steps, last_step_that_counts(starts, row[2]))
        if counting is not None:
            more_steps, more_values = picked("q", more_steps, counting), picked("d", more_values, counting)
        steps.extend(more_steps)
        values.extend(more_values)
    order = order_of(steps)
    by_step = values if isinstance(order, range) else picked("d", values, order)
    return [by_step[position] for position in downsample(by_step, POINTS)]


def _points(row: tuple[Any, ...]) -> tuple[Numbers, Numbers]:
    preview = row[3]
    if preview is None:
        return unpack("q", row[4]), unpack("d", row[5])
    size = len(preview) // len(CODES)
    return unpack("q", preview[:size]), unpack("d", preview[size : 2 * size])
