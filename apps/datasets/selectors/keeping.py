"""What a rule keeps of a dataset, and why: a pure decision over facts that are read here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.common.storage import SCHEME
from apps.datasets.models import (
    Dataset,
    DatasetVersion,
    Ingestion,
    IngestionSchedule,
    KeepRule,
    LineageEdge,
    VersionAlias,
)
from apps.datasets.selectors.parts import parts_named
from apps.datasets.selectors.quality import versions_held_against
from apps.datasets.selectors.references import appending_base
from apps.datasets.specs import file_path
from apps.datasets.states import INGESTION, ScheduleMode, ScheduleState, VersionState
from apps.quotas.models import Workload

ENDED = (VersionState.PUBLISHED, VersionState.DEPRECATED, VersionState.REJECTED)
"""Of a version in another state nothing is decided yet."""
REASONS = ("last", "recent", "named", "pinned", "referenced", "in_use", "parent")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version that has its data."""

    id: UUID
    number: int
    created_at: datetime
    parent_id: UUID | None
    is_named: bool
    is_pinned: bool
    is_referenced: bool
    """A run, a model or an endpoint came of it, or an expectation that counts holds others against it."""
    is_in_use: bool
    """A job that has not ended reads it, or appends to it; or a schedule will."""


def kept(versions: Sequence[Facts], rule: Any, now: datetime) -> dict[UUID, list[str]]:
    """Why each version is kept: of `REASONS`; no reason: it is not. Pure.

    Args:
        rule: with the columns of a `KeepRule`.
    """
    newest = sorted(versions, key=lambda one: -one.number)
    last = {one.id for one in newest[: rule.keep_last or 0]}
    since = now - timedelta(days=rule.keep_days) if rule.keep_days else None
    found: dict[UUID, list[str]] = {}
    for one in newest:  # parents are older than what was made of them
        tests = {
            "last": one.id in last,
            "recent": since is not None and one.created_at > since,
            "named": rule.keep_named and one.is_named,
            "pinned": one.is_pinned,
            "referenced": one.is_referenced,
            "in_use": one.is_in_use,
        }
        found[one.id] = [name for name, holds in tests.items() if holds]
    if rule.keep_parents:
        for one in newest:
            if found[one.id] and one.parent_id in found and "parent" not in found[one.parent_id]:
                found[one.parent_id].append("parent")
    return found


def rule_of(dataset: Dataset) -> KeepRule | None:
    """The dataset's own rule, else its project's. One query."""
    rules = {rule.dataset_id: rule for rule in KeepRule.objects.filter(project_id=dataset.project_id)}
    found: KeepRule | None = rules.get(dataset.pk) or rules.get(None)
    return found


def facts_of(dataset_id: UUID) -> list[Facts]:
    """The versions of a dataset that have their data and whose state is settled.

    Eight queries, two more where a schedule appends, and up to two for each expectation that refers to a version of
    this dataset.
    """
    versions = list(
        DatasetVersion.objects.filter(dataset_id=dataset_id, data_deleted_at=None, state__in=ENDED)
        .order_by("-number")
        .defer("report", "schema")
    )
    ids = [version.pk for version in versions]
    aliased = set(VersionAlias.objects.filter(version__in=ids).values_list("version_id", flat=True))
    edges = LineageEdge.objects.filter(to_id__in=ids).exclude(from_kind="dataset_version")
    referenced = set(edges.values_list("to_id", flat=True)) | versions_held_against(dataset_id)
    appended = Ingestion.objects.filter(append_to__in=ids, state__in=sorted(INGESTION.active))
    read, appending = _places_in_use(), {*appended.values_list("append_to_id", flat=True), *_appended_next(dataset_id)}
    return [
        Facts(
            id=version.pk,
            number=version.number,
            created_at=version.created_at,
            parent_id=version.parent_id,
            is_named=bool(version.tags) or version.pk in aliased,
            is_pinned=version.is_pinned,
            is_referenced=version.pk in referenced,
            is_in_use=version.pk in appending or not read.isdisjoint(_places(version)),
        )
        for version in versions
    ]


def _appended_next(dataset_id: UUID) -> list[UUID]:
    """The version to which a schedule of the dataset appends the next time."""
    schedules = IngestionSchedule.objects.filter(dataset=dataset_id, mode=ScheduleMode.APPEND)
    base = appending_base(dataset_id) if schedules.exclude(state=ScheduleState.RETIRED).exists() else None
    return [base.pk] if base is not None else []


def files_of(version: DatasetVersion) -> dict[str, int]:
    """Path in the store → bytes, of all files that a version names."""
    beside = [version.preprocessor] if version.preprocessor else []
    files = [*version.manifest["files"], *beside, *version.companions.values()]
    return {file_path(version.manifest, file): int(file.get("size_bytes") or 0) for file in files}


def files_alone(versions: Iterable[DatasetVersion]) -> dict[str, int]:
    """Path → bytes of the files that these versions name and no other that has its data. They are of one project."""
    named = list(versions)
    found: dict[str, int] = {}
    for version in named:
        found |= files_of(version)
    if not named:
        return {}
    shared = parts_named(named[0].project_id, list(found), but=[version.pk for version in named])
    return {path: size for path, size in found.items() if path not in shared}


def _places(version: DatasetVersion) -> set[str]:
    paths = {file["path"] for file in version.manifest["files"] if "path" in file}
    return paths | ({version.manifest["prefix"]} if "prefix" in version.manifest else set())


def _places_in_use() -> set[str]:
    """Paths and folders that inputs of jobs name which have not ended, of every project. One query."""
    active = Workload.objects.exclude(state__in=sorted(Workload.machine.terminal))
    found: set[str] = set()
    for inputs in active.values_list("spec__inputs", flat=True):
        for ref in inputs or ():
            found |= {*(ref.get("paths") or ()), str(ref["uri"]).removeprefix(SCHEME)}
    return found
