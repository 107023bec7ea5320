"""What runs are grouped by."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped


class Experiment(ProjectScoped):
    """A question that several runs answer."""

    name = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="experiment_name_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="experiment_project")]

    def __str__(self) -> str:
        return self.name
