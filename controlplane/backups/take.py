"""Taking a backup while everything runs: rows and files of one instant.

One transaction's snapshot is exported to `pg_dump`, and the files that its rows name are copied. Nothing deletes files
meanwhile (`apps.common.deletions`). A job may still write a file anew: then the copy is not what the snapshot says, and
the backup looks again with a newer snapshot, keeping what it has.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, connection

from apps.common.deletions import nothing_deleted
from apps.common.errors import BedplateError
from apps.common.invariants import Instant, NamedObject, one_instant
from apps.common.storage import ObjectStore, store
from controlplane import env
from controlplane.backups import client
from controlplane.backups.folder import (
    CHUNK_BYTES,
    DUMP,
    ENCRYPTION_KEY,
    FORMAT,
    LISTING,
    OBJECTS,
    SECRET_KEY,
    BackupRefused,
    Manifest,
    StoredObject,
    listing_write,
    manifest_write,
    measured,
    plain_settings,
    sync,
    sync_folder,
)
from controlplane.embedded.home import process_lives, write_private
from controlplane.verification import named_objects

ROUNDS = 10
DRAFT = ".partial-"
TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name
"""


def backup_take(place: Path, environment: env.Environment, *, without_damaged: bool = False) -> Manifest:
    """Put a whole backup into a new folder, which appears under its name only once it is complete and on the disk.

    Args:
        without_damaged: go without files that are missing or damaged already; the manifest names them.

    Raises:
        BackupRefused: it cannot be made; nothing of it is left.
    """
    database_url, _ = environment.resolved()
    if database_url is None:
        raise BackupRefused("The database of this installation is not running: start it with `make up`.")
    with _draft_of(place) as draft:
        files = Files(store(), draft / OBJECTS)
        try:
            with nothing_deleted():
                manifest = _take(draft, files, environment, database_url, without_damaged)
        except BedplateError as error:
            raise BackupRefused(error.detail) from error
        except DatabaseError as error:
            raise BackupRefused(f"The database could not be read to the end: {error}".strip()) from error
        manifest_write(draft, manifest)
    return manifest


@contextmanager
def _draft_of(place: Path) -> Iterator[Path]:
    """A folder that gets its name when all went well, and is removed else."""
    if place.exists():
        raise BackupRefused(f"{place} is there already; a backup makes a folder of its own.")
    draft = place.with_name(f".{place.name}{DRAFT}{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        draft.mkdir(mode=0o700)
        yield draft
        sync_folder(draft)
        draft.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = f"the disk below {place.parent} is full" if full else str(error)
        raise BackupRefused(f"The backup could not be written: {why}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what backups that were killed left."""
    for left in folder.glob(f".*{DRAFT}*"):
        number = left.name.rpartition(DRAFT)[2]
        if number.isdigit() and not process_lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)


@dataclass
class Files:
    """The copies of objects in a draft."""

    objects: ObjectStore
    folder: Path
    copied: dict[str, NamedObject] = field(default_factory=dict)

    def bring(self, wanted: list[NamedObject]) -> dict[NamedObject, str]:
        """Have a copy of every object that is wanted and of no other; returns those that differ, with how."""
        differ: dict[NamedObject, str] = {}
        names = {one.path for one in wanted}
        for path in [path for path in self.copied if path not in names]:
            self._forget(path)
        for one in wanted:
            known = self.copied.get(one.path)
            if known is None or (known.size_bytes, known.sha256) != (one.size_bytes, one.sha256):
                how = self._copy(one)
                if how:
                    differ[one] = how
        return differ

    def _copy(self, one: NamedObject) -> str:
        """Copy one object; says how it differs from what its row says, and keeps no copy then."""
        self._forget(one.path)
        target = self.folder / one.path
        try:
            source = self.objects.open(one.path)
        except (FileNotFoundError, IsADirectoryError):
            return "is not there"
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, size = hashlib.sha256(), 0
        with source, target.open("wb") as file:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            sync(file)
        if (size, digest.hexdigest()) != (one.size_bytes, one.sha256):
            target.unlink()
            return "is not the file that its row names"
        self.copied[one.path] = one
        return ""

    def _forget(self, path: str) -> None:
        if self.copied.pop(path, None) is not None:
            (self.folder / path).unlink()


def _take(
    draft: Path, files: Files, environment: env.Environment, database_url: str, without_damaged: bool
) -> Manifest:
    """Look until rows and files agree, and dump the rows of that look."""
    before: dict[NamedObject, str] = {}
    for _ in range(ROUNDS):
        with one_instant() as instant:
            snapshot = _value("SELECT pg_export_snapshot()")
            differ = files.bring(list(named_objects()))
            is_settled = not differ or differ == before
            if is_settled and (not differ or without_damaged):
                client.dump(database_url, snapshot, draft / DUMP)
                return _described(draft, files, environment, instant, differ)
        if is_settled:
            raise BackupRefused(_told(differ))
        before = differ
    raise BackupRefused(f"Files changed faster than they could be copied, {ROUNDS} times; try again later.")


def _told(differ: dict[NamedObject, str]) -> str:
    first = "; ".join(f"{one.owner}: {one.path} {how}" for one, how in list(differ.items())[:5])
    return (
        f"{len(differ)} files of the installation are damaged or missing ({first}). "
        "Bring them back, or go without them: --without-damaged."
    )


def _described(
    draft: Path, files: Files, environment: env.Environment, instant: Instant, differ: dict[NamedObject, str]
) -> Manifest:
    listing_write(
        draft / LISTING,
        (StoredObject(one.path, one.size_bytes, one.sha256) for _, one in sorted(files.copied.items())),
    )
    (draft / SECRET_KEY).parent.mkdir(mode=0o700)
    write_private(draft / SECRET_KEY, environment.needed_secret_key() + "\n")
    write_private(draft / ENCRYPTION_KEY, environment.needed_encryption_key_file().read_text(encoding="ascii"))
    for name in (DUMP, SECRET_KEY, ENCRYPTION_KEY):
        (draft / name).chmod(0o600)
        with (draft / name).open("rb+") as file:
            sync(file)
    return Manifest(
        format=FORMAT,
        made_at=instant.at.isoformat(),
        postgres=int(_value("SHOW server_version_num")) // 10000,
        migrations=_migrations(),
        tables=_table_rows(),
        files={name: measured(draft / name) for name in (DUMP, LISTING, SECRET_KEY, ENCRYPTION_KEY)},
        object_count=len(files.copied),
        object_bytes=sum(one.size_bytes for one in files.copied.values()),
        settings=plain_settings(environment),
        damaged=[f"{one.owner}: {one.path} {how}" for one, how in differ.items()],
    )


def _value(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _migrations() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return [(app, name) for app, name in cursor.fetchall()]


def _table_rows() -> dict[str, int]:
    """Every row is counted, in the instant of the dump."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute(" UNION ALL ".join(f"SELECT %s, count(*) FROM {quote(name)}" for name in names), names)  # noqa: S608
        return dict(cursor.fetchall())
