"""The nouns of the experiments app."""

from apps.experiments.models.artifact import Artifact, Checkpoint
from apps.experiments.models.bundle import SourceBundle
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.logged_model import LoggedModel
from apps.experiments.models.metric import MetricBatch, MetricRequest, MetricSender
from apps.experiments.models.registry import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.models.run import Run, RunInput
from apps.experiments.models.view import SavedView

__all__ = [
    "Artifact",
    "Checkpoint",
    "Experiment",
    "LoggedModel",
    "MetricBatch",
    "MetricRequest",
    "MetricSender",
    "ModelAlias",
    "ModelVersion",
    "RegisteredModel",
    "Run",
    "RunInput",
    "SavedView",
    "SourceBundle",
]
