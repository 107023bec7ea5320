"""Versions: published once, never changed, at last deprecated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Max

from apps.common.audit import Actor, record
from apps.common.errors import Conflict
from apps.common.states import transition
from apps.datasets.models import CleaningRun, Dataset, DatasetVersion, Ingestion
from apps.datasets.services.appending import appended
from apps.datasets.services.gate import version_judge
from apps.datasets.services.results import Content
from apps.datasets.specs import part_path
from apps.datasets.states import VersionState


@transaction.atomic
def version_publish(
    *,
    dataset_id: UUID,
    content: Content,
    actor: Actor,
    ingestion: Ingestion | None = None,
    cleaning_run: CleaningRun | None = None,
    parent: DatasetVersion | None = None,
    base: DatasetVersion | None = None,
) -> DatasetVersion:
    """The next version of a dataset, of content that was verified: draft → validating, and published by the gate.

    Its files are kept as parts already (`services/parts.py`). The lock makes the next number the next. With a base, it
    holds that one's rows and then those of the content: `services/appending.py`.
    """
    dataset: Dataset = Dataset.objects.select_for_update(of=("self",)).select_related("project").get(pk=dataset_id)
    last = DatasetVersion.objects.filter(dataset=dataset).aggregate(last=Max("number"))["last"]
    version: DatasetVersion = DatasetVersion.objects.create(
        project=dataset.project,
        dataset=dataset,
        number=(last or 0) + 1,
        parent=base or parent,
        ingestion=ingestion,
        cleaning_run=cleaning_run,
        **_held(dataset.project_id, content, base),
    )
    transition(version, VersionState.VALIDATING, actor=actor)
    version_judge(version, content.expectations, job=ingestion or cleaning_run, actor=actor)
    return version


def _held(project_id: UUID, content: Content, base: DatasetVersion | None) -> dict[str, Any]:
    """The columns that say what a version holds."""
    kept: dict[str, Any] = msgspec.to_builtins(content)
    files = [_named(project_id, file) for file in kept["files"]]
    manifest: dict[str, Any] = {"files": files}
    if content.rows_hash is not None and content.last_ordinal is not None:
        manifest |= {"rows_hash": content.rows_hash, "next_ordinal": content.last_ordinal + 1}
    own = {
        "digest": content.digest,
        "schema": kept["schema"],
        "manifest": manifest,
        "row_count": content.row_count,
        "size_bytes": content.size_bytes,
    }
    return {
        **(own if base is None else appended(base, content, files)),
        "splits": kept["splits"],
        "report": kept["report"],
        "preprocessor": kept["preprocessor"] and _named(project_id, kept["preprocessor"]),
        "companions": {kind: _named(project_id, file) for kind, file in kept["companions"].items()},
    }


def _named(project_id: UUID, file: dict[str, Any]) -> dict[str, Any]:
    return {**file, "path": part_path(project_id, file["name"], file["sha256"])}


@transaction.atomic
def version_deprecate(version: DatasetVersion, *, detail: str = "", actor: Actor) -> None:
    """Take a version out of use: its content stays and can be downloaded, no new job reads it.

    Raises:
        Conflict: an alias points at it.
        IllegalTransition: it is not published.
        StaleState: somebody else was faster.
    """
    Dataset.objects.select_for_update(of=("self",)).get(pk=version.dataset_id)  # nobody lets one point at it meanwhile
    names = list(version.aliases.order_by("name").values_list("name", flat=True))
    if names:
        raise Conflict(f"{', '.join(names)} points at version {version.number}; let it point elsewhere first")
    transition(version, VersionState.DEPRECATED, actor=actor, detail=detail)
    record(actor, "dataset_version.deprecated", version, detail={"detail": detail} if detail else None)
