"""Models that code logged, before anybody registers them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.metric import KEY_LENGTH
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


class LoggedModelMetric(models.Model):
    """A point of a metric that a run said of a logged model. It is a point of the run, too."""

    id = models.BigAutoField(primary_key=True)
    model = models.ForeignKey(LoggedModel, models.CASCADE, related_name="metrics", db_index=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=KEY_LENGTH)
    value = models.FloatField()
    """NaN and infinities too."""
    step = models.BigIntegerField()
    time_ms = models.BigIntegerField()
    """Milliseconds since 1970, as the client says it."""
    dataset_name = models.CharField(max_length=500, blank=True)
    dataset_digest = models.CharField(max_length=36, blank=True)
    """On which it was measured; empty: on none that was named."""
    digest = models.BinaryField(max_length=16)
    """BLAKE2b of all of the above but the model, 16 bytes: the same point is there once."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "digest"], name="logged_model_metric_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["model", "key"], name="logged_model_metric_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"
