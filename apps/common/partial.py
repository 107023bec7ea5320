"""Objects that arrive in pieces: what has come is kept until the whole is an object of the store.

In a store that is a folder they are one file, written where the last piece ended, and held by a lock of the file
system, which ends with the process that held it. A remote store cannot append: there each piece is an object of its
own, and the pieces are copied into one at the end.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from apps.common.errors import StorageUnavailable
from apps.common.storage import CHUNK_BYTES, ObjectStore, Stored, is_full, store


class Held(Exception):
    """Somebody else writes to it now."""


class Partial(Protocol):
    """What is there of one object, held for this writer alone."""

    parts: list[str]
    """Names of the pieces in order, where pieces are objects; the caller keeps them with the offset."""

    def size(self) -> int:
        """Bytes that are there; of pieces, those that the caller knows of."""

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes at a place. They are kept only once `sync` has returned."""

    def sync(self) -> None:
        """Return when what was written will outlive this process and the machine's power."""

    def cut(self, size: int) -> None:
        """Drop what lies beyond, of a writer that did not live to say so."""

    def become(self, path: str, sha256: str) -> Stored:
        """Make it the object at `path`; reads it for its SHA-256 where none is given. Doing it again is no error.

        Raises:
            FileNotFoundError: neither the pieces nor the object are there.
        """


@contextmanager
def partial_held(path: str, parts: Sequence[str]) -> Iterator[Partial]:
    """Hold what is at `path`, a folder of the store, for writing; it may be nothing yet.

    Raises:
        Held: another process has it. A remote store cannot say so: there the caller must know by itself.
        StorageUnavailable: the store cannot be reached, or is full.
    """
    objects = store()
    if not objects.is_local:
        yield _Pieces(objects, path, list(parts))
        return
    with _translated(objects, path):
        objects.make_folder(path)
        descriptor = os.open(f"{objects.local_path(path)}/data.part", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held from None
        yield _File(objects, path, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(objects: ObjectStore, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = f"the disk of the object store is full ({objects.room()})" if is_full(error) else str(error)
        raise StorageUnavailable(f"could not write {what}: {full}") from error


class _File:
    """In a store that is a folder."""

    def __init__(self, objects: ObjectStore, path: str, descriptor: int) -> None:
        self.parts: list[str] = []
        self._objects, self._path, self._descriptor = objects, path, descriptor

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def write(self, data: bytes, offset: int) -> None:
        with _translated(self._objects, self._path):
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written

    def sync(self) -> None:
        with _translated(self._objects, self._path):
            os.fdatasync(self._descriptor)

    def cut(self, size: int) -> None:
        with _translated(self._objects, self._path):
            os.ftruncate(self._descriptor, size)

    def become(self, path: str, sha256: str) -> Stored:
        source, target = Path(f"{self._objects.local_path(self._path)}/data.part"), self._objects.local_path(path)
        assert target is not None  # noqa: S101 - a folder has paths
        if self.size() == 0 and target.exists():  # moved before, by somebody who did not live to say so
            return self._objects.measure(path)
        if self.size() == 0:
            raise FileNotFoundError(path)
        digest = sha256 or self._measured()
        with _translated(self._objects, path):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        return Stored(path, self.size(), digest)

    def _measured(self) -> str:
        digest, offset = hashlib.sha256(), 0
        while chunk := os.pread(self._descriptor, CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
        return digest.hexdigest()


class _Pieces:
    """In a remote store. What is written is held in memory until `sync`."""

    def __init__(self, objects: ObjectStore, path: str, parts: list[str]) -> None:
        self.parts = parts
        self._objects, self._path = objects, path
        self._waiting: list[bytes] = []

    def size(self) -> int:
        return sum(self._objects.size(f"{self._path}/{name}") for name in self.parts)

    def write(self, data: bytes, offset: int) -> None:
        self._waiting.append(data)

    def sync(self) -> None:
        if self._waiting:
            name = uuid4().hex
            self._objects.put(f"{self._path}/{name}", self._waiting)
            self._waiting = []
            self.parts.append(name)

    def cut(self, size: int) -> None:
        """Nothing: a piece that nobody knows of is in nobody's way."""

    def become(self, path: str, sha256: str) -> Stored:
        missing = [name for name in self.parts if not self._objects.exists(f"{self._path}/{name}")]
        if missing and self._objects.exists(path):
            return self._objects.measure(path)
        return self._objects.put(path, self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        for name in self.parts:
            with self._objects.open(f"{self._path}/{name}") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
