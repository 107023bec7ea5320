"""Writing a file into an output so that it is whole, durable, and its digest known."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
