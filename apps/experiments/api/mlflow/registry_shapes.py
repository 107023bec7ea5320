"""Registered models and their versions as clients of MLflow read them. Pure: rows in, JSON out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from apps.experiments.api.mlflow.places import version_artifact_uri
from apps.experiments.api.mlflow.wire import MODEL_PREFIX, ms_of, pairs_of
from apps.experiments.models import ModelVersion, RegisteredModel
from apps.experiments.services.stages import stage_of
from apps.experiments.states import ModelVersionReason, ModelVersionState

READY: Final = "READY"
PENDING: Final = "PENDING_REGISTRATION"
FAILED: Final = "FAILED_REGISTRATION"


def model_json(model: RegisteredModel, latest: Iterable[ModelVersion] = ()) -> dict[str, Any]:
    """A model with its aliases; `latest` are its newest versions by stage."""
    return {
        "name": model.name,
        "creation_timestamp": ms_of(model.created_at),
        "last_updated_timestamp": ms_of(model.changed_at),
        "description": model.description,
        "user_id": "",
        "tags": pairs_of(model.labels),
        "aliases": [{"alias": one.name, "version": str(one.version.number)} for one in model.aliases.all()],
        "latest_versions": [version_json(one) for one in latest],
    }


def version_json(version: ModelVersion) -> dict[str, Any]:
    """A version of `selectors.registry_search.versions_said`."""
    names = sorted(one.name for one in version.aliases.all())
    status, message = status_of(version)
    return {
        "name": version.model.name,
        "version": str(version.number),
        "creation_timestamp": ms_of(version.created_at),
        "last_updated_timestamp": max(ms_of(version.changed_at) or 0, ms_of(version.state_at) or 0),
        "user_id": version.registered_by.get_username() if version.registered_by else "",
        "current_stage": stage_of(version, names),
        "description": version.description,
        "source": version.source or version_artifact_uri(version),
        "run_id": version.run_id.hex if version.run_id else "",
        "run_link": "",
        "status": status,
        "status_message": message,
        "tags": pairs_of(version.labels),
        "aliases": names,
        **({"model_id": f"{MODEL_PREFIX}{version.logged_model_id.hex}"} if version.logged_model_id else {}),
    }


def status_of(version: ModelVersion) -> tuple[str, str]:
    """MLflow's status, and why. One that waits for an approval failed, for a client: it would wait for minutes."""
    if version.state == ModelVersionState.READY:
        return READY, ""
    if version.state == ModelVersionState.PENDING:
        waits = version.state_reason == ModelVersionReason.RUNS_CODE
        return (FAILED, version.state_detail) if waits else (PENDING, version.state_detail)
    if version.state_reason == ModelVersionReason.ARCHIVED_BY_USER:
        return READY, ""
    return FAILED, version.state_detail
