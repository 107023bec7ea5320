"""What runs are grouped by."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped
from apps.experiments.states import GoalMode


class Experiment(ProjectScoped):
    """A question that several runs answer."""

    name = models.CharField(max_length=500)
    goal_metric = models.CharField(max_length=200, blank=True)
    """Key of the metric by which its runs are compared; empty: the first validation metric of each run."""
    goal_mode = models.CharField(max_length=3, choices=GoalMode.choices, blank=True, default="")
    """Which way it is better; empty: by its name, less of a loss and more of anything else."""

    labels = models.JSONField(default=dict, blank=True)
    """Keys and texts that a client put on it."""
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Since when it is out of sight; it can be restored."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="experiment_name_once"),
            models.CheckConstraint(
                condition=models.Q(goal_mode__in=["", *GoalMode.values]), name="experiment_goal_mode"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="experiment_project")]

    def __str__(self) -> str:
        return self.name
