"""Models that code logged, before anybody registers them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.run import Run
from apps.experiments.states import LOGGED_MODEL


class LoggedModel(ScopedStateful):
    """A model as code saved it: a folder of files, with what it was made of and how good it is."""

    machine: ClassVar[StateMachine] = LOGGED_MODEL
    state = LOGGED_MODEL.field()
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="logged_models", db_index=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="logged_models", db_index=False, null=True)
    """That made it; null: none did."""
    name = models.CharField(max_length=256)
    kind = models.CharField(max_length=500, blank=True)
    """A word of the client for what it is."""
    parameters = models.JSONField(default=dict)
    """Keys and texts."""
    labels = models.JSONField(default=dict)
    """Keys and texts."""
    metrics = models.JSONField(default=list)
    """`[{"key", "value", "step", "time", "run", "dataset_name", "dataset_digest"}]`, newest of each last."""
    deleted_at = models.DateTimeField(null=True, editable=False)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [LOGGED_MODEL.constraint("logged_model_state")]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="logged_model_project"),
            models.Index(fields=["experiment", "-id"], name="logged_model_experiment"),
            models.Index(fields=["run", "-id"], name="logged_model_run"),
        ]

    def __str__(self) -> str:
        return self.name
