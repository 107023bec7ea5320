"""The nouns of the experiments app."""

from apps.experiments.models.artifact import Artifact, Checkpoint
from apps.experiments.models.bundle import SourceBundle
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.logged_model import LoggedModel, LoggedModelMetric
from apps.experiments.models.metric import MetricBatch, MetricRequest, MetricSender
from apps.experiments.models.registry import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.models.retention import FileHold, FileRule
from apps.experiments.models.run import Run, RunInput
from apps.experiments.models.upload import ArtifactUpload
from apps.experiments.models.view import SavedView

__all__ = [
    "Artifact",
    "ArtifactUpload",
    "Checkpoint",
    "Experiment",
    "FileHold",
    "FileRule",
    "LoggedModel",
    "LoggedModelMetric",
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
