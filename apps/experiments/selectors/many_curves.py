"""The same metrics of several runs, thinned: what a comparison draws."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from operator import itemgetter, or_
from uuid import UUID

from django.db.models import Q

from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors.metrics import SeriesByKey, joined, listed, partly_superseded, previewed
from apps.experiments.selectors.series import PREVIEW_POINTS, Span, thinned

POINTS_MOST = PREVIEW_POINTS // 2
"""Of a curve: so many are chosen from the previews of what compaction has merged."""
_RUN = -1
"""Place of the run in a row."""


def many_curves(runs: Sequence[Run], keys: Sequence[str], points: int) -> list[SeriesByKey]:
    """Per run its curves by key; superseded points are left out, minima and maxima kept. One query.

    A key of which a run has no points has empty lists.

    Args:
        points: most of a curve, 4 to `POINTS_MOST`.
    """
    found: dict[UUID, SeriesByKey] = {
        run.pk: {key: {"steps": [], "values": [], "times": []} for key in keys} for run in runs
    }
    starts = {run.pk: run.attempt_starts for run in runs}
    partly = [Q(run=pk) & partly_superseded(one) for pk, one in starts.items() if len(one) > 1]
    rows = MetricBatch.objects.filter(run__in=list(starts), key__in=keys).order_by("run_id", "key", "id")
    packed = previewed(rows, reduce(or_, partly, Q(pk__in=[])))
    for (run_id, key), group in groupby(packed.iterator(chunk_size=50), key=itemgetter(_RUN, 0)):
        columns, _ = joined(group, starts[run_id], Span())
        if len(columns[0]):
            found[run_id][key] = listed(thinned(columns, points))
    return [found[run.pk] for run in runs]
