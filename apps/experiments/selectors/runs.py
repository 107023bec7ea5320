"""Lists of runs for people."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce

VALIDATION = ("validation", "val", "test", "eval")
"""A metric whose key begins with one of these is what a run is judged by, unless its experiment names another."""


def with_names(runs: Any) -> Any:
    """Runs with the names of what they belong to, the goal of their experiment, and their workload's word on why they
    wait. No further query."""
    return (
        runs.annotate(
            project_name=F("project__name"),
            experiment_name=F("experiment__name"),
            dataset_name=Coalesce(F("dataset_version__dataset__name"), Value("")),
            dataset_version_number=F("dataset_version__number"),
            goal_metric=F("experiment__goal_metric"),
            goal_mode=F("experiment__goal_mode"),
            requested_by_name=Coalesce(F("requested_by__username"), Value("")),
        )
        .select_related("workload", "priority_class")
        .defer("workload__spec", "workload__assignments")
    )
