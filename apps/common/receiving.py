"""Objects that somebody sends whole: what they are is said beforehand, and they appear only if they are that."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from apps.common.errors import Conflict, Invalid, StorageUnavailable
from apps.common.storage import ObjectStore, Stored, is_full

SPARE_BYTES: Final = 64 << 20
"""So much of a disk is left free."""
NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class ObjectDiffers(Conflict):
    """What is there stays: it may have been announced."""

    code, title = "object_differs", "Another file is there under this name"


class NotAsSaid(Invalid):
    """What arrived has another size or digest; nothing of it was kept."""

    code, title = "not_as_said", "What arrived is not the file that was announced"


def already(objects: ObjectStore, said: Stored) -> bool:
    """Whether the store has this object. Reads it where it has one of that size.

    Raises:
        ObjectDiffers: it has another one of that name.
    """
    try:
        is_same = objects.size(said.path) == said.size_bytes and objects.measure(said.path) == said
    except (FileNotFoundError, NotADirectoryError):
        return False
    except IsADirectoryError:
        is_same = False
    if not is_same:
        raise ObjectDiffers(f"{said.path} is there and is another file; write under another name.")
    return True


def room_check(objects: ObjectStore, size_bytes: int) -> None:
    """Raise StorageUnavailable where the disk of the store has no room for so much."""
    room = objects.room()
    if room is not None and room.free_bytes < size_bytes + SPARE_BYTES:
        raise StorageUnavailable(f"The disk of the object store has no room for {size_bytes} bytes ({room}).")


def receive(objects: ObjectStore, said: Stored, chunks: Iterable[bytes]) -> None:
    """Keep what `chunks` bring in a store that is a folder, if it is what was said. A chunk is in memory at a time.

    It appears under its name whole and on disk, or not at all, and in nobody's place; sent again it is no error. When
    `chunks` raises, nothing appears and the error goes on.

    Raises:
        ObjectDiffers: another file is there.
        NotAsSaid: another size or digest.
        StorageUnavailable: the disk is full, or fails.
    """
    target = objects.local_path(said.path)
    assert target is not None  # noqa: S101 - of a store that is a folder
    if already(objects, said):
        return
    room_check(objects, said.size_bytes)
    part = target.with_name(f"{uuid4().hex}.part")
    try:
        _make_folder(target.parent, said)
        with part.open("xb") as file:
            _copy(said, chunks, file)
            file.flush()
            os.fsync(file.fileno())
        if not _named(part, target):
            already(objects, said)
    except OSError as error:
        full = f"the disk of the object store is full ({objects.room()})" if is_full(error) else str(error)
        raise StorageUnavailable(f"could not write {said.path}: {full}") from error
    finally:
        with contextlib.suppress(OSError):  # its folder is what could not be made
            part.unlink()


def _make_folder(folder: Path, said: Stored) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ObjectDiffers(f"{said.path}: a part of it is the name of a file.") from None


def _copy(said: Stored, chunks: Iterable[bytes], file: IO[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > said.size_bytes:
            break
        digest.update(chunk)
        file.write(chunk)
    if size != said.size_bytes:
        came = "more" if size > said.size_bytes else size
        raise NotAsSaid(f"{said.path} was to have {said.size_bytes} bytes; {came} came.")
    if digest.hexdigest() != said.sha256:
        raise NotAsSaid(f"{said.path} was to have the SHA-256 {said.sha256}; what came has {digest.hexdigest()}.")


def _named(part: Path, target: Path) -> bool:
    """Give the file its name; False where that is taken. A rename would take the place of what is there."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        part.replace(target)
    return True
