"""Small curves of one metric each, for the rows of a table: one query for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection

from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.packing import PLAIN, Columns, columns_unpack, joined, picked, preview_unpack
from apps.experiments.selectors.series import Starts, counting, last_step_that_counts, thinned
from apps.quotas.models import Attempt

POINTS: Final = 32
_ROWS = f"""
SELECT w.run_id, r.attempt_starts::text, a.number, b.form, b.overview,
    CASE WHEN b.overview IS NULL THEN b.steps END, CASE WHEN b.overview IS NULL THEN b.values END,
    CASE WHEN b.overview IS NULL THEN b.times END, b.key
FROM unnest(%s::uuid[], %s::text[]) AS w(run_id, key)
JOIN {MetricBatch._meta.db_table} b ON b.run_id = w.run_id AND b.key = w.key
JOIN {Run._meta.db_table} r ON r.id = w.run_id
LEFT JOIN {Attempt._meta.db_table} a ON a.id = b.attempt_id
ORDER BY w.run_id, b.id
"""  # noqa: S608 - names of our own tables


def sparks_of(keys: Mapping[UUID, str]) -> dict[UUID, list[float]]:
    """Run → at most 32 values of the metric that is named for it, by step; runs without a point are left out.

    Superseded points and values that are not finite are left out, the least and the greatest value are kept.
    """
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [list(keys), list(keys.values())])
        rows = cursor.fetchall()
    found = {run_id: _spark(list(group)) for run_id, group in groupby(rows, key=itemgetter(0))}
    return {run_id: values for run_id, values in found.items() if values}


def _spark(rows: list[tuple[Any, ...]]) -> list[float]:
    starts: Starts = json.loads(rows[0][1])
    columns = joined([counting(_points(row), last_step_that_counts(starts, row[2], row[8])) for row in rows])
    values = columns[1]
    found: list[float] = thinned(picked(columns, np.isfinite(values)), POINTS)[1].tolist()
    return found


def _points(row: tuple[Any, ...]) -> Columns:
    form, overview = row[3:5]
    return columns_unpack(form, row[5:8]) if overview is None else preview_unpack(PLAIN, overview)
