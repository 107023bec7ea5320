"""What a page of runs cannot count itself: columns there are, runs by state."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Now

from apps.experiments.models import Run
from apps.experiments.selectors.goals import mode_of
from apps.experiments.selectors.run_fields import field_name
from apps.experiments.states import RunState

COLUMNS_MOST: Final = 1000
"""Of parameters, and of metrics."""
RECENT_HOURS: Final = 24

_PARAMETERS = """
SELECT p.key, jsonb_typeof(p.value), count(*) FROM ({runs}) r, jsonb_each(r.parameters) p
WHERE p.value <> 'null'::jsonb GROUP BY 1, 2
"""
_LABELS = """
SELECT l.key, 'string', count(*) FROM ({runs}) r, jsonb_object_keys(r.labels) AS l(key) GROUP BY 1
"""
_METRICS = """
SELECT m.key, 'number', count(*) FROM ({runs}) r, jsonb_object_keys(r.summary) AS m(key) GROUP BY 1
"""


def run_columns(runs: Any) -> dict[str, list[dict[str, Any]]]:
    """Which parameters, metrics and labels these runs have, of which types, how many runs; the most used first.
    Three queries."""
    parameters, metrics, labels = (_counted(runs.values(name), sql) for name, sql in _ASKED)
    return {
        "parameters": [_column("params", key, types) for key, types in parameters],
        "metrics": [{**_column("metrics", key, types), "mode": mode_of(key)} for key, types in metrics],
        "labels": [_column("labels", key, types) for key, types in labels],
    }


_ASKED = (("parameters", _PARAMETERS), ("summary", _METRICS), ("labels", _LABELS))


def run_numbers(runs: Any) -> dict[str, Any]:
    """How many runs are in each state, and how many failed of late. One query."""
    recent = Q(state=RunState.FAILED, ended_at__gte=Now() - timedelta(hours=RECENT_HOURS))
    by_state = {f"is_{state}": Count("pk", filter=Q(state=state)) for state in RunState.values}
    found = runs.aggregate(failed=Count("pk", filter=recent), total=Count("pk"), **by_state)
    return {
        "total": found["total"],
        "by_state": {state: found[f"is_{state}"] for state in RunState.values},
        "failed_last_24_hours": found["failed"],
    }


def visible_runs(user: Any, project: Any = None, experiment: Any = None, *, deleted: bool = False) -> Any:
    """The runs that the user sees, of one project or experiment; those that were deleted, or those that were not."""
    runs = Run.objects.visible_to(user).filter(deleted_at__isnull=not deleted)
    if project is not None:
        runs = runs.filter(project=project)
    return runs if experiment is None else runs.filter(experiment=experiment)


def _counted(runs: Any, sql: str) -> list[tuple[str, Counter[str]]]:
    inner, params = runs.order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql.format(runs=inner), params)
        rows = cursor.fetchall()
    found: dict[str, Counter[str]] = {}
    for key, kind, count in rows:
        found.setdefault(key, Counter())[kind] += count
    ordered = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return ordered[:COLUMNS_MOST]


def _column(group: str, key: str, types: Counter[str]) -> dict[str, Any]:
    return {
        "name": field_name(group, key),
        "key": key,
        "type": types.most_common(1)[0][0],
        "types": sorted(types),
        "runs": types.total(),
    }
