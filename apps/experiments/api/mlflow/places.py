"""Where clients of MLflow find files, as they are told: addresses below `mlflow-artifacts:/`. Pure."""

from __future__ import annotations

from apps.experiments.models import Experiment, LoggedModel, ModelVersion, Run

SCHEME = "mlflow-artifacts:"


def experiment_artifact_uri(experiment: Experiment) -> str:
    return f"{SCHEME}/{experiment.pk.hex}"


def run_artifact_uri(run: Run) -> str:
    return f"{SCHEME}/{run.experiment_id.hex}/{run.pk.hex}/artifacts"


def model_artifact_uri(model: LoggedModel) -> str:
    return f"{SCHEME}/{model.experiment_id.hex}/models/m-{model.pk.hex}/artifacts"


def version_artifact_uri(version: ModelVersion) -> str:
    """Where the files of a version are read, each compared with its digest."""
    return f"{SCHEME}/versions/{version.pk.hex}"
