"""Versions by the words in which people and programs name them: `project/dataset@version`."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import AuditEvent
from apps.common.storage import SCHEME
from apps.datasets.models import DatasetVersion, Ingestion, VersionAlias
from apps.datasets.models.alias import LATEST
from apps.datasets.states import INGESTION, ScheduleMode, VersionState

REFERENCE = re.compile(
    rf"(?:{SCHEME})?(?P<project>[A-Za-z0-9_-]{{1,60}})/(?P<dataset>[A-Za-z0-9_-]{{1,60}})@(?P<version>[a-z0-9_-]{{1,60}})"
)
HISTORY_MOST = 200


def reference_parts(reference: str) -> dict[str, str]:
    """`{"project", "dataset", "version"}` of a reference; `@` is followed by a number, an alias or `latest`.

    Raises:
        Invalid: it is no reference.
    """
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise Invalid(
            f"{reference!r} is no reference: project/dataset@version is one, with a number, an alias or latest"
        )
    return found.groupdict()


def reference_resolve(user: Any, reference: str) -> DatasetVersion:
    """The version that a reference means now, with its dataset and project; `latest` is the newest that is published.

    Raises:
        Invalid: it is no reference.
        NotFound: there is no such project, dataset, number or alias, or the user may not see it.
        Conflict: `latest`, and none is published.
    """
    found = reference_parts(reference)
    word = found["version"]
    of_dataset = DatasetVersion.objects.visible_to(user).filter(
        project__name=found["project"], dataset__name=found["dataset"]
    )
    versions = of_dataset.select_related("dataset", "project")
    if word == LATEST:
        versions = versions.filter(state=VersionState.PUBLISHED, data_deleted_at=None).order_by("-number")
    elif word.isdecimal():
        versions = versions.filter(number=int(word)) if len(word) < 10 else versions.none()
    else:
        versions = versions.filter(aliases__name=word)
    version: DatasetVersion | None = versions.first()
    if version is None and word == LATEST and of_dataset.exists():
        raise Conflict(f"{found['project']}/{found['dataset']} has no published version")
    if version is None:
        raise NotFound(f"{reference}: not found")
    version.reference = reference.removeprefix(SCHEME)
    return version


def appending_base(dataset_id: UUID) -> DatasetVersion | None:
    """The version to whose rows a schedule appends: the newest published one that was collected, since one that was
    cleaned from it has other rows; where none was, the newest. Only of those that have their data; one that has a
    tombstone has it. Two queries at most."""
    published: Any = DatasetVersion.objects.filter(
        dataset=dataset_id, state=VersionState.PUBLISHED, data_deleted_at=None
    )
    newest = published.order_by("-number")
    found: DatasetVersion | None = newest.filter(ingestion__isnull=False).first() or newest.first()
    return found


def appends_open(dataset_id: UUID) -> Any:
    """Ingestions that append to a dataset and of which it is not known yet whether the next has to begin with their
    rows: they have not ended, or nobody has decided about what they made. Ask with the dataset's row locked."""
    appending = Q(append_to__isnull=False) | Q(schedule__mode=ScheduleMode.APPEND)
    undecided = Q(version__state__in=[VersionState.DRAFT, VersionState.VALIDATING])
    running = Q(state__in=sorted(INGESTION.active))
    return Ingestion.objects.filter(appending, running | undecided, dataset=dataset_id)


def reference_of(version: DatasetVersion) -> str:
    """The reference that always means this version."""
    return f"{version.project.name}/{version.dataset.name}@{version.number}"


def alias_history(alias: VersionAlias) -> list[dict[str, Any]]:
    """Where an alias pointed, newest first: `{"at", "by", "version", "number", "number_before"}`. One query."""
    rows = AuditEvent.objects.filter(
        subject_id=str(alias.pk), action__in=["version_alias.set", "version_alias.moved"]
    ).order_by("-id")[:HISTORY_MOST]
    return [
        {
            "at": row.at,
            "by": row.actor_name,
            "version": UUID(row.detail["version"]),
            "number": row.detail["number"],
            "number_before": row.detail["number_before"],
        }
        for row in rows
    ]
