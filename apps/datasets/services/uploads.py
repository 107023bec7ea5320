"""Uploads that can be continued: begun, given up, forgotten. What arrives is in `upload_bytes`."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from apps.access.models import Project, User
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import BedplateError, Conflict, Invalid, QuotaExceeded, StaleState, StorageUnavailable
from apps.common.states import transition
from apps.common.storage import store
from apps.datasets.models import Dataset, Upload
from apps.datasets.services.sources import name_of, size_check
from apps.datasets.states import UploadState

log = logging.getLogger(__name__)

UNFINISHED_MOST: Final = 50
"""Of a project at the same time."""
UNFINISHED_FILES_OF_MOST: Final = 4
"""What they may come to together: so many times the largest file that is taken."""
LEFT_OVER_SECONDS: Final = 3600.0
"""After the last byte: before that a folder without a row may be one that is being begun."""
EXPIRER: Final = Actor.system("expiry")


class UploadGone(BedplateError):
    """It was given up, or nothing came for too long."""

    code, status, title = "upload_gone", 410, "This upload has ended"


def folder_of(upload_id: UUID) -> str:
    """Where the pieces are, in the store."""
    return f"uploads/{upload_id}"


def lasts() -> timedelta:
    """How long an upload is kept after its last byte (`BEDPLATE_UPLOAD_HOURS`)."""
    return timedelta(hours=settings.BEDPLATE_UPLOAD_HOURS)


@transaction.atomic
def upload_create(
    *,
    dataset: Dataset,
    file_name: str,
    size_bytes: int,
    sha256: str = "",
    fingerprint: str = "",
    uploaded_by: User | None,
    actor: Actor,
) -> Upload:
    """Begin an upload of so many bytes.

    Raises:
        Invalid: the file is empty, or the digest is none.
        TooLarge: it is above the installation's limit.
        QuotaExceeded: the project has too much on its way.
        StorageUnavailable: the store has no room for it.
    """
    size_check(size_bytes)
    if size_bytes < 1:
        raise Invalid("The file is empty.", fields={"Upload-Length": ["must be at least 1"]})
    if sha256 and not (len(sha256) == 64 and all(letter in "0123456789abcdef" for letter in sha256)):
        raise Invalid("sha256 is 64 hexadecimal digits.", fields={"sha256": ["is not 64 hexadecimal digits"]})
    _within_limits(dataset.project, size_bytes)
    upload: Upload = Upload.objects.create(
        project=dataset.project,
        dataset=dataset,
        name=name_of(file_name),
        size_bytes=size_bytes,
        sha256=sha256,
        fingerprint=fingerprint[:200],
        expires_at=clock.db_now() + lasts(),
        uploaded_by=uploaded_by,
    )
    record(actor, "upload.created", upload, detail={"size_bytes": size_bytes})
    return upload


def _within_limits(project: Project, size_bytes: int) -> None:
    """Two that come at once are counted one after the other: the project's row is locked."""
    Project.objects.select_for_update().get(pk=project.pk)
    unfinished = Upload.objects.filter(project=project, state=UploadState.RECEIVING)
    found = unfinished.aggregate(count=Count("id"), size=Sum("size_bytes"))
    if found["count"] >= UNFINISHED_MOST:
        raise QuotaExceeded(
            f"{found['count']} uploads of project {project.name} are not finished; at most {UNFINISHED_MOST} may be."
        )
    most = settings.BEDPLATE_SOURCE_MOST_BYTES * UNFINISHED_FILES_OF_MOST
    if (found["size"] or 0) + size_bytes > most:
        raise QuotaExceeded(
            f"The unfinished uploads of project {project.name} would come to more than {most} bytes together."
        )
    room = store().room()
    if room is not None and room.free_bytes < size_bytes:
        raise StorageUnavailable(f"The object store has no room for {size_bytes} bytes ({room}).")


def upload_cancel(upload: Upload, *, actor: Actor) -> None:
    """Give it up; what had arrived is removed.

    Raises:
        UploadGone: it has ended already.
        Conflict: it is a source by now.
    """
    if upload.state == UploadState.COMPLETED:
        raise Conflict("The upload is complete, and is a source by now.")
    if upload.is_terminal:
        raise UploadGone(f"The upload is {upload.state}.")
    with transaction.atomic():
        transition(upload, UploadState.CANCELLED, actor=actor)
        record(actor, "upload.cancelled", upload)
    pieces_remove(upload.pk)


def uploads_expire() -> int:
    """End uploads to which nothing came for too long, and remove what ended ones left; returns how many ended."""
    due: Any = Upload.objects.filter(state=UploadState.RECEIVING, expires_at__lt=clock.db_time())
    count = 0
    for upload in due.order_by("id")[:100]:
        with suppress(StaleState), transaction.atomic():
            transition(upload, UploadState.EXPIRED, actor=EXPIRER)
            record(EXPIRER, "upload.expired", upload, detail={"offset_bytes": upload.offset_bytes})
            count += 1
    try:
        _sweep()
    except (StorageUnavailable, OSError):
        log.exception("could not look for what ended uploads left")
    return count


def _sweep() -> None:
    names = [name for name in store().folders("uploads") if _is_id(name)]
    alive = Upload.objects.filter(pk__in=names, state=UploadState.RECEIVING).values_list("pk", flat=True)
    for name in sorted(set(names) - {str(pk) for pk in alive}):
        if store().age_seconds(f"uploads/{name}") > LEFT_OVER_SECONDS:
            pieces_remove(UUID(name))


def pieces_remove(upload_id: UUID) -> None:
    """Remove what arrived of an upload that has ended; what cannot be removed now is swept later."""
    try:
        store().delete(folder_of(upload_id))
    except (StorageUnavailable, OSError):
        log.warning("could not remove the pieces of upload %s; they are swept later", upload_id, exc_info=True)


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
