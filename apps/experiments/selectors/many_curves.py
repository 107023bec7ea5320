"""The same metrics of several runs, thinned: what a comparison draws."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors.curve_rows import curves_of
from apps.experiments.selectors.metrics import SeriesByKey, listed
from apps.experiments.selectors.series import Span, thinned

POINTS_MOST = 2000
"""Of a curve."""


def many_curves(runs: Sequence[Run], keys: Sequence[str], points: int, span: Span | None = None) -> list[SeriesByKey]:
    """Per run its curves by key; superseded points are left out, minima and maxima kept. One query, or up to three.

    A key of which a run has no points has empty lists.

    Args:
        points: most of a curve, 4 to `POINTS_MOST`.
        span: only points within.
    """
    found: dict[UUID, SeriesByKey] = {
        run.pk: {key: {"steps": [], "values": [], "times": []} for key in keys} for run in runs
    }
    rows = MetricBatch.objects.filter(run__in=list(found), key__in=keys)
    for curve in curves_of(rows, {run.pk: run.attempt_starts for run in runs}, points, span or Span()):
        if len(curve.columns[0]):
            found[curve.run_id][curve.key] = listed(thinned(curve.columns, points))
    return [found[run.pk] for run in runs]
