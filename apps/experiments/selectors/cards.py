"""The card of a model version, made of what is known and of nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.access.models import ApprovalRequest
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors.quality import newest_results
from apps.experiments.models import ModelVersion, Run
from apps.experiments.selectors.model_files import files_of
from apps.quotas.models import Attempt

COMMAND = "model_version.use"


def card_of(version: ModelVersion) -> dict[str, Any]:
    """All that is known of a version, as JSON. Nine queries, and one for each dataset version."""
    run = version.run
    return {
        "model": {
            "name": version.model.name,
            "project": version.project.name,
            "description": version.model.description,
        },
        "version": {
            "id": str(version.pk),
            "number": version.number,
            "state": version.state,
            "reason": version.state_reason,
            "detail": version.state_detail,
            "description": version.description,
            "labels": version.labels,
            "aliases": list(version.aliases.order_by("name").values_list("name", flat=True)),
            "registered_by": version.registered_by.get_username() if version.registered_by else "",
            "registered_at": version.created_at.isoformat(),
        },
        "source": version.source,
        "run": _run(run) if run is not None else None,
        "data": _data(run) if run is not None else [],
        "parameters": dict(run.parameters) if run is not None else dict(_logged(version)),
        "metrics": version.metrics,
        "evaluation": {name: value for name, value in version.evaluation.items() if isinstance(value, int | float)},
        "signature": version.signature,
        "files": _files(version),
        "manifest": version.manifest,
        "digest": version.digest,
        "inspection": {name: version.inspection.get(name, "") for name in ("verdict", "inspected_at")},
        "approvals": approvals_of(version),
    }


def approvals_of(version: ModelVersion) -> list[dict[str, Any]]:
    """Who asked that it be used although loading it runs code, and who decided. One query."""
    asked = ApprovalRequest.objects.filter(command=COMMAND, project=version.project_id)
    rows = asked.filter(arguments__model_version=str(version.pk)).select_related("requested_by", "decided_by")
    return [
        {
            "id": str(one.pk),
            "state": one.state,
            "comment": one.comment,
            "requested_by": one.requested_by.get_username(),
            "requested_at": one.created_at.isoformat(),
            "decided_by": one.decided_by.get_username() if one.decided_by else "",
            "decision": one.state_detail,
            "decided_at": one.state_at.isoformat() if one.decided_by else None,
        }
        for one in rows.order_by("id")
    ]


def _run(run: Run) -> dict[str, Any]:
    attempts = Attempt.objects.filter(workload=run.workload_id).count() if run.workload_id else 0
    return {
        "id": str(run.pk),
        "name": run.name,
        "experiment": run.experiment.name,
        "kind": run.kind,
        "state": run.state,
        "requested_by": run.requested_by.get_username() if run.requested_by else "",
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "attempts": attempts,
        "seed": run.seed,
        "provenance": run.provenance,
    }


def _data(run: Run) -> list[dict[str, Any]]:
    """Dataset versions that the run read, with their sensitivity and quality; and what its code said that it read."""
    inputs = list(run.inputs.order_by("name"))
    ids: set[UUID] = {one.dataset_version_id for one in inputs if one.dataset_version_id is not None}
    own = run.dataset_version_id
    rows = DatasetVersion.objects.filter(Q(pk__in=ids) | Q(pk=own)).select_related("dataset__project").order_by("id")
    known = [_version(one, "data" if one.pk == own else "") for one in rows]
    names = {one.dataset_version_id: one.name for one in inputs}
    for one in known:
        one["name"] = one["name"] or names.get(UUID(one["id"]), "")
    said = [
        {
            "name": one.name,
            "digest": one.document.get("digest", ""),
            "source": str(one.document.get("source", ""))[:500],
        }
        for one in inputs
        if one.dataset_version_id is None and not one.document.get("model")
    ]
    return [*known, *said]


def _version(version: DatasetVersion, name: str) -> dict[str, Any]:
    checked = newest_results(version)
    quality = (
        {"passed": checked.passed_count, "warned": checked.warned_count, "blocked": checked.blocked_count}
        if checked is not None
        else None
    )
    return {
        "id": str(version.pk),
        "name": name,
        "dataset": f"{version.dataset.project.name}/{version.dataset.name}@{version.number}",
        "state": version.state,
        "digest": version.digest,
        "rows": version.row_count,
        "sensitivity": version.sensitivity,
        "quality": quality,
    }


def _logged(version: ModelVersion) -> dict[str, Any]:
    return version.logged_model.parameters if version.logged_model is not None else {}


def _files(version: ModelVersion) -> list[dict[str, Any]]:
    seen = version.inspection.get("files", {})
    return [
        {
            "name": file.name,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            **{name: seen.get(file.name, {}).get(name, "") for name in ("format", "verdict", "detail")},
            "refused": seen.get(file.name, {}).get("refused", []),
        }
        for file in files_of(version)
    ]
