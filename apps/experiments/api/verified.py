"""Files of model versions as answers: none goes out whole that is not what was registered."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from apps.common.errors import Conflict, NotFound
from apps.common.storage import CHUNK_BYTES, store
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.model_files import ModelFile, files_of
from apps.experiments.services.verifying import is_whole, model_version_damaged
from apps.experiments.states import ModelVersionReason, ModelVersionState
from workers.contracts.inspection.reports import NEEDS_APPROVAL, Verdict

HARMLESS: Final = frozenset(Verdict) - NEEDS_APPROVAL
FIRST_BYTES: Final = 256 << 20
"""A file of so much is read before the first byte goes out; of a larger one the end is held back until all was read."""


class VersionUnusable(Conflict):
    """It is not verified yet, waits for an approval, or is damaged; the detail says which."""

    code, title = "version_unusable", "This model version cannot be loaded"


class Damaged(Exception):
    """The connection is cut, so that nobody takes the file for whole."""


def usable_check(version: ModelVersion) -> None:
    """Raise VersionUnusable unless its files may be loaded.

    One that somebody archived may, if loading it runs no code: of one that was approved, archiving takes that back.
    """
    if version.state == ModelVersionState.READY:
        return
    is_archived = version.state_reason == ModelVersionReason.ARCHIVED_BY_USER
    verdict = version.inspection.get("verdict", "" if version.manifest else Verdict.PLAIN)
    if is_archived and verdict in HARMLESS:
        return
    unseen = "its files run code, or nobody looked at them" if is_archived else "its files are being read"
    why = version.state_detail or unseen
    raise VersionUnusable(f"Version {version.number} of {version.model.name} is {version.state}: {why}")


def file_named(version: ModelVersion, name: str) -> ModelFile:
    """A file of a version; raises NotFound."""
    found = next((file for file in files_of(version) if file.name == name), None)
    if found is None:
        raise NotFound(f"The version has no file {name[:200]!r}.")
    return found


def verified_download(request: Any, version: ModelVersion, file: ModelFile) -> StreamingHttpResponse:
    """A file of a version, compared with its digest on the way. Parts of it are not given: they could not be compared.

    Raises:
        VersionUnusable: it may not be loaded, or is found damaged, which archives it.
    """
    usable_check(version)
    if file.size_bytes <= FIRST_BYTES and not is_whole(file):
        model_version_damaged(version.pk, [file.name])
        version.refresh_from_db()
        usable_check(version)
    try:
        opened = store().open(file.path)
    except FileNotFoundError:
        model_version_damaged(version.pk, [file.name])
        raise VersionUnusable(f"The store does not have {file.name}; the version is archived.") from None
    checking = _Checking(opened, version, file)
    chunks = checking.chunks_async() if isinstance(request, ASGIRequest) else checking.chunks()
    response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    response["Content-Length"] = str(file.size_bytes)
    response["Content-Disposition"] = content_disposition_header(True, file.name.rpartition("/")[2]) or "attachment"
    response["ETag"] = f'"{file.sha256}"'
    return response


class _Checking:
    """Reads a file one piece ahead of what it gives, and gives the last one only if all was right."""

    def __init__(self, opened: IO[bytes], version: ModelVersion, file: ModelFile) -> None:
        self._opened, self._version, self._file = opened, version, file
        self._digest, self._size, self._held = hashlib.sha256(), 0, b""

    def _step(self) -> bytes | None:
        """The next piece that may go out; None at the end."""
        piece = self._opened.read(CHUNK_BYTES)
        self._digest.update(piece)
        self._size += len(piece)
        if not piece and not self._held:
            return None
        out, self._held = self._held, piece
        if not piece and (self._size, self._digest.hexdigest()) != (self._file.size_bytes, self._file.sha256):
            model_version_damaged(self._version.pk, [self._file.name])
            raise Damaged(f"{self._file.name} of version {self._version.pk} is not what was registered")
        return out

    def chunks(self) -> Iterator[bytes]:
        with self._opened:
            while (piece := self._step()) is not None:
                if piece:
                    yield piece

    async def chunks_async(self) -> AsyncIterator[bytes]:
        step = sync_to_async(self._step, thread_sensitive=False)
        try:
            while (piece := await step()) is not None:
                if piece:
                    yield piece
        finally:
            await sync_to_async(self._opened.close, thread_sensitive=False)()
