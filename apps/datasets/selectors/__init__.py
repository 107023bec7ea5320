"""Reads that span tables, and what other apps ask about versions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.fields.json import KT

from apps.common.errors import Conflict, NotFound
from apps.common.storage import store
from apps.datasets import specs
from apps.datasets.models import CleaningRun, DataJob, DatasetVersion, Ingestion, Profile, Source
from apps.datasets.selectors.references import reference_of
from apps.datasets.states import JobState, VersionState
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState
from workers.contracts.specs import DataRef

JOBS: tuple[type[DataJob], ...] = (Ingestion, Profile, CleaningRun)
BATCH = 200


def dataset_input(version: DatasetVersion, name: str, *, unpublished: bool = False) -> DataRef:
    """The version as an input of a job, under the name by which the job asks for it.

    Args:
        unpublished: also one that is validating: for work that finds and mends what is wrong with it, and for what
            waits until it is published (`services/holds.py`).

    Raises:
        Conflict: the version is not published.
    """
    data_check(version)
    if version.state != VersionState.PUBLISHED and not (unpublished and version.state == VersionState.VALIDATING):
        raise Conflict(f"version {version.number} is {version.state}; a job reads published versions only")
    return specs.version_ref(
        name=name, project_id=version.project_id, manifest=version.manifest, preprocessor=version.preprocessor
    )


def data_check(version: DatasetVersion) -> None:
    """Refuse a version whose data is deleted, or will be: raises Conflict with what can be done."""
    if version.data_deleted_at is not None:
        raise Conflict(
            f"the data of version {version.number} was deleted on {version.data_deleted_at:%Y-%m-%d}; what it was made"
            " of, its schema and its digest are still known"
        )
    if version.data_tombstoned_at is not None:
        raise Conflict(
            f"the data of version {version.number} is to be deleted, because no rule keeps it: pin the version first"
        )


def version_data(version: DatasetVersion, name: str) -> DataRef:
    """A version as an input of a job that only looks at it: also one that is deprecated, or not published yet.

    Raises:
        Conflict: its data was never there for others to see.
    """
    data_check(version)
    if version.state in (VersionState.DRAFT, VersionState.REJECTED):
        raise Conflict(f"version {version.number} is {version.state}; its data is not to be looked at")
    return specs.version_ref(
        name=name, project_id=version.project_id, manifest=version.manifest, preprocessor=version.preprocessor
    )


def version_manifest(version: DatasetVersion) -> dict[str, Any]:
    """What a program reads a version by: `{"id", "reference", "digest", "schema", …, "files": [{"name", "rows",
    "size_bytes", "sha256"}]}`, the files in the order of the rows."""
    files = [
        {name: file[name] for name in ("name", "rows", "size_bytes", "sha256")} for file in version.manifest["files"]
    ]
    return {
        "id": version.pk,
        "reference": reference_of(version),
        "number": version.number,
        "state": version.state,
        "digest": version.digest,
        "schema": version.schema,
        "row_count": version.row_count,
        "size_bytes": version.size_bytes,
        "splits": version.splits,
        "files": files,
    }


def version_file(version: DatasetVersion, file_name: str) -> dict[str, Any]:
    """One file of a version: `{"path", "size_bytes", "sha256"}`, the path in the store.

    Raises:
        NotFound: no file of the version has this name.
    """
    beside = [version.preprocessor] if version.preprocessor else []
    for file in [*version.manifest["files"], *beside, *version.companions.values()]:
        if file["name"] == file_name:
            if version.data_deleted_at is not None:
                raise NotFound(f"the data of version {version.number} was deleted")
            path = specs.file_path(version.manifest, file)
            return {"path": path, "size_bytes": file["size_bytes"], "sha256": file["sha256"]}
    raise NotFound


def companion_of(version: DatasetVersion, kind: str) -> dict[str, Any] | None:
    """The small JSON file beside a version's data that holds this; None where its job wrote none. Blocks on the store.

    Raises:
        NotFound: the file is gone from the store.
        StorageUnavailable: the store cannot be asked now.
    """
    file = version.companions.get(kind)
    if file is None or version.data_deleted_at is not None:
        return None
    try:
        with store().open(specs.file_path(version.manifest, file)) as opened:
            found: dict[str, Any] = json.loads(opened.read(specs.COMPANION_BYTES_MOST))
    except FileNotFoundError:
        raise NotFound(f"{file['name']} of version {version.number} is not in the object store.") from None
    return found


def objects_named(attempt_ids: Collection[UUID]) -> set[str]:
    """What of the files of these attempts belongs to a version, or to a job that is not done with them.

    Paths in the store; one that ends with `/` stands for all below it. Six queries.
    """
    named: set[str] = set()
    for model in JOBS:
        jobs: Any = model._default_manager
        busy = jobs.filter(workload__attempts__in=attempt_ids, state__in=sorted(model.machine.active))
        named |= {f"attempts/{pk}/" for pk in busy.values_list("workload__attempts", flat=True)}
    prefixes = Q()
    for attempt_id in attempt_ids:
        prefixes |= Q(manifest__prefix__startswith=f"attempts/{attempt_id}/")
    prefixes &= Q(data_deleted_at=None)
    versions = DatasetVersion.objects.filter(prefixes) if attempt_ids else DatasetVersion.objects.none()
    fetched = Source.objects.filter(ingestions__workload__attempts__in=attempt_ids, path__startswith="attempts/")
    left_out = Ingestion.objects.filter(workload__attempts__in=attempt_ids, quarantine__isnull=False)
    return (
        named
        | set(versions.values_list(KT("manifest__prefix"), flat=True))
        | set(fetched.values_list("path", flat=True))
        | set(left_out.values_list(KT("quarantine__path"), flat=True))
    )


def sources_known(source_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are of a source. One query."""
    return set(Source.objects.filter(pk__in=source_ids).values_list("pk", flat=True))


def workloads_due(model: type[DataJob]) -> Iterator[UUID]:
    """Workloads that may have moved on without the job that they belong to, oldest first. One query."""
    moved = Q(workload__state__in=sorted(Workload.machine.terminal))
    moved |= Q(state=JobState.QUEUED, workload__state=WorkloadState.RUNNING)
    if model.unsettled is not None:
        moved |= model.unsettled
    jobs: Any = model._default_manager
    due = jobs.filter(moved, state__in=sorted(model.machine.active)).order_by("id")
    return iter(due.values_list("workload_id", flat=True)[:BATCH])
