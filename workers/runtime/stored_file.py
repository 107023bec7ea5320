"""Writing a file into an output so that it is whole, durable, and its digest known."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.runtime.announcements import Announcement, acknowledged

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_ARTIFACT = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\\\x00-\x1f\x7f]{1,500}")
Writer = Callable[[Path], object]
"""Writes a file at the path it is given: `lambda path: torch.save(state, path)`."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was written into an output."""

    uri: str
    path: Path
    sha256: str
    """Lower-case hexadecimal."""
    size_bytes: int

    def description(self) -> dict[str, Any]:
        """What the control plane is told of it."""
        return {"uri": self.uri, "sha256": self.sha256, "size_bytes": self.size_bytes}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored checkpoint. It counts, and a later attempt finds it, once the control plane has acknowledged it."""

    step: int
    path: Path
    metadata: dict[str, Any]
    announcement: Announcement = field(default_factory=lambda: acknowledged("a checkpoint"), compare=False, repr=False)

    @property
    def acknowledged(self) -> bool:
        return self.announcement.acknowledged

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until it is acknowledged; false after the time. Raises JobApiError: it was refused."""
        return self.announcement.wait(timeout_seconds)


def store_file(source: Path | Writer, folder: Path, folder_uri: str, name: str) -> StoredFile:
    """Copy or write a file to `folder/name`. It appears under its name only when it is whole and on the disk.

    Raises:
        FileNotFoundError: the source does not exist, or the writer wrote nothing.
        IsADirectoryError: the source is a folder.
    """
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        if isinstance(source, Path):
            shutil.copyfile(source, partial)
        else:
            source(partial)
        digest = hash_file(partial)
        size = partial.stat().st_size
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):  # never begun; a half would keep its room on a disk that may be full
            partial.unlink()
        raise
    return StoredFile(uri=folder_uri + name, path=target, sha256=digest, size_bytes=size)


def unused_name(folder: Path, name: str) -> str:
    """The name, or one beside it that no file has: what was acknowledged is never written over."""
    path, again, found = Path(name), 1, name
    while (folder / found).exists():
        found, again = str(path.with_name(f"{path.stem}-{again}{path.suffix}")), again + 1
    return found


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, after its bytes were forced to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file; a reader sees the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # as above
            partial.unlink()
        raise


def artifact_place(name: str, source: Path) -> str:
    """Where a file is written that is an artifact of this name, below the folder of them.

    A name with folders, or with letters that a path is not trusted with, becomes a digest: as a path it could lie below
    another artifact's file.

    Raises:
        ValueError: the name cannot be one.
    """
    if _NAME.fullmatch(name):
        return f"{name}/{checked_name(source.name)}"
    if not _ARTIFACT.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of an artifact: no '..', no empty part, at most 500 characters")
    own = hashlib.sha256(name.encode()).hexdigest()[:32]
    last = name.rpartition("/")[2]
    return f"{own}/{last if _NAME.fullmatch(last) else 'file'}"


def checked_name(name: str) -> str:
    """A name that is safe as one part of a path. Raises ValueError for any other."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a stored file: letters, digits, '.', '_' and '-' are")
    return name
