"""Experiments and runs as clients of MLflow read them. Pure: rows in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from apps.experiments.api.mlflow.places import experiment_artifact_uri, run_artifact_uri
from apps.experiments.api.mlflow.wire import ACTIVE, DELETED, ms_of, pairs_of
from apps.experiments.models import Experiment, Run, RunInput
from apps.experiments.services.run_facts import NAME_LABEL, NOTES_LABEL, text_of
from apps.experiments.states import RunState

USER_LABEL: Final = "mlflow.user"
STATUS_OF: Final[Mapping[str, str]] = {
    RunState.DRAFT: "SCHEDULED",
    RunState.QUEUED: "SCHEDULED",
    RunState.RUNNING: "RUNNING",
    RunState.STOPPING: "RUNNING",
    RunState.SUCCEEDED: "FINISHED",
    RunState.FAILED: "FAILED",
    RunState.CANCELLED: "KILLED",
}
"""Our state → MLflow's status."""
STATE_OF: Final[Mapping[str, RunState]] = {
    "SCHEDULED": RunState.RUNNING,
    "RUNNING": RunState.RUNNING,
    "FINISHED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "KILLED": RunState.CANCELLED,
}
"""The status that a client gives a run → our state."""
STATUS_NUMBERS: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""The same as numbers of the protocol's enum."""


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    made = ms_of(experiment.created_at)
    return {
        "experiment_id": experiment.pk.hex,
        "name": experiment.name,
        "artifact_location": experiment_artifact_uri(experiment),
        "lifecycle_stage": ACTIVE if experiment.deleted_at is None else DELETED,
        "creation_time": made,
        "last_update_time": ms_of(experiment.deleted_at) or made,
        "tags": pairs_of(experiment.labels),
    }


def run_json(run: Run, inputs: Iterable[RunInput] = ()) -> dict[str, Any]:
    """A run with its facts; `inputs` are its own."""
    datasets, models = [], []
    for each in inputs:
        if each.document.get("model"):
            models.append({"model_id": each.document["model"]})
        else:
            datasets.append(_dataset_json(each))
    outputs = [{"model_id": each["model"], "step": each["step"]} for each in run.outputs]
    return {
        "info": run_info_json(run),
        "data": {"metrics": _metrics(run), "params": _params(run), "tags": pairs_of(tags_of(run))},
        "inputs": {"dataset_inputs": datasets, "model_inputs": models},
        "outputs": {"model_outputs": outputs},
    }


def run_info_json(run: Run) -> dict[str, Any]:
    found = {
        "run_id": run.pk.hex,
        "run_uuid": run.pk.hex,
        "run_name": run.name,
        "experiment_id": run.experiment_id.hex,
        "user_id": user_of(run),
        "status": STATUS_OF[run.state],
        "start_time": ms_of(run.started_at),
        "end_time": ms_of(run.ended_at),
        "artifact_uri": run_artifact_uri(run),
        "lifecycle_stage": ACTIVE if run.deleted_at is None else DELETED,
    }
    return {name: value for name, value in found.items() if value is not None}


def user_of(run: Run) -> str:
    """Who it is by, as its code says, else who asked for it."""
    said = run.labels.get(USER_LABEL)
    return str(said) if said else run.requested_by.get_username() if run.requested_by else ""


def tags_of(run: Run) -> dict[str, str]:
    """Its labels, and what columns of it are among clients' tags."""
    notes = {NOTES_LABEL: run.notes} if run.notes else {}
    return {**run.labels, NAME_LABEL: run.name, **notes}


def _metrics(run: Run) -> list[dict[str, Any]]:
    """The latest point of each."""
    return [
        {
            "key": key,
            "value": entry["last"],
            "timestamp": round(entry.get("last_time", 0) * 1000),
            "step": entry["last_step"],
        }
        for key, entry in sorted(run.summary.items())
    ]


def _params(run: Run) -> list[dict[str, str]]:
    return pairs_of({key: text_of(value) for key, value in run.parameters.items()})


def _dataset_json(said: RunInput) -> dict[str, Any]:
    if said.dataset_version_id is not None:
        return _version_json(said)
    named = {name: said.document.get(name) for name in ("digest", "source_type", "source", "schema", "profile")}
    return {
        "tags": pairs_of(said.document.get("tags", {})),
        "dataset": {"name": said.name, **{name: text for name, text in named.items() if text is not None}},
    }


def _version_json(said: RunInput) -> dict[str, Any]:
    """A dataset version that is kept here and that the run was submitted with."""
    version: UUID | None = said.dataset_version_id
    source = json.dumps({"version": str(version), "reference": said.reference})
    return {
        "tags": [],
        "dataset": {
            "name": said.name,
            "digest": version.hex[-12:] if version else "",
            "source_type": "bedplate",
            "source": source,
        },
    }
