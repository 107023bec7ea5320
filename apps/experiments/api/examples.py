"""One example of each answer, for the API's document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

PROJECT_ID = "01936f2e-0000-7000-8000-000000000001"
VERSION_ID = "01936f2e-0000-7000-8000-000000000004"
EXPERIMENT_ID = "01936f2e-0000-7000-8000-000000000101"
RUN_ID = "01936f2e-0000-7000-8000-000000000102"
ATTEMPT_ID = "01936f2e-0000-7000-8000-000000000103"
ARTIFACT_ID = "01936f2e-0000-7000-8000-000000000104"
MODEL_ID = "01936f2e-0000-7000-8000-000000000105"
MODEL_VERSION_ID = "01936f2e-0000-7000-8000-000000000106"
AT = "2026-03-02T09:30:00Z"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

EVALUATION = {"auc": 0.8372, "accuracy": 0.7989, "confusion_matrix": [[592, 48], [131, 119]], "rows": 890}
METRICS = {"validation_auc": 0.8411, "test_auc": 0.8372}
RESOURCES = {"cpu_millis": 1000, "memory_bytes": 2147483648, "gpus": 0, "flavor": ""}

EXPERIMENT = {
    "id": EXPERIMENT_ID,
    "project": PROJECT_ID,
    "name": "risk",
    "goal_metric": "validation/auc",
    "project_name": "credit-risk",
    "goal_mode": "",
    "runs": 41,
    "created_at": AT,
}
RUN_ROW: dict[str, Any] = {
    "id": RUN_ID,
    "name": "risk-1",
    "kind": "script",
    "tags": [],
    "labels": {},
    "project_name": "credit-risk",
    "experiment_name": "risk",
    "dataset_name": "loans",
    "dataset_version_number": 2,
    "requested_by_name": "demo",
    "retry_of": None,
    "project": PROJECT_ID,
    "experiment": EXPERIMENT_ID,
    "dataset_version": VERSION_ID,
    "workload": "01936f2e-0000-7000-8000-000000000008",
    "state": "succeeded",
    "state_reason": "completed",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "summary": {
        "train/loss": {
            "last": 0.39, "last_step": 750, "last_time": 1772443800.0, "min": 0.31, "min_step": 731, "max": 0.71,
            "max_step": 1, "mean": 0.44, "sum": 330.0, "count": 750, "best": 0.31, "best_step": 731,
        }
    },
    "parameters": {"epochs": 15, "learning_rate": 0.001},
    "resources": RESOURCES,
    "time_limit_seconds": 600,
    "count_min": 1,
    "count_max": 1,
    "priority_class": None,
    "requested_by": "01936f2e-0000-7000-8000-000000000007",
    "created_at": AT,
    "started_at": AT,
    "ended_at": AT,
    "deleted_at": None,
}  # fmt: skip
RUN_TABLE = {
    "total": 1,
    "offset": 0,
    "rows": [
        {
            **{name: RUN_ROW[name] for name in ("id", "name", "project", "experiment", "dataset_version", "workload")},
            **{name: RUN_ROW[name] for name in ("state", "state_reason", "state_detail", "state_at")},
            "state_message": [],
            "kind": "tabular_classifier",
            "tags": ["baseline"],
            **{name: RUN_ROW[name] for name in ("project_name", "experiment_name", "dataset_name")},
            **{name: RUN_ROW[name] for name in ("dataset_version_number", "requested_by_name")},
            "created_at": AT,
            "started_at": AT,
            "ended_at": AT,
            "duration_seconds": 41.5,
            "goal": {"key": "validation/auc", "mode": "max", "last": 0.8411, "last_step": 750, "best": 0.8432},
            "image": "",
            "seed": None,
            "notes": "Loss is **flat**.",
            "deleted_at": None,
            "columns": {"params.learning_rate": 0.001, "metrics.train/loss": 0.39, "params.note": None},
            "spark": [0.71, 0.8, 0.84],
        }
    ],
}
_COLUMN = {"name": "params.epochs", "key": "epochs", "type": "number", "types": ["number"], "runs": 41}
_METRIC = {"name": "metrics.train/loss", "key": "train/loss", "type": "number", "types": ["number"], "runs": 40}
_LABEL = {"name": "labels.team", "key": "team", "type": "string", "types": ["string"], "runs": 3}
RUN_COLUMNS = {"parameters": [_COLUMN], "metrics": [{**_METRIC, "mode": "min"}], "labels": [_LABEL]}
_STATES = {"draft": 0, "queued": 2, "running": 3, "stopping": 0, "succeeded": 34, "failed": 2, "cancelled": 0}
RUN_NUMBERS = {"total": 41, "by_state": _STATES, "failed_last_24_hours": 1}
RUN = {
    **RUN_ROW,
    "logged_parameters": [],
    "bundle": None,
    "command": [],
    "image": "",
    "requirements": "",
    "environment": {},
    "seed": 7,
    "retries": {"reasons": ["exit_nonzero"], "max_attempts": 3, "backoff_seconds": 10},
    "dataset_reference": "credit-risk/loans@gold",
    "script": "from workers.runtime.context import job_context\n…",
    "secrets": [],
    "result": {"metrics": METRICS, "evaluation": EVALUATION, "model": {"artifact": "model"}},
}
SERIES = {
    "series": {"train/loss": {"steps": [1, 2], "values": [0.71, 0.69], "times": [1772443800.0, 1772443800.4]}},
    "cursor": "7411-9223372036854775807",
    "next_after": "7411-9223372036854775807",
    "reset": True,
    "more": False,
}
_GPU = {"index": 0, "utilisation_ratio": [0.91, 0.93], "memory_bytes": [20_000_000_000.0, 20_000_000_000.0]}
_USED = {"rank": 0, "times": [1772443800.0, 1772443805.0], "cpu_cores": [0.98, 1.0], "memory_bytes": [6.1e8, 6.2e8]}
SYSTEM_METRICS = {"attempt": ATTEMPT_ID, "number": 1, "members": [{**_USED, "gpus": [_GPU]}]}
RUN_ATTEMPT = {
    "id": ATTEMPT_ID,
    "number": 2,
    "created_at": AT,
    "submitted_at": AT,
    "pulled_at": None,
    "started_at": AT,
    "ended_at": AT,
    "heartbeat_at": AT,
    "outcome": "completed",
    "detail": "",
    "message": [],
    "error": "",
    "exit_code": 0,
    "members": 1,
    "continued_from_step": 50,
    "environment": {
        "python": "3.11.7",
        "platform": "Linux-6.1-x86_64",
        "hostname": "node-1",
        "cpu_count": 16,
        "torch": {"version": "2.13.0", "cuda": "13.0"},
        "gpus": [{"index": 0, "name": "NVIDIA H200", "memory_bytes": 150_754_820_096}],
        "driver": "580.82.07",
        "git_commit": "",
        "packages": {"numpy": "2.2.6", "torch": "2.13.0"},
    },
}
FILE = {"sha256": SHA256, "size_bytes": 40_120, "metadata": {}, "created_at": AT}
ARTIFACT = {
    "id": ARTIFACT_ID,
    "project": PROJECT_ID,
    "run": RUN_ID,
    "attempt": ATTEMPT_ID,
    "name": "model",
    "kind": "model",
    "uri": f"bedplate://attempts/{ATTEMPT_ID}/artifacts/model/model.onnx",
    **FILE,
}
CHECKPOINT = {
    "id": "01936f2e-0000-7000-8000-000000000107",
    "project": PROJECT_ID,
    "run": RUN_ID,
    "attempt": ATTEMPT_ID,
    "step": 50,
    "uri": f"bedplate://attempts/{ATTEMPT_ID}/checkpoints/step-50.pt",
    **FILE,
    "acknowledged_at": AT,
}
MODEL = {
    "id": MODEL_ID,
    "project": PROJECT_ID,
    "project_name": "credit-risk",
    "name": "risk",
    "description": "Which loans go bad.",
    "labels": {},
    "versions_made": 1,
    "latest_version": {
        "id": MODEL_VERSION_ID,
        "number": 1,
        "state": "ready",
        "state_reason": "",
        "metrics": METRICS,
        "run": RUN_ID,
        "run_name": "risk-1",
        "registered_by_name": "demo",
        "created_at": AT,
    },
    "aliases": [
        {
            "id": "01936f2e-0000-7000-8000-000000000109",
            "name": "champion",
            "version": MODEL_VERSION_ID,
            "number": 1,
        }
    ],
    "created_at": AT,
}
MODEL_VERSION = {
    "id": MODEL_VERSION_ID,
    "project": PROJECT_ID,
    "model": MODEL_ID,
    "number": 1,
    "project_name": "credit-risk",
    "model_name": "risk",
    "run_name": "risk-1",
    "experiment_name": "risk",
    "dataset_version": VERSION_ID,
    "dataset_name": "loans",
    "dataset_version_number": 2,
    "registered_by_name": "demo",
    "aliases": ["champion"],
    "state": "ready",
    "state_reason": "",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "run": RUN_ID,
    "artifact": ARTIFACT_ID,
    "preprocessor": "01936f2e-0000-7000-8000-000000000108",
    "metrics": METRICS,
    "evaluation": EVALUATION,
    "digest": f"sha256:{SHA256}",
    "manifest": f"sha256:{SHA256}",
    "description": "",
    "labels": {},
    "source": "",
    "logged_model": None,
    "approval": None,
    "registered_by": "01936f2e-0000-7000-8000-000000000007",
    "created_at": AT,
}
SIGNATURE = {
    "model_version": MODEL_VERSION_ID,
    "inputs": [
        {"name": "Income", "type": "number", "categories": None, "typical": 125.0},
        {"name": "Home", "type": "category", "categories": ["owner", "rent"], "typical": "owner"},
    ],
    "label": {"column": "Status", "classes": ["good", "bad"]},
    "example": {"Income": 129, "Home": "rent"},
}
MODEL_ALIAS = {
    "id": "01936f2e-0000-7000-8000-000000000109",
    "project": PROJECT_ID,
    "model": MODEL_ID,
    "name": "champion",
    "version": MODEL_VERSION_ID,
    "created_at": AT,
}

Serializer = Any


def shown_as(answer: dict[str, Any]) -> Callable[[Serializer], Serializer]:
    """Give a serializer its example of an answer."""
    example = OpenApiExample("Example", value=answer, response_only=True)
    decorate: Callable[[Serializer], Serializer] = extend_schema_serializer(examples=[example])
    return decorate


def asked_as(request: dict[str, Any]) -> Callable[[Serializer], Serializer]:
    """Give a serializer its example of a request."""
    example = OpenApiExample("Example", value=request, request_only=True)
    decorate: Callable[[Serializer], Serializer] = extend_schema_serializer(examples=[example])
    return decorate
