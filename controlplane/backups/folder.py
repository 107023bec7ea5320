"""What lies in the folder of a backup, and how it is told from anything else.

FOLDER/
    manifest.json       what is in it, written last
    database.dump       pg_dump's custom format
    objects.jsonl       a line per object: `{"path", "size_bytes", "sha256"}`
    objects/<path>      the objects
    keys/secret_key     keys/encryption_key
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from controlplane import env
from controlplane.embedded.home import write_private

FORMAT = "bedplate-backup/1"
MANIFEST, DUMP, LISTING, OBJECTS, KEYS = "manifest.json", "database.dump", "objects.jsonl", "objects", "keys"
SECRET_KEY, ENCRYPTION_KEY = f"{KEYS}/secret_key", f"{KEYS}/encryption_key"
CHUNK_BYTES = 1 << 20


class BackupRefused(Exception):
    """A backup cannot be made or used; the message is a sentence for people."""


class Stored(msgspec.Struct, frozen=True):
    """A file: its bytes and its SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


class StoredObject(msgspec.Struct, frozen=True):
    """A line of the listing."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a complete backup says of itself."""

    format: str
    made_at: str
    postgres: int
    """Major version of the server that it was taken from."""
    migrations: list[tuple[str, str]]
    """App and name of each that was applied."""
    tables: dict[str, int]
    """Rows of each table."""
    files: dict[str, Stored]
    """Dump, listing and keys."""
    object_count: int
    object_bytes: int
    settings: dict[str, str]
    """Those of the installation that are no secrets, for people."""
    damaged: list[str] = []
    """Files that were missing or damaged already, and that somebody chose to go without."""


def plain_settings(environment: env.Environment) -> dict[str, str]:
    """The settings that are no secrets and no places in the home, as text."""
    shown = {env.name_of(row.name) for row in fields(env.Environment) if not row.metadata["secret"]}
    texts = env.for_children(environment).items()
    return {name: text for name, text in texts if name in shown and str(environment.home) not in text}


def manifest_write(folder: Path, manifest: Manifest) -> None:
    write_private(folder / MANIFEST, json.dumps(msgspec.to_builtins(manifest), indent=2, ensure_ascii=False) + "\n")


def manifest_read(folder: Path) -> Manifest:
    """The manifest of a complete backup of a format that is known.

    Raises:
        BackupRefused: it is anything else.
    """
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        kind = said["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupRefused(f"{folder} is no backup of Bedplate: it has no readable {MANIFEST}.") from error
    if kind != FORMAT:
        raise BackupRefused(f"{folder} is of the format {kind!r}, and this version of Bedplate reads {FORMAT!r}.")
    try:
        return msgspec.convert(said, Manifest)
    except msgspec.ValidationError as error:
        raise BackupRefused(f"{folder / MANIFEST} is not as it was written: {error}.") from error


def listing_write(path: Path, objects: Iterable[StoredObject]) -> None:
    with path.open("wb") as file:
        for one in objects:
            file.write(msgspec.json.encode(one) + b"\n")
        sync(file)


def listing_read(folder: Path) -> Iterator[StoredObject]:
    """Every object of a backup.

    Raises:
        BackupRefused: a line is none, or names a place outside.
    """
    with (folder / LISTING).open("rb") as file:
        for line in file:
            try:
                one = msgspec.json.decode(line, type=StoredObject)
            except msgspec.MsgspecError as error:
                raise BackupRefused(f"{folder / LISTING} is not as it was written: {error}.") from error
            if PurePosixPath(one.path).is_absolute() or ".." in PurePosixPath(one.path).parts:
                raise BackupRefused(f"{folder / LISTING} names {one.path!r}, which is outside the object store.")
            yield one


def whole(folder: Path, manifest: Manifest) -> list[StoredObject]:
    """Read everything once and compare it with what the manifest says; returns the listing.

    Raises:
        BackupRefused: naming what is missing, too much of it, or different.
    """
    for name in (DUMP, LISTING, SECRET_KEY, ENCRYPTION_KEY):
        if name not in manifest.files:
            raise BackupRefused(f"{folder / MANIFEST} does not name {name}.")
    for name, stored in manifest.files.items():
        _compare(folder / name, stored)
    objects = list(listing_read(folder))
    if (len(objects), sum(one.size_bytes for one in objects)) != (manifest.object_count, manifest.object_bytes):
        raise BackupRefused(f"{folder / LISTING} lists other objects than {manifest.object_count}, as it should.")
    for one in objects:
        _compare(folder / OBJECTS / one.path, Stored(one.size_bytes, one.sha256))
    return objects


def _compare(path: Path, stored: Stored) -> None:
    try:
        found = measured(path)
    except OSError as error:
        raise BackupRefused(f"{path} cannot be read: {error.strerror}. The backup is not whole.") from error
    if found != stored:
        raise BackupRefused(f"{path} is damaged: it is not the file that was backed up.")


def measured(path: Path) -> Stored:
    """Size and digest of a file; raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stored(file.tell(), digest)


def sync(file: Any) -> None:
    """Force an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
