"""Files kept by what they hold: `artifacts/<project>/sha256/<ab>/<sha256>.<suffix>`, once for all that have them.

A file arrives under a name of its own. Then it gets its place by content, the row that names it is committed, and the
first name goes: whoever is killed between two of these leaves a first name or a content without a row, and both are
swept.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from apps.common.deletions import nothing_deleted
from apps.common.errors import StorageUnavailable, TooLarge
from apps.common.receiving import NotAsSaid
from apps.common.storage import Stored, store

log = logging.getLogger(__name__)

FOLDER: Final = "artifacts"
ARRIVING: Final = "artifact-uploads"
"""Folder of what is on its way: a folder for each file, or for each upload by its id."""
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,12}")


def content_path(project_id: UUID, sha256: str, name: str) -> str:
    """Where a file lies by its content. It keeps the ending of its name: programs tell formats by it."""
    suffix = PurePosixPath(name).suffix.lower()
    ending = suffix if _SUFFIX.fullmatch(suffix) else ""
    return f"{FOLDER}/{project_id}/sha256/{sha256[:2]}/{sha256}{ending}"


def most_bytes() -> int:
    """Of one file (`BEDPLATE_OUTPUT_MOST_BYTES`)."""
    return int(settings.BEDPLATE_OUTPUT_MOST_BYTES)


def bounded(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The same chunks; raises TooLarge once there are more bytes than that."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise TooLarge(f"A file may have {most} bytes; this one has more.")
        yield chunk


@contextmanager
def arrived(chunks: Iterable[bytes], *, sha256: str = "") -> Iterator[Stored]:
    """A file as it came, under a name that goes when the block ends. Blocks for as long as the sender sends.

    Holds no connection to the database meanwhile. When `chunks` raises, nothing stays and the error goes on.

    Raises:
        TooLarge: above the installation's limit.
        NotAsSaid: it has not this SHA-256.
        StorageUnavailable: the store is full or cannot be reached.
    """
    path = f"{ARRIVING}/{uuid4()}/whole"
    if not connection.in_atomic_block:
        connection.close()  # to the pool: a slow sender must not keep one that others wait for
    try:
        stored = store().put(path, bounded(chunks, most_bytes()))
        if sha256 and stored.sha256 != sha256:
            raise NotAsSaid(f"The file was to have the SHA-256 {sha256}; what came has {stored.sha256}.")
        yield stored
    finally:
        left_remove(path.rpartition("/")[0])


@contextmanager
def content_kept(stored: Stored, *, project_id: UUID, name: str) -> Iterator[str]:
    """Give an arrived file its place by content, and say where; commit the row that names it inside the block.

    Not inside a transaction: nothing is collected before the block ends.
    """
    path = content_path(project_id, stored.sha256, name)
    with nothing_deleted():
        if not _is_kept(path, stored.size_bytes):
            store().share(stored.path, path)
        yield path


def left_remove(folder: str) -> None:
    """Remove what arrived; what cannot be removed now is swept later."""
    try:
        store().delete(folder)
    except (StorageUnavailable, OSError):
        log.warning("could not remove %s; it is swept later", folder, exc_info=True)


def _is_kept(path: str, size_bytes: int) -> bool:
    try:
        return store().size(path) == size_bytes
    except FileNotFoundError:
        return False
