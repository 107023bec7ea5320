"""A window of the table of runs: any parameter and metric as a column, sorted and filtered by any of them.

Three queries whatever the table holds: which runs, and how many in all; what is shown of them; their small curves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, JSONField, Q, When, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left

from apps.common.messages import message_of
from apps.experiments.models import Run
from apps.experiments.search.grammar import Comparison
from apps.experiments.selectors.goals import mode_of
from apps.experiments.selectors.run_counts import visible_runs
from apps.experiments.selectors.run_fields import Condition, Field
from apps.experiments.selectors.run_search import runs_filtered
from apps.experiments.selectors.run_sql import GOAL, SECONDS, condition_q, json_value, order_by
from apps.experiments.selectors.sparks import sparks_of
from apps.experiments.states import RunState

SHOWN = (
    "id", "name", "kind", "tags", "project", "project__name", "experiment", "experiment__name", "dataset_version",
    "dataset_version__dataset__name", "dataset_version__number", "workload", "state", "shown_reason", "shown_detail",
    "state_at", "requested_by__username", "created_at", "started_at", "ended_at", "seconds", "goal", "image", "seed",
    "first_notes", "deleted_at",
)  # fmt: skip


NOTES_SHOWN = 200
"""Characters of the notes of a run."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs, how sorted, what of them."""

    project: UUID | None = None
    experiment: UUID | None = None
    states: Sequence[str] = ()
    search: str = ""
    """In the name."""
    tags: Sequence[str] = ()
    """All of them."""
    where: Sequence[Condition] = ()
    filter: Sequence[Comparison] = ()
    """In MLflow's words."""
    status_of: Mapping[str, str] = field(default_factory=dict)
    """State → its word in `filter`."""
    sort: tuple[Field, bool] | None = None
    """Field, and whether downward; None: the newest first."""
    columns: Sequence[Field] = ()
    offset: int = 0
    limit: int = 100
    spark: bool = False
    deleted: bool = False
    """Those that are out of sight, and no others."""


def run_table(user: Any, asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """The rows of the window that the user sees, and how many there are without it."""
    found = runs_found(user, asked)
    counted = found.annotate(total=Window(Count("*"))).order_by(*_order(asked)).values_list("pk", "total")
    window = list(counted[asked.offset : asked.offset + asked.limit])
    total = window[0][1] if window else found.count() if asked.offset else 0
    ordered = rows_of([pk for pk, _ in window], asked.columns)
    if asked.spark:
        keys = {row["id"]: row["goal"]["key"] for row in ordered if row["goal"]}
        sparks = sparks_of(keys)
        ordered = [{**row, "spark": sparks.get(row["id"])} for row in ordered]
    return ordered, total


def run_ids(user: Any, asked: Asked, most: int) -> list[UUID]:
    """The first runs that are meant, in their order, whatever the window. One query."""
    return list(runs_found(user, asked).order_by(*_order(asked)).values_list("pk", flat=True)[:most])


def rows_of(ids: Sequence[UUID], columns: Sequence[Field]) -> list[dict[str, Any]]:
    """What is shown of these runs, in their order; one that is gone is left out. One query."""
    rows = {row["id"]: row for row in _shown(ids, columns)}
    return [rows[pk] for pk in ids if pk in rows]


def _order(asked: Asked) -> Sequence[Any]:
    return order_by(asked.sort[0], downward=asked.sort[1]) if asked.sort else [F("id").desc()]


def runs_found(user: Any, asked: Asked) -> Any:
    """The runs that are meant, among those that the user sees."""
    runs = _with_reason(visible_runs(user, asked.project, asked.experiment, deleted=asked.deleted))
    if asked.states:
        runs = runs.filter(state__in=asked.states)
    for word in asked.search.split():
        runs = runs.filter(name__icontains=word)
    for tag in asked.tags:
        runs = runs.filter(tags__contains=[tag])
    for condition in asked.where:
        runs = runs.filter(condition_q(condition))
    return runs_filtered(runs, asked.filter, asked.status_of)


def _with_reason(runs: Any) -> Any:
    """With why it is in its state, as `Run.why` says it."""
    waits = Q(state=RunState.QUEUED, workload__isnull=False)
    shown = {
        f"shown_{name}": Case(When(waits, then=F(f"workload__state_{name}")), default=F(f"state_{name}"))
        for name in ("reason", "detail")
    }
    return runs.annotate(**shown)


def _shown(ids: Sequence[UUID], columns: Sequence[Field]) -> Iterable[dict[str, Any]]:
    if not ids:
        return []
    # Columns get names of our own: those that people give may be anything.
    computed: dict[str, Any] = {
        "seconds": RawSQL(f"({SECONDS})::float8", []),  # noqa: S611
        "goal": RawSQL(GOAL, [], output_field=JSONField()),  # noqa: S611
        "first_notes": Left("notes", NOTES_SHOWN),
    }
    computed |= {f"c{place}": json_value(one) for place, one in enumerate(columns) if one.group != "run"}
    runs = _with_reason(Run.objects.filter(pk__in=ids)).annotate(**computed)
    names = [*SHOWN, *(f"c{place}" for place, one in enumerate(columns) if one.group != "run")]
    return [_row(dict(zip(names, row, strict=True)), columns) for row in runs.values_list(*names)]


def _row(found: dict[str, Any], columns: Sequence[Field]) -> dict[str, Any]:
    places = {f"c{place}": one.text for place, one in enumerate(columns) if one.group != "run"}
    return {
        "id": found["id"],
        "name": found["name"],
        "kind": found["kind"],
        "tags": found["tags"],
        "project": found["project"],
        "project_name": found["project__name"],
        "experiment": found["experiment"],
        "experiment_name": found["experiment__name"],
        "dataset_version": found["dataset_version"],
        "dataset_name": found["dataset_version__dataset__name"] or "",
        "dataset_version_number": found["dataset_version__number"],
        "workload": found["workload"],
        "state": found["state"],
        "state_reason": found["shown_reason"],
        "state_detail": found["shown_detail"],
        "state_message": message_of(found["shown_detail"]),
        "state_at": found["state_at"],
        "requested_by_name": found["requested_by__username"] or "",
        "created_at": found["created_at"],
        "started_at": found["started_at"],
        "ended_at": found["ended_at"],
        "duration_seconds": found["seconds"],
        "goal": _goal(found["goal"]),
        "image": found["image"],
        "seed": found["seed"],
        "notes": found["first_notes"],
        "deleted_at": found["deleted_at"],
        "columns": {text: found[name] for name, text in places.items()},
    }


def _goal(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Where the run stands by the metric that matters; None while it has no number of it."""
    if not found or not found["entry"]:
        return None
    entry, mode = found["entry"], mode_of(found["key"], found["mode"])
    if entry[mode] is None:
        return None
    return {
        "key": found["key"],
        "mode": mode,
        "last": entry["last"] if isinstance(entry["last"], int | float) else None,
        "last_step": entry["last_step"],
        "best": entry[mode],
    }
