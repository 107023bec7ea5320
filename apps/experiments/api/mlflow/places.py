"""Where clients of MLflow find files, as they are told: addresses below `mlflow-artifacts:/`. Pure."""

from __future__ import annotations

from apps.experiments.models import Experiment, Run

SCHEME = "mlflow-artifacts:"


def experiment_artifact_uri(experiment: Experiment) -> str:
    return f"{SCHEME}/{experiment.pk.hex}"


def run_artifact_uri(run: Run) -> str:
    return f"{SCHEME}/{run.experiment_id.hex}/{run.pk.hex}/artifacts"
