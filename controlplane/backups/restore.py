"""From the folder of a backup to an installation that can be started.

What the rows of the old life say of processes is left as it is: an open attempt has no process here, so the first look
finds it lost, and its workload is launched again from its last checkpoint, a served model at its old address.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from apps.access.services.keyring import keys_in
from apps.common.errors import BedplateError
from controlplane import env
from controlplane.backups.folder import (
    CHUNK_BYTES,
    DUMP,
    ENCRYPTION_KEY,
    OBJECTS,
    SECRET_KEY,
    BackupRefused,
    Manifest,
    StoredObject,
    manifest_read,
    whole,
)
from controlplane.backups.target import Target
from controlplane.embedded.home import Addresses, write_private
from controlplane.embedded.programs import Programs

NO_REDIS = "redis://127.0.0.1:1/0"
"""Nobody answers there; a migration asks nobody."""

NUMBERED = """
SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns
WHERE table_schema = current_schema() AND column_name ~ '(^|_)transaction_id$' AND data_type = 'bigint'
GROUP BY table_name ORDER BY table_name
"""
"""Tables with columns that hold the number of a transaction."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    manifest: Manifest
    rows: int
    migrated: bool
    """The code is newer than the backup, and the database was brought up to it."""


def backup_restore(folder: Path, environment: env.Environment, say: Callable[[str], None]) -> Restored:
    """Restore into an empty home, wholly or not at all. The stack of that home does not run.

    Raises:
        BackupRefused: with a sentence that says why; nothing was left behind.
        HomeInUse: Bedplate runs there.
    """
    manifest = manifest_read(folder)
    missing = _migrations_to_come(manifest)
    target = Target(environment)
    target.check_empty()
    say(f"Reading {folder}: {manifest.object_count} objects, {manifest.object_bytes} bytes …")
    objects = whole(folder, manifest)
    _check_keys(folder, environment)
    try:
        _fill(folder, manifest, objects, target, missing, say)
    except OSError as error:
        raise BackupRefused(f"It could not be written: {error}. Nothing was restored.") from error
    except psycopg.Error as error:
        raise BackupRefused(f"The database is not what was backed up: {error}".strip()) from error
    return Restored(manifest, sum(manifest.tables.values()), bool(missing))


def _fill(
    folder: Path,
    manifest: Manifest,
    objects: list[StoredObject],
    target: Target,
    missing: Sequence[tuple[str, str]],
    say: Callable[[str], None],
) -> None:
    with target.being_filled():
        _put_keys(folder, target)
        say("Putting the objects …")
        _put_objects(folder, objects, target)
        say("Loading the database …")
        with target.database() as url:
            target.load(url, folder / DUMP)
            _check_rows(url, manifest)
            _forget_transactions(url)
            if missing:
                say(f"Bringing the database up to {len(missing)} newer migrations …")
                _migrate(target, url)
        target.move_into_place()


def _migrations_to_come(manifest: Manifest) -> list[tuple[str, str]]:
    """What the code has beyond the backup.

    Raises:
        BackupRefused: the backup has what the code has not: the code is older.
    """
    ours = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {})
    theirs = set(manifest.migrations)
    if unknown := sorted(theirs - ours):
        names = ", ".join(".".join(one) for one in unknown[:5])
        raise BackupRefused(f"The backup is of a newer version of Bedplate, which knows more migrations: {names}.")
    return sorted(ours - theirs)


def _check_keys(folder: Path, environment: env.Environment) -> None:
    """Keys that are set from outside are those of the backup, or nothing that was encrypted or signed opens again."""
    secret = (folder / SECRET_KEY).read_text(encoding="utf-8").strip()
    try:
        own = keys_in(folder / ENCRYPTION_KEY)
        outside = environment.encryption_key_file != environment.home / "keys" / "encryption_key"
        given = keys_in(environment.encryption_key_file) if outside else own
    except BedplateError as error:
        raise BackupRefused(error.detail) from error
    if environment.secret_key is not None and environment.secret_key != secret:
        raise BackupRefused("BEDPLATE_SECRET_KEY is set, and is not that of the backup: unset it or set that one.")
    if lacking := sorted(name for name, key in own.items() if given.get(name) != key):
        raise BackupRefused(f"BEDPLATE_ENCRYPTION_KEY_FILE lacks keys of the backup: {', '.join(lacking)}.")


def _put_keys(folder: Path, target: Target) -> None:
    for name in (SECRET_KEY, ENCRYPTION_KEY):
        write_private(target.draft.path / name, (folder / name).read_text(encoding="utf-8"))


def _put_objects(folder: Path, objects: list[StoredObject], target: Target) -> None:
    for one in objects:
        target.put(one, _chunks(folder / OBJECTS / one.path))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _check_rows(url: str, manifest: Manifest) -> None:
    with psycopg.connect(url) as connection:
        for table, count in manifest.tables.items():
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            if found is None or found[0] != count:
                raise BackupRefused(f"{table} has {found and found[0]} rows, and {count} were backed up.")


def _forget_transactions(url: str) -> None:
    """Numbers of transactions are those of the old cluster, and may be still to come in this one: such a row would be
    published late, or hold up those after it. Zero is before every cursor: what is restored is no news."""
    zero = sql.SQL("{0} = 0 * {0}")  # null stays null
    with psycopg.connect(url, autocommit=True) as connection:
        for table, columns in connection.execute(NUMBERED).fetchall():
            changes = sql.SQL(", ").join(zero.format(sql.Identifier(column)) for column in columns)
            connection.execute(sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), changes))
        connection.execute("ANALYZE")


def _migrate(target: Target, url: str) -> None:
    program = Programs(target.draft_environment, Addresses(url, NO_REDIS)).manage("migrate", "--noinput")
    done = subprocess.run(
        list(program.argv), env=dict(program.environment), cwd=program.folder, capture_output=True, text=True
    )
    if done.returncode:
        raise BackupRefused(f"`manage.py migrate` failed: {done.stderr.strip()[-1000:]}")
