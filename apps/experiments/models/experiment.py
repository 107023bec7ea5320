"""What runs are grouped by."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped


class Experiment(ProjectScoped):
    """A question that several runs answer."""

    name = models.CharField(max_length=120)
    goal_metric = models.CharField(max_length=200, blank=True)
    """Key of the metric by which its runs are compared; empty: the first validation metric of each run."""

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="experiment_name_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="experiment_project")]

    def __str__(self) -> str:
        return self.name
