"""The nouns of the experiments app."""

from apps.experiments.models.artifact import Artifact, Checkpoint
from apps.experiments.models.experiment import Experiment
from apps.experiments.models.metric import MetricBatch
from apps.experiments.models.registry import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.models.run import Run

__all__ = [
    "Artifact",
    "Checkpoint",
    "Experiment",
    "MetricBatch",
    "ModelAlias",
    "ModelVersion",
    "RegisteredModel",
    "Run",
]
