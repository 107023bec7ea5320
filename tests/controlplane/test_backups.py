"""Backups: taken of one instant, refused with a sentence, restored wholly or not at all."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import msgspec
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

from apps.common.deletions import deleting
from apps.common.storage import ObjectStore, store
from apps.datasets.models import Source
from controlplane import env
from controlplane.backups import client, take
from controlplane.backups.folder import BackupRefused, Manifest, manifest_read, manifest_write, measured
from controlplane.backups.restore import Restored, backup_restore
from controlplane.backups.take import backup_take
from controlplane.embedded.home import Home, HomeInUse
from controlplane.env import Environment
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.datasets import DatasetVersionFactory, SourceFactory
from tests.support.factories.experiments import MetricBatchFactory, started
from tests.support.factories.quotas import LogChunkFactory

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = b"age,income\n1,2\n"


def url_of(name: str) -> str:
    """The address of a database of the tests' server."""
    where = connection.settings_dict
    return f"postgresql://{where['USER']}:{quote(where['PASSWORD'])}@{where['HOST']}:{where['PORT']}/{name}"


def environment(home: Path, **more: str) -> Environment:
    return env.read({"BEDPLATE_ENV_FILE": "", "BEDPLATE_HOME": str(home), **more})


@dataclass(frozen=True)
class Place:
    """A home that does not exist yet, with an empty database of its own beside it."""

    home: Path
    url: str

    @property
    def environment(self) -> Environment:
        return environment(self.home, BEDPLATE_DATABASE_URL=self.url)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as found:
            return found.execute(statement).fetchall()  # type: ignore[arg-type]  # written here

    @property
    def is_empty(self) -> bool:
        tables = self.rows("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        files = [path for path in self.home.rglob("*") if path.is_file() and path.name != "supervisor.lock"]
        return not tables and not files and not (self.home / ".restoring").exists()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        name = f"restored_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield Place(tmp_path / "home", url_of(name))
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    """The installation of the tests, with keys of its own."""
    name = str(connection.settings_dict["NAME"])
    return environment(tmp_path / "own", BEDPLATE_DATABASE_URL=url_of(name))


@pytest.fixture
def source() -> Source:
    LogChunkFactory.create()
    DatasetVersionFactory.with_objects({"part-00000.parquet": b"1234"})
    return SourceFactory.with_object(CONTENT)


@pytest.fixture
def backup(here: Environment, source: Source, tmp_path: Path) -> Path:
    backup_take(tmp_path / "backup", here)
    return tmp_path / "backup"


def restore(folder: Path, place: Place) -> Restored:
    return backup_restore(folder, place.environment, lambda text: None)


def refusal(folder: Path, place: Place) -> str:
    with pytest.raises(BackupRefused) as refused:
        restore(folder, place)
    return str(refused.value)


# All is well ----------------------------------------------------------------------------------------------------


def test_rows_objects_and_keys_come_back(backup: Path, here: Environment, source: Source, place: Place) -> None:
    restored = restore(backup, place)
    assert (restored.manifest.object_count, restored.migrated) == (2, False)
    assert place.rows("SELECT id, sha256 FROM datasets_source") == [(source.pk, source.sha256)]
    assert (place.home / "objects" / source.path).read_bytes() == CONTENT
    assert place.environment.needed_secret_key() == here.needed_secret_key()
    keys = [one.needed_encryption_key_file() for one in (place.environment, here)]
    assert keys[0].read_text() == keys[1].read_text()
    assert sorted(path.name for path in place.home.iterdir()) == ["jobs", "keys", "logs", "objects", "run", "static"]


def test_numbers_of_transactions_of_the_old_cluster_are_forgotten(
    here: Environment, source: Source, place: Place, tmp_path: Path
) -> None:
    version = DatasetVersionFactory.with_objects({"part-00000.parquet": b"1234"})
    MetricBatchFactory.create(attempt=started(dataset_version=version), merged_transaction_id=987654321, merged_id=1)
    backup_take(tmp_path / "backup", here)
    restore(tmp_path / "backup", place)
    assert place.rows("SELECT DISTINCT transaction_id FROM quotas_logchunk") == [(0,)]
    assert place.rows("SELECT transaction_id, merged_transaction_id FROM experiments_metricbatch") == [(0, 0)]


def test_nobody_else_may_read_a_backup(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o700
    private = ["database.dump", "manifest.json", "keys/secret_key", "keys/encryption_key"]
    assert [(backup / name).stat().st_mode & 0o777 for name in private] == [0o600] * 4


def test_a_backup_of_an_older_version_is_brought_up_to_date(backup: Path, place: Place, tmp_path: Path) -> None:
    restore(backup, place)
    with psycopg.connect(place.url) as older_database:  # as Django would, which takes a quarter of a minute for it
        older_database.execute("ALTER TABLE common_event DROP COLUMN also")
        undone = older_database.execute("DELETE FROM django_migrations WHERE name = '0003_event_also' RETURNING app")
        assert undone.fetchall() == [("common",)]
    manifest = manifest_read(backup)
    tables = [name for (name,) in place.rows(take.TABLES)]
    older = {
        "tables": {name: int(place.rows(f"SELECT count(*) FROM {name}")[0][0]) for name in tables},
        "migrations": [[app, name] for app, name in place.rows("SELECT app, name FROM django_migrations")],
    }
    with psycopg.connect(place.url) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        (snapshot,) = held.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        client.dump(place.url, snapshot, backup / "database.dump")
    older["files"] = msgspec.to_builtins(manifest.files | {"database.dump": measured(backup / "database.dump")})
    manifest_write(backup, msgspec.convert(msgspec.to_builtins(manifest) | older, Manifest))
    with psycopg.connect(place.url, autocommit=True) as emptied:
        emptied.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    other = Place(tmp_path / "other", place.url)
    assert restore(backup, other).migrated
    assert other.rows("SELECT text FROM quotas_logchunk") == [("hello\n",)]
    assert other.rows("SELECT also FROM common_event") == []  # there is one again


def test_a_store_that_is_no_folder_is_read_and_filled(
    here: Environment, source: Source, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, other = ObjectStore("memory://bucket"), ObjectStore("memory://other/below")
    for path, _ in store().listing():
        bucket.put(path, [store().open(path).read()])
    monkeypatch.setattr(take, "store", lambda: bucket)
    assert backup_take(tmp_path / "backup", here).object_count == 2
    target = replace(place.environment, storage_url=other.url)
    backup_restore(tmp_path / "backup", target, lambda text: None)
    assert other.open(source.path).read() == CONTENT
    with pytest.raises(BackupRefused, match=f"The object store {other.url} is not empty"):
        backup_restore(tmp_path / "backup", replace(target, home=tmp_path / "third"), lambda text: None)


def test_what_a_killed_restore_left_is_no_obstacle(backup: Path, place: Place) -> None:
    for left in ("keys/secret_key", "keys/encryption_key", ".restoring/keys/secret_key", ".restoring/objects/half"):
        (place.home / left).parent.mkdir(parents=True, exist_ok=True)
        (place.home / left).write_text("left")
    restore(backup, place)
    assert place.environment.needed_secret_key() == (backup / "keys" / "secret_key").read_text().strip()
    assert not (place.home / ".restoring").exists()


# Refused --------------------------------------------------------------------------------------------------------


def test_a_damaged_object_is_refused(backup: Path, source: Source, place: Place) -> None:
    damaged = backup / "objects" / source.path
    damaged.write_bytes(CONTENT.replace(b"1", b"7"))
    assert refusal(backup, place) == f"{damaged} is damaged: it is not the file that was backed up."
    damaged.unlink()
    assert refusal(backup, place).startswith(f"{damaged} cannot be read")
    assert place.is_empty


def test_a_truncated_dump_is_refused(backup: Path, place: Place) -> None:
    dump = backup / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-1000])
    assert refusal(backup, place) == f"{dump} is damaged: it is not the file that was backed up."
    said = json.loads((backup / "manifest.json").read_text())
    said["files"]["database.dump"] = {
        "size_bytes": dump.stat().st_size,
        "sha256": hashlib.sha256(dump.read_bytes()).hexdigest(),
    }
    (backup / "manifest.json").write_text(json.dumps(said))
    assert refusal(backup, place).startswith("pg_restore failed: ")
    assert place.is_empty


def test_rows_that_the_manifest_does_not_count_are_refused(backup: Path, place: Place) -> None:
    said = json.loads((backup / "manifest.json").read_text())
    said["tables"]["datasets_source"] = 7
    (backup / "manifest.json").write_text(json.dumps(said))
    assert refusal(backup, place) == "datasets_source has 1 rows, and 7 were backed up."
    assert place.is_empty


def test_what_is_no_backup_is_refused(backup: Path, place: Place, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    assert refusal(tmp_path / "foreign", place) == (
        f"{tmp_path / 'foreign'} is no backup of Bedplate: it has no readable manifest.json."
    )
    said = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps(said | {"format": "bedplate-backup/9"}))
    assert refusal(backup, place) == (
        f"{backup} is of the format 'bedplate-backup/9', and this version of Bedplate reads 'bedplate-backup/1'."
    )
    (backup / "manifest.json").write_text(json.dumps(said | {"tables": "many"}))
    assert "is not as it was written" in refusal(backup, place)
    (backup / "manifest.json").write_text(json.dumps(said | {"migrations": [["quotas", "0099_later"]]}))
    assert refusal(backup, place) == (
        "The backup is of a newer version of Bedplate, which knows more migrations: quotas.0099_later."
    )
    assert place.is_empty


def test_a_listing_that_leads_out_of_the_store_is_refused(backup: Path, place: Place) -> None:
    line = json.dumps({"path": "../keys/secret_key", "size_bytes": 0, "sha256": "0" * 64})
    (backup / "objects.jsonl").write_text(line + "\n")
    said = json.loads((backup / "manifest.json").read_text())
    found = measured(backup / "objects.jsonl")
    said["files"]["objects.jsonl"] = {"size_bytes": found.size_bytes, "sha256": found.sha256}
    (backup / "manifest.json").write_text(json.dumps(said))
    assert "names '../keys/secret_key', which is outside the object store" in refusal(backup, place)


def test_a_home_a_database_or_a_store_with_anything_in_it_is_refused(
    backup: Path, place: Place, tmp_path: Path
) -> None:
    (place.home / "logs").mkdir(parents=True)
    (place.home / "logs" / "web.log").write_text("it ran once")
    assert refusal(backup, place) == f"{place.home} is not empty: it has logs/web.log. Choose an empty home."
    (place.home / "logs" / "web.log").unlink()

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    outside = environment(place.home, BEDPLATE_DATABASE_URL=place.url, BEDPLATE_STORAGE_URL=f"file://{elsewhere}")
    with pytest.raises(BackupRefused, match="is not empty: it has file"):
        backup_restore(backup, outside, lambda text: None)

    with psycopg.connect(place.url) as own:
        own.execute("CREATE TABLE mine ()")
    assert refusal(backup, place) == "The database of BEDPLATE_DATABASE_URL is not empty: it has public.mine."
    assert (elsewhere / "file").read_text() == "mine"


def test_what_somebody_else_brings_meanwhile_is_refused_and_stays(backup: Path, place: Place, tmp_path: Path) -> None:
    outside = replace(place.environment, storage_url=f"file://{tmp_path / 'outside'}")

    def meanwhile(text: str) -> None:
        if text.startswith("Reading"):
            ObjectStore(outside.storage_url).put("theirs", [b"theirs"])
        if text.startswith("Loading"):
            with psycopg.connect(place.url) as other:
                other.execute("CREATE TABLE datasets_source (theirs int)")

    with pytest.raises(BackupRefused, match="is not empty: it has theirs"):
        backup_restore(backup, outside, meanwhile)
    ObjectStore(outside.storage_url).delete("theirs")
    with pytest.raises(BackupRefused, match=r'pg_restore failed: .* relation "datasets_source" already exists'):
        backup_restore(backup, outside, lambda text: meanwhile(text) if text.startswith("Loading") else None)
    assert list(ObjectStore(outside.storage_url).listing()) == []
    assert place.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [
        ("datasets_source",)
    ]


def test_a_part_that_cannot_be_moved_takes_the_others_back(backup: Path, place: Place) -> None:
    def fill_the_place(text: str) -> None:
        if text.startswith("Loading"):
            (place.home / "objects" / "in-the-way").write_text("x")

    with pytest.raises(BackupRefused, match=r"It could not be written: .*Directory not empty"):
        backup_restore(backup, place.environment, fill_the_place)
    (place.home / "objects" / "in-the-way").unlink()
    assert place.is_empty


def test_a_home_on_which_bedplate_runs_is_refused(backup: Path, place: Place) -> None:
    with Home(place.home).locked(), pytest.raises(HomeInUse):
        restore(backup, place)


def test_a_secret_key_that_is_not_the_backup_s_is_refused(backup: Path, place: Place) -> None:
    other = environment(place.home, BEDPLATE_DATABASE_URL=place.url, BEDPLATE_SECRET_KEY="x" * 40)
    with pytest.raises(BackupRefused, match="BEDPLATE_SECRET_KEY is set, and is not that of the backup"):
        backup_restore(backup, other, lambda text: None)
    assert place.is_empty


# While it is taken ----------------------------------------------------------------------------------------------


def test_a_file_that_is_missing_is_named_and_may_be_gone_without(
    here: Environment, source: Source, tmp_path: Path
) -> None:
    store().delete(source.path)
    place = tmp_path / "backup"
    with pytest.raises(BackupRefused) as refused:
        backup_take(place, here)
    assert f"1 files of the installation are damaged or missing (source {source.pk}: {source.path}" in str(
        refused.value
    )
    assert [path.name for path in tmp_path.iterdir() if path.name != "own"] == []
    manifest = backup_take(place, here, without_damaged=True)
    assert (manifest.damaged, manifest.object_count) == ([f"source {source.pk}: {source.path} is not there"], 1)


class Rewritten(ObjectStore):
    """A store in which a job writes a file anew, and says so, the moment before it is read."""

    def __init__(self, url: str, path: str, database_url: str) -> None:
        super().__init__(url)
        self.path, self.database_url, self.times = path, database_url, 0

    def open(self, path: str) -> IO[bytes]:
        if path == self.path and self.times < 2:
            self.times += 1
            stored = self.put(path, [b"anew" * self.times])
            with psycopg.connect(self.database_url, autocommit=True) as other:
                other.execute("SET session_replication_role = 'replica'")
                statement = "UPDATE datasets_source SET sha256 = %s, size_bytes = %s WHERE path = %s"
                other.execute(statement, [stored.sha256, stored.size_bytes, path])
        return super().open(path)


def test_a_file_that_is_written_anew_meanwhile_is_looked_at_again(
    here: Environment, source: Source, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Rewritten(settings.BEDPLATE_STORAGE_URL, source.path, str(here.database_url))
    monkeypatch.setattr(take, "store", lambda: writing)
    backup_take(tmp_path / "backup", here)
    restore(tmp_path / "backup", place)
    assert writing.times == 2
    assert (place.home / "objects" / source.path).read_bytes() == b"anewanew"
    assert place.rows("SELECT sha256 FROM datasets_source") == [(hashlib.sha256(b"anewanew").hexdigest(),)]


def deletion_is_allowed_elsewhere() -> bool:
    """Whether another process could delete files now."""

    def look() -> bool:
        with deleting() as allowed:
            return allowed

    return bool(Thread(look).join())


class Watched(ObjectStore):
    """A store that does something, and keeps what came of it, each time that a file is read."""

    def __init__(self, url: str, act: Callable[[], Any]) -> None:
        super().__init__(url)
        self.act, self.seen = act, list[Any]()

    def open(self, path: str) -> IO[bytes]:
        self.seen.append(self.act())
        return super().open(path)


def test_what_is_written_while_files_are_copied_is_not_in_the_backup(
    here: Environment, source: Source, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Watched(settings.BEDPLATE_STORAGE_URL, lambda: Thread(LogChunkFactory.create).join().sequence)
    monkeypatch.setattr(take, "store", lambda: writing)
    manifest = backup_take(tmp_path / "backup", here)
    restore(tmp_path / "backup", place)
    assert (len(writing.seen), manifest.tables["quotas_logchunk"]) == (2, 1)
    assert place.rows("SELECT count(*) FROM quotas_logchunk") == [(1,)]


def test_nothing_is_deleted_while_a_backup_copies(
    here: Environment, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Watched(settings.BEDPLATE_STORAGE_URL, deletion_is_allowed_elsewhere)
    monkeypatch.setattr(take, "store", lambda: looking)
    backup_take(tmp_path / "backup", here)
    assert looking.seen == [False, False]
    assert deletion_is_allowed_elsewhere()


def test_a_backup_begins_once_nobody_deletes(here: Environment, source: Source, tmp_path: Path) -> None:
    with deleting() as allowed:
        assert allowed
        backup = Thread(lambda: backup_take(tmp_path / "backup", here))
        wait_until_blocked()
        assert not (tmp_path / "backup").exists()
    assert backup.join().object_count == 2


def test_a_file_system_that_takes_no_more_is_said_and_leaves_nothing(
    here: Environment, source: Source, tmp_path: Path
) -> None:
    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    large = SourceFactory.with_object(b"x" * 20000)
    variables = env.process_environment() | env.for_children(here) | {"BEDPLATE_STORAGE_URL": store().url}
    done = subprocess.run(
        [sys.executable, "manage.py", "backup", "--to", str(tmp_path / "backup")],
        cwd=env.ROOT,
        env=variables,
        preexec_fn=no_large_files,
        capture_output=True,
        text=True,
    )
    assert large.size_bytes == 20000
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "CommandError: The backup could not be written: [Errno 27] File too large.",
    )
    assert [path.name for path in tmp_path.iterdir() if path.name != "own"] == []


def test_what_a_killed_backup_left_is_removed_by_the_next(backup: Path, here: Environment, tmp_path: Path) -> None:
    left = tmp_path / ".old.partial-999999999"
    left.mkdir()
    backup_take(tmp_path / "next", here)
    assert not left.exists()
    with pytest.raises(BackupRefused, match="is there already"):
        backup_take(tmp_path / "next", here)


def test_no_password_is_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Environment) -> None:
    told = tmp_path / "told"
    script = tmp_path / "pg_restore"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" "$PGPASSWORD" > {told}\n')
    script.chmod(0o755)
    monkeypatch.setattr(client, "_binary", lambda name: script)
    client.load(str(here.database_url), tmp_path / "x")
    arguments, password = told.read_text().splitlines()
    assert password == connection.settings_dict["PASSWORD"]
    assert password not in arguments
    assert "host=127.0.0.1" in arguments
