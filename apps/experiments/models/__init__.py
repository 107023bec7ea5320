"""The nouns of the experiments app."""

from apps.experiments.models.artifact import Artifact, Checkpoint
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.metric import MetricBatch, MetricSender
from apps.experiments.models.registry import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.models.run import Run

__all__ = [
    "Artifact",
    "Checkpoint",
    "Experiment",
    "MetricBatch",
    "MetricSender",
    "ModelAlias",
    "ModelVersion",
    "RegisteredModel",
    "Run",
]
