"""Recipes and their application."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User
from apps.common.states import StateMachine
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.job import DataJob
from apps.datasets.states import CLEANING_RUN


class Recipe(ProjectScoped):
    """An ordered list of cleaning steps. A change is a new number under the same name; the database refuses another."""

    name = models.SlugField(max_length=60)
    number = models.PositiveIntegerField(editable=False)
    """From 1 for each name in a project."""
    description = models.TextField(blank=True)
    steps = models.JSONField()
    """`[{"kind", …}]` with every option written out; see `recipes.normalised`."""
    digest = models.CharField(max_length=71, editable=False)
    """`sha256:…` of the steps."""
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name", "number"], name="recipe_number_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="recipe_project")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class CleaningRun(DataJob):
    """Applies a recipe to a version. At its end there is a new version, in `output_version`, or a reason."""

    machine: ClassVar[StateMachine] = CLEANING_RUN
    state = CLEANING_RUN.field()
    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="cleaning_runs")
    input_version = models.ForeignKey("datasets.DatasetVersion", models.PROTECT, related_name="cleaning_runs")
    input_reference = models.CharField(max_length=200, blank=True, editable=False)
    """By which words the version was named, `project/dataset@alias`; empty where it was by its id."""
    output_dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="cleaning_runs")
    """Where the new version goes; the input's own dataset unless asked otherwise."""

    class Meta:
        constraints: ClassVar = [CLEANING_RUN.constraint("cleaning_run_state")]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="cleaning_run_project"),
            models.Index(
                fields=["id"], condition=models.Q(state__in=sorted(CLEANING_RUN.active)), name="cleaning_run_active"
            ),
        ]

    def __str__(self) -> str:
        return f"cleaning run {self.pk}"
