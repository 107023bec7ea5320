"""Lists of runs for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce

from apps.experiments.models import Run

PAGE = 50
NOT_LISTED = ("script", "result", "secrets", "attempt_starts", "parameters", "workload__spec")
"""Columns that may be large and that no list shows."""
VALIDATION = ("validation", "val", "test", "eval")


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a run stands by the metric that matters."""

    key: str
    last: float
    last_step: int


@dataclass(frozen=True, slots=True)
class RunRow:
    run: Run
    goal: Goal | None


def with_names(runs: Any) -> Any:
    """Runs with the names of what they belong to, and their workload's word on why they wait. No further query."""
    return (
        runs.annotate(
            project_name=F("project__name"),
            experiment_name=F("experiment__name"),
            dataset_name=F("dataset_version__dataset__name"),
            dataset_version_number=F("dataset_version__number"),
            requested_by_name=Coalesce(F("requested_by__username"), Value("")),
        )
        .select_related("workload")
        .defer("workload__spec", "workload__assignments")
    )


def runs_page(user: Any, *, state: str = "", before: UUID | None = None) -> tuple[list[RunRow], UUID | None]:
    """The newest runs that the user sees, and the id before which the next page begins. One query."""
    runs = Run.objects.visible_to(user).select_related("project", "experiment", "requested_by", "workload")
    runs = runs.defer(*NOT_LISTED)
    if state:
        runs = runs.filter(state=state)
    if before is not None:
        runs = runs.filter(pk__lt=before)
    found = list(runs.order_by("-id")[: PAGE + 1])
    rows = [RunRow(run, goal_of(run.summary, run.experiment.goal_metric)) for run in found[:PAGE]]
    return rows, found[PAGE - 1].pk if len(found) > PAGE else None


def goal_of(summary: dict[str, Any], key: str) -> Goal | None:
    """The goal metric of a summary: the one named, else the first validation metric, else the first."""
    chosen = key or next((name for name in sorted(summary) if _part(name) in VALIDATION), min(summary, default=""))
    entry = summary.get(chosen)
    return Goal(chosen, entry["last"], entry["last_step"]) if entry else None


def _part(name: str) -> str:
    """What stands before the first `/` or `_` of a key."""
    return name.replace("_", "/").split("/", 1)[0]
