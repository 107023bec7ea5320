"""The object store: dataset files, artifacts, checkpoints, logs. A folder (`file://`) or a bucket (`s3://`), by fsspec.

A path in the store is relative and has no `..`; its URI for jobs is `bedplate://<path>`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

import fsspec
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import override

from apps.common import buckets
from apps.common.errors import Invalid, StorageUnavailable
from apps.common.links import linked

SCHEME = "bedplate://"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: size in bytes and hexadecimal SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Room:
    """What a disk holds, in bytes; `free_bytes` is what ordinary accounts may still write."""

    free_bytes: int
    total_bytes: int

    def __str__(self) -> str:
        with override("en"):  # for programs and logs, whatever the last page of this thread spoke
            said = f"{filesizeformat(self.free_bytes)} of {filesizeformat(self.total_bytes)} free"
        return said.replace("\xa0", " ")


def room_at(path: Path) -> Room:
    """Of the disk under a folder, or under what will be it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    found = os.statvfs(path)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def is_full(error: BaseException | None) -> bool:
    """Whether an error says that there was no room: on the disk, in an account's share of it, or in one file."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def uri_of(path: str) -> str:
    """`bedplate://` form of a path in the store."""
    return SCHEME + checked(path)


def path_of(uri: str) -> str:
    """Path in the store of a `bedplate://` URI.

    Raises:
        Invalid: another scheme, or a path that leaves the store.
    """
    if not uri.startswith(SCHEME):
        raise Invalid(f"{uri!r} is not a {SCHEME} address")
    return checked(uri.removeprefix(SCHEME))


def checked(path: str) -> str:
    """The path itself, once it is known to stay inside the store; a closing `/` is kept."""
    parts = path.rstrip("/").split("/")
    strange = "\\" in path or any(ord(letter) < 32 for letter in path)
    if strange or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise Invalid(f"{path!r} is not a path inside the object store")
    return path


class ObjectStore:
    """One store. Methods raise StorageUnavailable (retryable) when the store cannot be reached or is full."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.is_local, self.is_bucket = self.url.startswith("file://"), self.url.startswith("s3://")
        options = buckets.OPTIONS if self.is_bucket else {}
        self.fs, self.root = cast(tuple[Any, str], fsspec.core.url_to_fs(self.url, **options))

    def _at(self, path: str) -> str:
        at = posixpath.join(self.root, checked(path).rstrip("/"))
        # A job writes below this folder too, and may leave a link there that leads out of it.
        if self.is_local and not Path(at).resolve().is_relative_to(Path(self.root).resolve()):
            raise Invalid(f"{path!r} is not a path inside the object store")
        return at

    def local_path(self, path: str) -> Path | None:
        """Where a `file://` store keeps it, for jobs on the same machine; None for a remote store."""
        return Path(self._at(path)) if self.is_local else None

    def put(self, path: str, chunks: Iterable[bytes]) -> Stored:
        """Write a whole object; it appears under its name only once it is complete and on disk.

        When `chunks` raises, nothing appears and the error goes on.
        """
        target = self._at(path)
        part = f"{target}.{uuid4().hex}.part" if self.is_local else target
        try:
            if self.is_local:
                self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
            size, digest = self._write(part, chunks)
            if self.is_local:
                Path(part).replace(target)
        except OSError as error:
            raise self._unavailable(f"could not write {path}", error) from error
        finally:
            if self.is_local:
                with contextlib.suppress(OSError):  # gone already, or its folder is what could not be written
                    Path(part).unlink()
        return Stored(path, size, digest)

    def _write(self, at: str, chunks: Iterable[bytes]) -> tuple[int, str]:
        if not self.is_local:
            return buckets.written(self.fs, at, chunks)
        with self.fs.open(at, "wb") as file:
            size, digest = buckets.copied(chunks, file)
            file.flush()
            os.fsync(file.fileno())
        return size, digest

    def share(self, path: str, target: str) -> None:
        """Let an object be found under a second name as well, in the place of what is there.

        In a folder its bytes are kept once, under both names. What is at `target` is whole at every moment.

        Raises:
            FileNotFoundError: no such object.
        """
        there, at = self._at(path), self._at(target)
        try:
            if not self.is_local:
                self.fs.copy(there, at)
                return
            self.fs.makedirs(posixpath.dirname(at), exist_ok=True)
            if not linked(there, at):  # a disk without second names
                with self.open(path) as file:
                    self.put(target, iter(lambda: file.read(CHUNK_BYTES), b""))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unavailable(f"could not copy {path} to {target}", error) from error

    def join(self, paths: Sequence[str], sizes: Sequence[int], target: str) -> bool:
        """Make one object of others, of these sizes in bytes, without reading them; False where the store cannot."""
        if not (self.is_bucket and buckets.can_join(sizes)):
            return False
        self.fs.join([self._at(path) for path in paths], self._at(target))
        return True

    def drop_unfinished(self, older_than_seconds: float) -> int:
        """Give up what was begun in a bucket so long ago and never became an object; how many. It is listed nowhere,
        and paid for."""
        return int(self.fs.drop_unfinished(self.root, older_than_seconds)) if self.is_bucket else 0

    def open(self, path: str) -> IO[bytes]:
        """Open for reading.

        Raises:
            FileNotFoundError: no such object.
        """
        return cast(IO[bytes], self.fs.open(self._at(path), "rb"))

    def measure(self, path: str) -> Stored:
        """Size and SHA-256 of an object as it is now; reads it once.

        Raises:
            FileNotFoundError: no such object.
        """
        digest, size = hashlib.sha256(), 0
        with self.open(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
        return Stored(path, size, digest.hexdigest())

    def size(self, path: str) -> int:
        """Bytes of an object; raises FileNotFoundError."""
        return int(self.fs.size(self._at(path)))

    def exists(self, path: str) -> bool:
        return bool(self.fs.exists(self._at(path)))

    def listing(self, below: str = "") -> Iterator[tuple[str, int]]:
        """Path and bytes of every object that is whole, in a folder or in all of the store."""
        root = self.root.rstrip("/") + "/"
        for folder, _, files in self.fs.walk(self._at(below) if below else self.root, detail=True):
            for name, about in files.items():
                if name and not name.endswith(".part"):  # without a name: some servers mark folders so
                    yield posixpath.join(folder, name).removeprefix(root), int(about["size"] or 0)

    def make_folder(self, path: str) -> None:
        try:
            self.fs.makedirs(self._at(path), exist_ok=True)
        except OSError as error:
            raise self._unavailable(f"could not make {path}", error) from error

    def delete(self, path: str) -> None:
        """Remove an object or a folder with all below it; what is not there is no error."""
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            if self.exists(path):
                self.fs.rm(self._at(path), recursive=True)

    def room(self) -> Room | None:
        """Of the disk of a `file://` store; None for a remote one, which has no end that we know. Raises OSError."""
        return room_at(Path(self.root)) if self.is_local else None

    def _unavailable(self, what: str, error: OSError) -> StorageUnavailable:
        if not is_full(error):
            return StorageUnavailable(f"{what}: {error}")
        return StorageUnavailable(f"{what}: the disk of the object store is full ({self.room() or 'its limit'})")

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly in a folder; none where it is not there."""
        if not self.exists(path):
            return []
        rows = self.fs.ls(self._at(path), detail=True)
        return sorted(posixpath.basename(row["name"].rstrip("/")) for row in rows if row["type"] == "directory")

    def prune(self, path: str, keep: Callable[[str], bool]) -> list[str]:
        """Remove the files below a folder that are not to be kept, and local folders that are left empty.

        Follows no link: a link is removed itself. Returns the paths removed.
        """
        found = self._local_files(path) if self.is_local else self.fs.find(self._at(path))
        removed = []
        for at in found:
            name = posixpath.relpath(at, self.root)
            if not keep(name):
                self.fs.rm_file(at)
                removed.append(name)
        if self.is_local:
            for folder, _, _ in os.walk(self._at(path), topdown=False):
                with contextlib.suppress(OSError):  # something is in it
                    Path(folder).rmdir()
        return removed

    def _local_files(self, path: str) -> list[str]:
        """Files and links below a folder."""
        found = []
        for folder, folders, files in os.walk(self._at(path)):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            found += [posixpath.join(folder, name) for name in (*files, *links)]
        return found

    def age_seconds(self, path: str) -> float:
        """How long ago the newest file below a folder was written, by the store's own clock."""
        probe = f".probe-{uuid4().hex}"
        self.put(probe, [b"ok"])
        now = self.fs.modified(self._at(probe))
        self.delete(probe)
        if self.is_bucket:  # a listing says it of all
            times = [one["LastModified"] for one in self.fs.find(self._at(path), detail=True).values()]
        else:
            below = [*self.fs.find(self._at(path)), *([self._at(path)] * self.is_local)]
            times = [self.fs.modified(at) for at in below]
        return float((now - max(times)).total_seconds()) if times else 0.0

    def check_writable(self) -> None:
        """Write and remove a small object; raises StorageUnavailable."""
        probe = f".probe-{uuid4().hex}"
        self.put(probe, [b"ok"])
        self.delete(probe)


@lru_cache(maxsize=4)
def _store_at(url: str) -> ObjectStore:
    return ObjectStore(url)


def store() -> ObjectStore:
    """The store of this installation (`BEDPLATE_STORAGE_URL`)."""
    return _store_at(settings.BEDPLATE_STORAGE_URL)
