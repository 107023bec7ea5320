"""Uploads in numbered parts: any order, several at a time, and on from where they broke off.

Where the store signs addresses, parts go to it directly; else to the control plane, by addresses that it signs itself.
A part counts once the store has it whole. Once all are there they are put together and become an artifact.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from apps.access.models import Project, User
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import (
    Conflict,
    Invalid,
    NotFound,
    QuotaExceeded,
    StaleState,
    StorageUnavailable,
    TooLarge,
)
from apps.common.states import transition
from apps.common.storage import CHUNK_BYTES, Stored, store
from apps.datasets.services.uploads import UploadGone
from apps.experiments.models import Artifact, ArtifactUpload
from apps.experiments.services.artifacts import Owner, artifact_keep, name_check
from apps.experiments.services.contents import ARRIVING, bounded, left_remove, most_bytes
from apps.experiments.states import ArtifactKind, UploadState
from apps.quotas.models import Attempt
from workers.contracts.sentences import say

log = logging.getLogger(__name__)

PARTS_MOST: Final = 10_000
PART_BYTES_MOST: Final = 5 << 30
"""What S3 takes in one request."""
RECEIVING_MOST: Final = 1000
"""Of a project at the same time."""
LEFT_OVER_SECONDS: Final = 3600.0
"""After the last byte: before that a folder without a row may be one that is being filled."""
EXPIRER: Final = Actor.system("expiry")


class UploadOver(UploadGone):
    """It was put together, given up, or nothing came for too long."""


class PartsMissing(Conflict):
    """Not all that was announced is there; send what is missing and ask again."""

    code, title = "parts_missing", "Parts of the upload are missing"


def folder_of(upload_id: UUID) -> str:
    return f"{ARRIVING}/{upload_id}"


def part_path(upload_id: UUID, number: int) -> str:
    """Where a part lies, in the store."""
    return f"{folder_of(upload_id)}/{number:05d}"


@transaction.atomic
def artifact_upload_begin(
    *,
    owner: Owner,
    name: str,
    parts: int,
    kind: str = ArtifactKind.FILE,
    size_bytes: int | None = None,
    sha256: str = "",
    started_by: User | None = None,
    attempt: Attempt | None = None,
) -> ArtifactUpload:
    """Begin an upload of so many parts.

    Raises:
        Invalid: the name is none, or the parts are none or too many.
        TooLarge: it is above the installation's limit.
        QuotaExceeded: the project has too many on their way.
    """
    name_check(name)
    if not 1 <= parts <= PARTS_MOST:
        text = f"an upload has 1 to {PARTS_MOST} parts, not {parts}"
        raise Invalid(text, fields={"parts": ["is out of range"]})
    if size_bytes is not None and size_bytes > most_bytes():
        raise TooLarge(f"A file may have {most_bytes()} bytes; this one has {size_bytes}.")
    _room_check(owner.project)
    made: ArtifactUpload = ArtifactUpload.objects.create(
        project=owner.project,
        **owner.columns,
        name=name,
        kind=kind,
        parts=parts,
        size_bytes=size_bytes,
        sha256=sha256,
        expires_at=clock.db_now() + timedelta(hours=settings.BEDPLATE_UPLOAD_HOURS),
        started_by=started_by,
        attempt=attempt,
    )
    return made


def _room_check(project: Project) -> None:
    """Two that begin at once are counted one after the other: the project's row is locked."""
    Project.objects.select_for_update(of=("self",), no_key=True).get(pk=project.pk)
    receiving = ArtifactUpload.objects.filter(project=project, state=UploadState.RECEIVING)
    if receiving.count() >= RECEIVING_MOST:
        raise QuotaExceeded(f"{RECEIVING_MOST} uploads of project {project.name} are not finished.")


def part_put(*, upload_id: UUID, number: int, chunks: Iterable[bytes]) -> Stored:
    """Take a part as it arrives, in the place of one that was there. Blocks for as long as the sender sends.

    Raises:
        NotFound: no such upload or part.
        UploadOver: it has ended.
        TooLarge, StorageUnavailable: nothing of the part was kept.
    """
    upload = ArtifactUpload.objects.filter(pk=upload_id).first()
    if upload is None or not 1 <= number <= upload.parts:
        raise NotFound("There is no such part of an upload.")
    _receiving_check(upload)
    if not connection.in_atomic_block:
        connection.close()  # to the pool: a slow sender must not keep one that others wait for
    stored = store().put(part_path(upload_id, number), bounded(chunks, min(PART_BYTES_MOST, most_bytes())))
    ArtifactUpload.objects.filter(pk=upload_id, state=UploadState.RECEIVING).update(
        expires_at=clock.db_time() + timedelta(hours=settings.BEDPLATE_UPLOAD_HOURS)
    )
    return stored


def parts_there(upload: ArtifactUpload) -> dict[int, int]:
    """Number → bytes of the parts that the store has."""
    folder = folder_of(upload.pk)
    if not store().exists(folder):
        return {}
    found = {path.rpartition("/")[2]: size for path, size in store().listing(folder)}
    return {int(name): size for name, size in found.items() if name.isdecimal() and 1 <= int(name) <= upload.parts}


def artifact_upload_complete(*, upload: ArtifactUpload, actor: Actor) -> Artifact:
    """Put the parts together and make an artifact of them; asked again, the same. Blocks for as long as copying takes.

    Raises:
        PartsMissing: send them and ask again.
        UploadOver: it was given up, or it is not the file that was announced.
        Conflict, QuotaExceeded: as `artifact_put`.
    """
    if upload.state == UploadState.COMPLETED and upload.artifact is not None:
        return upload.artifact
    _receiving_check(upload)
    there = parts_there(upload)
    missing = [number for number in range(1, upload.parts + 1) if number not in there]
    if missing:
        shown = ", ".join(map(str, missing[:20]))
        raise PartsMissing(f"{len(missing)} of {upload.parts} parts are missing: {shown}")
    try:
        stored = _put_together(upload, there)
        _as_announced(upload, stored, actor)
        owner = Owner(run=None if upload.logged_model else upload.run, logged_model=upload.logged_model)
        made = artifact_keep(owner=owner, name=upload.name, stored=stored, kind=upload.kind, actor=actor)
        with transaction.atomic():
            transition(upload, UploadState.COMPLETED, actor=actor, artifact_id=made.pk)
    except (FileNotFoundError, StaleState):  # somebody else, asked the same, was faster and has cleared away
        upload.refresh_from_db()
        if upload.artifact is None:
            raise PartsMissing("Parts of the upload went meanwhile; send it again.") from None
        return upload.artifact
    left_remove(folder_of(upload.pk))
    return made


def _put_together(upload: ArtifactUpload, there: Mapping[int, int]) -> Stored:
    """One file of all parts, under a name that no sender has: while a part is read it may still be sent again.

    A bucket joins parts of some size by itself; then what it holds is read once.
    """
    size = sum(there.values())
    if size > most_bytes():
        raise TooLarge(f"A file may have {most_bytes()} bytes; the parts have {size}.")
    if not connection.in_atomic_block:
        connection.close()
    paths = [part_path(upload.pk, number) for number in sorted(there)]
    whole = f"{folder_of(upload.pk)}/{uuid4()}"
    if len(paths) == 1:
        store().share(paths[0], whole)
        return store().measure(whole)
    if store().join(paths, [there[number] for number in sorted(there)], whole):
        return store().measure(whole)
    return store().put(whole, bounded(_chunks(paths), most_bytes()))


def _chunks(paths: Iterable[str]) -> Iterator[bytes]:
    for path in paths:
        with store().open(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _as_announced(upload: ArtifactUpload, stored: Stored, actor: Actor) -> None:
    said = (upload.size_bytes if upload.size_bytes is not None else stored.size_bytes, upload.sha256 or stored.sha256)
    if said == (stored.size_bytes, stored.sha256):
        return
    detail = say("upload_digest", found=stored.sha256, said=said[1])
    with transaction.atomic():
        transition(upload, UploadState.FAILED, actor=actor, detail=detail)
    left_remove(folder_of(upload.pk))
    raise Conflict(
        f"The file was to have {said[0]} bytes and the SHA-256 {said[1]}; what came has {stored.size_bytes} bytes and"
        f" {stored.sha256}. Nothing of it was kept."
    )


def artifact_upload_cancel(*, upload: ArtifactUpload, actor: Actor) -> None:
    """Give it up; what had arrived is removed. One that was given up stays so.

    Raises:
        Conflict: it is an artifact by now.
    """
    if upload.state == UploadState.COMPLETED:
        raise Conflict("The upload is complete, and an artifact by now.")
    if not upload.is_terminal:
        with transaction.atomic():
            transition(upload, UploadState.CANCELLED, actor=actor)
    left_remove(folder_of(upload.pk))


def artifact_uploads_expire() -> int:
    """End uploads that were not finished in time, and remove what ended ones left; returns how many ended."""
    due: Any = ArtifactUpload.objects.filter(state=UploadState.RECEIVING, expires_at__lt=clock.db_time())
    count = 0
    for upload in due.order_by("expires_at")[:100]:
        with suppress(StaleState), transaction.atomic():
            transition(upload, UploadState.EXPIRED, actor=EXPIRER)
            count += 1
    try:
        _sweep()
    except (StorageUnavailable, OSError):
        log.exception("could not look for what ended uploads left")
    return count


def _sweep() -> None:
    names = [name for name in store().folders(ARRIVING) if _is_id(name)]
    alive = ArtifactUpload.objects.filter(pk__in=names, state=UploadState.RECEIVING).values_list("pk", flat=True)
    for name in sorted(set(names) - {str(pk) for pk in alive})[:100]:
        folder = f"{ARRIVING}/{name}"
        if store().age_seconds(folder) > LEFT_OVER_SECONDS:
            left_remove(folder)


def _receiving_check(upload: ArtifactUpload) -> None:
    if upload.state != UploadState.RECEIVING:
        raise UploadOver(f"The upload is {upload.state}.")


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
