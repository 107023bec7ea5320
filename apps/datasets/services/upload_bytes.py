"""The bytes of an upload: kept as they arrive, by one writer at a time, and made a source at the end.

What counts is `Upload.offset_bytes`, which moves by conditional updates only after the bytes below it are on disk. Two
things keep a second writer out: the lock of the pieces in a folder store, which ends with the process that holds it,
and a lease in the row, which a writer that is gone keeps for `LEASE_SECONDS` at most.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q

from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import BedplateError, Conflict, StaleState, TooLarge
from apps.common.partial import Held, Partial, partial_held
from apps.common.states import transition
from apps.common.storage import Stored, store
from apps.datasets.models import Upload
from apps.datasets.services.sources import path_for, source_create
from apps.datasets.services.uploads import UploadGone, folder_of, lasts, pieces_remove
from apps.datasets.states import UploadState
from workers.contracts.sentences import say

log = logging.getLogger(__name__)

KEEP_BYTES: Final = 16 << 20
KEEP_SECONDS: Final = 2.0
"""After so much, or so long, what has arrived is written out and counts."""
LEASE_SECONDS: Final = 90
"""Longer than a sender may be silent."""


class OffsetMismatch(Conflict):
    """It continues at another place."""

    code, title, retryable = "offset_mismatch", "The upload continues at another offset", True


class UploadLocked(BedplateError):
    """One request at a time writes to an upload."""

    code, status, title, retryable = "upload_locked", 423, "Another request writes to this upload", True


class ChecksumMismatch(BedplateError):
    """What arrived is not what was sent; nothing of the request was kept."""

    code, status, title, retryable = "checksum_mismatch", 460, "The checksum does not match", True


class _Running:
    """SHA-256 of what this process took of an upload from its first byte on, so that the whole need not be read again.

    Of the last few uploads only; who is not found here is read at the end.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._found: OrderedDict[UUID, tuple[int, Any]] = OrderedDict()

    def take(self, upload_id: UUID, offset: int) -> Any:
        """The digest of the first `offset` bytes, or None; it is the caller's until it is put back."""
        at, digest = self._found.pop(upload_id, (0, hashlib.sha256()))
        return digest if at == offset else None

    def put(self, upload_id: UUID, offset: int, digest: Any) -> None:
        self._found[upload_id] = (offset, digest)
        while len(self._found) > self._most:
            self._found.popitem(last=False)


_running = _Running()


def upload_append(
    upload: Upload, *, offset: int, chunks: Iterable[bytes], checksum: tuple[str, bytes] | None = None, actor: Actor
) -> Upload:
    """Take what continues an upload at `offset`; the upload as it is then. Blocks for as long as the sender sends.

    Holds no connection to the database meanwhile. With the last byte the upload becomes a source. When `chunks`
    raises, what had arrived before is kept (but with a checksum nothing) and the error goes on.

    Args:
        checksum: name of the algorithm as hashlib has it, and the digest of `chunks`.

    Raises:
        UploadGone: it has ended.
        OffsetMismatch: it continues elsewhere.
        UploadLocked: another request writes to it.
        ChecksumMismatch: nothing was kept.
        TooLarge: more bytes than it was to have.
        StorageUnavailable: what had been written before counts.
    """
    if upload.state == UploadState.COMPLETED and offset == upload.size_bytes:
        return upload
    if upload.is_terminal:
        raise UploadGone(f"The upload is {upload.state}.")
    with _held(upload) as pieces, _leased(upload, offset) as writer:
        if offset < upload.size_bytes:
            _fit(upload, pieces, offset, writer)
            _receive(upload, pieces, chunks, checksum, writer)
        if upload.offset_bytes == upload.size_bytes:
            _finish(upload, pieces, actor)
    return upload


@contextmanager
def _held(upload: Upload) -> Iterator[Partial]:
    try:
        with partial_held(folder_of(upload.pk), upload.parts) as pieces:
            yield pieces
    except Held:
        raise UploadLocked("Another request writes to this upload; ask for its offset and go on from there.") from None


@contextmanager
def _leased(upload: Upload, offset: int) -> Iterator[UUID]:
    """Be the writer. Who has the lock of a folder store may take the lease of one that has not: that one is gone."""
    writer = uuid4()
    free = Q() if store().is_local else Q(writer=None) | Q(writer_until__lt=clock.db_time())
    row: Any = Upload.objects.filter(pk=upload.pk)
    taken = row.filter(free, state=UploadState.RECEIVING, offset_bytes=offset).update(writer=writer, **_until())
    if not taken:
        upload.refresh_from_db()
        if upload.is_terminal:
            raise UploadGone(f"The upload is {upload.state}.")
        if upload.offset_bytes != offset:
            raise OffsetMismatch(f"The upload continues at {upload.offset_bytes}, not at {offset}.")
        raise UploadLocked("Another request writes to this upload; ask for its offset and go on from there.")
    try:
        yield writer
    finally:
        row.filter(writer=writer).update(writer=None, writer_until=None)


def _until() -> dict[str, Any]:
    now = clock.db_time()
    return {"writer_until": now + timedelta(seconds=LEASE_SECONDS), "expires_at": now + lasts()}


def _fit(upload: Upload, pieces: Partial, offset: int, writer: UUID) -> None:
    """What lies beyond the offset never counted. What lacks below it is gone: a store that was put back."""
    there = pieces.size()
    if there < offset:
        kept = there if store().is_local else 0
        Upload.objects.filter(pk=upload.pk, writer=writer).update(offset_bytes=kept, parts=[])
        raise OffsetMismatch(f"The store has {there} bytes of this upload; it continues at {kept}.")
    pieces.cut(offset)


def _receive(
    upload: Upload, pieces: Partial, chunks: Iterable[bytes], checksum: tuple[str, bytes] | None, writer: UUID
) -> None:
    begin = at = upload.offset_bytes
    running = _running.take(upload.pk, begin)
    sent = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    looked = time.monotonic()
    try:
        _let_go()
        for chunk in chunks:
            if at + len(chunk) > upload.size_bytes:
                raise TooLarge(f"The upload was to have {upload.size_bytes} bytes; more were sent.")
            pieces.write(chunk, at)
            at += len(chunk)
            for digest in (running, sent):
                if digest is not None:
                    digest.update(chunk)
            due = at - upload.offset_bytes >= KEEP_BYTES or time.monotonic() - looked >= KEEP_SECONDS
            if due and sent is None:
                _keep(upload, pieces, at, writer)
                _let_go()
                looked = time.monotonic()
    except BaseException:
        if sent is None and at > upload.offset_bytes:
            _keep(upload, pieces, at, writer)
            _remember(upload, at, running)
        raise
    if sent is not None and checksum is not None and not hmac.compare_digest(sent.digest(), checksum[1]):
        raise ChecksumMismatch("What arrived does not have this checksum; nothing of it was kept.")
    if at > upload.offset_bytes:
        _keep(upload, pieces, at, writer)
    _remember(upload, at, running)


def _remember(upload: Upload, at: int, running: Any) -> None:
    if running is not None:
        _running.put(upload.pk, at, running)


def _keep(upload: Upload, pieces: Partial, at: int, writer: UUID) -> None:
    """Let what was written count; raises UploadLocked when somebody else has taken over."""
    pieces.sync()
    mine: Any = Upload.objects.filter(pk=upload.pk, writer=writer, state=UploadState.RECEIVING)
    if not mine.filter(offset_bytes=upload.offset_bytes).update(offset_bytes=at, parts=pieces.parts, **_until()):
        raise UploadLocked("The upload has ended, or another request took over.")
    upload.offset_bytes, upload.parts = at, list(pieces.parts)


def _let_go() -> None:
    """Give the connection back to the pool: a slow sender must not keep one that others wait for."""
    if not connection.in_atomic_block:
        connection.close()


def _finish(upload: Upload, pieces: Partial, actor: Actor) -> None:
    """All has arrived: a source of it. Safe to run again, wherever the last one ended."""
    running = _running.take(upload.pk, upload.size_bytes)
    _let_go()
    try:
        stored = pieces.become(path_for(upload.pk, upload.name), running.hexdigest() if running else "")
    except FileNotFoundError:
        Upload.objects.filter(pk=upload.pk).update(offset_bytes=0, parts=[])
        raise OffsetMismatch("The store has lost what had arrived; the upload continues at 0.") from None
    if upload.sha256 and stored.sha256 != upload.sha256:
        _refuse(upload, stored, actor)
    with transaction.atomic():
        source = source_create(
            source_id=upload.pk,
            dataset=upload.dataset,
            name=upload.name,
            stored=stored,
            uploaded_by=upload.uploaded_by,
            actor=actor,
        )
        transition(upload, UploadState.COMPLETED, actor=actor, source_id=source.pk)
    pieces_remove(upload.pk)


def _refuse(upload: Upload, stored: Stored, actor: Actor) -> None:
    detail = say("upload_digest", found=stored.sha256, said=upload.sha256)
    store().delete(f"sources/{upload.pk}")
    with transaction.atomic():
        transition(upload, UploadState.FAILED, actor=actor, detail=detail)
        record(actor, "upload.failed", upload, detail={"sha256": stored.sha256})
    pieces_remove(upload.pk)
    raise ChecksumMismatch(detail)


def uploads_finish() -> int:
    """Make sources of uploads that are whole and whose last request did not live to do it; returns how many."""
    waiting: Any = Upload.objects.filter(state=UploadState.RECEIVING, offset_bytes=F("size_bytes"))
    late = waiting.filter(Q(writer=None) | Q(writer_until__lt=clock.db_time())).select_related("dataset__project")
    count = 0
    for upload in late.order_by("id")[:4]:
        try:
            upload_append(upload, offset=upload.size_bytes, chunks=(), actor=_of(upload))
            count += 1
        except (UploadLocked, StaleState, UploadGone, ChecksumMismatch, OffsetMismatch):
            continue
        except (BedplateError, DatabaseError, OSError):
            log.exception("could not make a source of upload %s; it is tried again", upload.pk)
    return count


def _of(upload: Upload) -> Actor:
    return Actor.user(upload.uploaded_by) if upload.uploaded_by else Actor.system("uploads")
