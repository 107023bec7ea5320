"""Where a backup is restored to: a home, a database and an object store in which there is nothing yet.

Everything is made in a draft inside the home, under names that nothing looks at, and moved into place at the end. What
lies outside the home (a database or a store of one's own) is filled directly, and emptied again when anything fails.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import psycopg

from apps.common.errors import BedplateError
from apps.common.storage import ObjectStore
from controlplane import env
from controlplane.backups import client
from controlplane.backups.folder import BackupRefused, StoredObject, sync_folder
from controlplane.embedded.account import server_account
from controlplane.embedded.home import Home
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.postgres_files import server_folder
from controlplane.embedded.processes import spawn, stop, until

DRAFT = ".restoring"
START_SECONDS = 60
SHOWN = 3
OTHER_TABLES = """
SELECT table_schema || '.' || table_name FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 4
"""
EMPTY = """
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP EXECUTE 'DROP TABLE ' || one || ' CASCADE'; END LOOP;
    FOR one IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    LOOP EXECUTE 'DROP FUNCTION ' || one || ' CASCADE'; END LOOP;
END $$
"""


class Target:
    """An installation that is about to be.

    Args:
        environment: its settings.
    """

    def __init__(self, environment: env.Environment) -> None:
        self.environment = environment
        self.home = Home(environment.home)
        self.draft = Home(environment.home / DRAFT)
        self.own_store = environment.storage_url == f"file://{environment.home / 'objects'}"
        self._new_keys = self._generated_keys()
        self._put: list[str] = []
        self._loaded = False

    @property
    def draft_environment(self) -> env.Environment:
        """Settings under which the draft is an installation of its own."""
        objects = f"file://{self.draft.path / 'objects'}" if self.own_store else self.environment.storage_url
        return replace(
            self.environment,
            home=self.draft.path,
            storage_url=objects,
            encryption_key_file=self.draft.keys / "encryption_key",
            statement_timeout_seconds=0,
        )

    @cached_property
    def objects(self) -> ObjectStore:
        """Where objects are put: into the draft, else into the store outside."""
        return ObjectStore(self.draft_environment.storage_url)

    def check_empty(self) -> None:
        """Refuse a place that holds anything; the keys that this process generated a moment ago do not count.

        Raises:
            BackupRefused: naming what is there.
        """
        if there := list(islice(self._files(), SHOWN + 1)):
            raise BackupRefused(f"{self.home.path} is not empty: it has {_some(there)}. Choose an empty home.")
        if not self.own_store and (found := [path for path, _ in islice(self._listing(), SHOWN + 1)]):
            raise BackupRefused(f"The object store {self.environment.storage_url} is not empty: it has {_some(found)}.")
        if self.environment.database_url is not None:
            self._check_database(self.environment.database_url)

    @contextmanager
    def being_filled(self) -> Iterator[None]:
        """Hold the home and its draft; when anything fails, nothing of it stays.

        Raises:
            HomeInUse: Bedplate runs there.
            BackupRefused: it is not empty any more.
        """
        with self.home.locked():
            self._clear_draft()
            self.check_empty()
            self.draft.ensure()
            try:
                yield
            except BaseException:
                self._take_back()
                raise
            finally:
                self._clear_draft()

    def put(self, one: StoredObject, chunks: Iterable[bytes]) -> None:
        """Put one object; raises BackupRefused when it is not what it should be, or cannot be written."""
        self._put.append(one.path)
        try:
            stored = self.objects.put(one.path, chunks)
        except BedplateError as error:
            raise BackupRefused(error.detail) from error
        if (stored.size_bytes, stored.sha256) != (one.size_bytes, one.sha256):
            raise BackupRefused(f"{one.path} changed while it was read. Nothing was restored.")

    def load(self, url: str, dump: Path) -> None:
        """Fill the database: from here on its rows are ours, and go if anything else fails."""
        client.load(url, dump)
        self._loaded = True

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of the empty database: of one's own, or of a server that runs in the draft meanwhile."""
        if self.environment.database_url is not None:
            yield self.environment.database_url
            return
        server = EmbeddedPostgres(self.draft)
        program = server.program()
        with (self.draft.logs / "postgres.log").open("ab") as log:
            process = spawn(program, log)
        try:
            until(lambda: process.poll() is not None or server.answers(), START_SECONDS)
            if process.poll() is not None or not server.answers():
                said = (self.draft.logs / "postgres.log").read_text(errors="replace")[-500:]
                raise BackupRefused(f"PostgreSQL did not start: {said}")
            yield server.url
        finally:
            stop(process, program.stop_signals)

    def move_into_place(self) -> None:
        """From the draft to where everything is looked for: keys, objects, and last the database."""
        for key in self._new_keys:
            key.unlink(missing_ok=True)
        moves = [(self.draft.keys, self.home.keys)]
        if self.own_store:
            moves.append((self.draft.path / "objects", self.home.path / "objects"))
        if self.environment.database_url is None:
            account = server_account()
            data = server_folder(self.draft, account) / "data"
            moves.append((data, server_folder(self.home, account) / "data"))
        with contextlib.ExitStack() as undo:  # one that cannot be moved takes the others back
            for made, final in moves:
                made.rename(final)
                undo.callback(final.rename, made)
                sync_folder(final.parent)
            undo.pop_all()

    def forget_new_keys(self) -> None:
        """Leave nothing behind that was made only because a command of the installation was run."""
        for key in self._new_keys:
            key.unlink(missing_ok=True)
            for folder in (key.parent, key.parent.parent):
                with contextlib.suppress(OSError):  # not empty, or gone
                    folder.rmdir()

    def _generated_keys(self) -> list[Path]:
        """Keys in the home that only this process, or a restore that was killed, has generated."""
        if self.draft.path.is_dir():
            return [self.home.keys / name for name in ("secret_key", "encryption_key")]
        return [key for key in env.keys_made if key.parent == self.home.keys]

    def _files(self) -> Iterator[str]:
        """What lies in the home, but for what a moment ago was made by looking at it."""
        ours = {self.home.run / "supervisor.lock", *self._new_keys}
        for path in sorted(self.home.path.rglob("*")) if self.home.path.is_dir() else ():
            if not path.is_dir() and path not in ours and not path.is_relative_to(self.draft.path):
                yield str(path.relative_to(self.home.path))
        if self.environment.database_url is None and self.home.path.is_dir():
            data = server_folder(self.home, server_account()) / "data"
            if data.is_dir() and not data.is_relative_to(self.home.path):
                yield str(data)

    def _listing(self) -> Iterator[tuple[str, int]]:
        with contextlib.suppress(FileNotFoundError):  # a folder that is not there yet is empty
            yield from self.objects.listing()

    def _check_database(self, url: str) -> None:
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                found = [str(name) for (name,) in connection.execute(OTHER_TABLES).fetchall()]
        except psycopg.OperationalError as error:
            raise BackupRefused(f"PostgreSQL (BEDPLATE_DATABASE_URL) cannot be used: {error}".strip()) from error
        if found:
            raise BackupRefused(f"The database of BEDPLATE_DATABASE_URL is not empty: it has {_some(found)}.")

    def _clear_draft(self) -> None:
        """Remove the draft, also of a restore that was killed, with a server that may still run there."""
        if not self.draft.path.is_dir():
            return
        if self.environment.database_url is None:
            server = EmbeddedPostgres(self.draft)
            if server.data.is_dir():
                server.end_leftovers()
            if not server.folder.is_relative_to(self.draft.path):
                shutil.rmtree(server.folder.parent)
        shutil.rmtree(self.draft.path)

    def _take_back(self) -> None:
        """What was put outside the home goes again, and nothing else."""
        if not self.own_store:
            for path in self._put:
                self.objects.delete(path)
        if self._loaded and self.environment.database_url is not None:
            with psycopg.connect(self.environment.database_url, autocommit=True) as connection:
                connection.execute(EMPTY)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" and more" if len(names) > SHOWN else "")
