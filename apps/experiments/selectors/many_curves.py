"""The same metrics of several runs, thinned: what a comparison draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors.curve_rows import Spans, curves_of
from apps.experiments.selectors.metrics import SeriesByKey, listed
from apps.experiments.selectors.series import Span, thinned

POINTS_MOST = 2000
"""Of a curve."""
MEMBERS_MOST: Final = 64
"""Of a run, those with the lowest numbers: more lines nobody tells apart."""


@dataclass(slots=True)
class MemberCurves:
    """What the members of one run logged of some metrics."""

    run: UUID
    member_count: int = 0
    """How many logged any of them; only the first `MEMBERS_MOST` have curves here."""
    members: dict[int, SeriesByKey] = field(default_factory=dict)
    """By number, ascending."""


def many_curves(runs: Sequence[Run], keys: Sequence[str], points: int, spans: Spans | None = None) -> list[SeriesByKey]:
    """Per run its curves by key; superseded points are left out, minima and maxima kept. One query, or up to three.

    A key of which a run has no points has empty lists.

    Args:
        points: most of a curve, 4 to `POINTS_MOST`.
        spans: only points within.
    """
    found: dict[UUID, SeriesByKey] = {
        run.pk: {key: {"steps": [], "values": [], "times": []} for key in keys} for run in runs
    }
    rows = MetricBatch.objects.filter(run__in=list(found), key__in=keys)
    for curve in curves_of(rows, {run.pk: run.attempt_starts for run in runs}, points, spans or Span()):
        if len(curve.columns[0]):
            found[curve.run_id][curve.key] = listed(thinned(curve.columns, points))
    return [found[run.pk] for run in runs]


def member_curves(
    runs: Sequence[Run], keys: Sequence[str], points: int, spans: Spans | None = None
) -> list[MemberCurves]:
    """As `many_curves`, each member by itself; one that has no points of a metric has no curve of it. Two queries, or
    up to four.
    """
    found = {run.pk: MemberCurves(run.pk) for run in runs}
    rows = MetricBatch.objects.filter(run__in=list(found), key__in=keys)
    ranks: dict[UUID, list[int]] = {}
    for run_id, rank in rows.values_list("run_id", "rank").distinct().order_by("run_id", "rank"):
        ranks.setdefault(run_id, []).append(rank)
    for run_id, known in ranks.items():
        found[run_id].member_count = len(known)
        found[run_id].members = {rank: {} for rank in known[:MEMBERS_MOST]}
    if any(len(known) > MEMBERS_MOST for known in ranks.values()):
        rows = rows.filter(_first_members(ranks))
    starts: dict[UUID, Any] = {run.pk: run.attempt_starts for run in runs}
    for curve in curves_of(rows, starts, points, spans or Span(), by_member=True):
        if len(curve.columns[0]):
            found[curve.run_id].members[curve.member][curve.key] = listed(thinned(curve.columns, points))
    return [found[run.pk] for run in runs]


def _first_members(ranks: dict[UUID, list[int]]) -> Q:
    """Rows of the members that are shown."""
    return reduce(or_, (Q(run=pk, rank__lte=known[:MEMBERS_MOST][-1]) for pk, known in ranks.items()))
