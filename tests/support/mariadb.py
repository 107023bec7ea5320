"""A MariaDB of a test's own, for what is fetched from databases: Debian's, which running this module installs."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import connectorx

from controlplane.embedded.processes import Program, free_port, spawn, stop, until

PACKAGE = "mariadb-server-core"
"""The server alone: no service is made or started."""
START_SECONDS = 30
SCRIPTS = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
USER = "reader"


def mariadbd() -> Path | None:
    """The server's program, or None."""
    found = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class MariaDB:
    """A server that runs, with the database `shop`, in which `USER` may do everything."""

    port: int
    password: str
    folder: Path

    @property
    def url(self) -> str:
        return f"mysql://{USER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/shop"

    def execute(self, statement: str) -> None:
        """Run what gives no rows."""
        try:
            connectorx.read_sql(self.url, statement, return_type="arrow")
        except RuntimeError as error:
            if "at least one column" not in str(error):  # the client's word for an answer without columns
                raise


@contextmanager
def mariadb(program: Path, folder: Path, *, certificate: tuple[Path, Path]) -> Iterator[MariaDB]:
    """Make a server below `folder` and run it until the end of the block.

    Args:
        certificate: files of a certificate, and of its key.
    """
    server = MariaDB(free_port(), f"a p@ss%/{{{secrets.token_hex(8)}}}", folder)
    base = program.parent.parent
    data = folder / "data"
    data.mkdir()
    common = (
        "--no-defaults", f"--basedir={base}", f"--datadir={data}", f"--lc-messages-dir={base}/share/mysql",
        "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", *(["--user=root"] if os.geteuid() == 0 else []),
    )  # fmt: skip
    _fill(program, common, base, server)
    answering = (
        f"--port={server.port}", "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--pid-file={folder}/pid",
        f"--ssl-cert={certificate[0]}", f"--ssl-key={certificate[1]}", "--skip-name-resolve",
    )  # fmt: skip
    run = Program("mariadb", (str(program), *common, *answering), {"PATH": "/usr/bin:/bin"}, folder)
    with (folder / "log").open("wb") as log:
        process = spawn(run, log)
    try:
        if not until(lambda: b"ready for connections" in (folder / "log").read_bytes(), START_SECONDS):
            raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:])
        yield server
    finally:
        stop(process, run.stop_signals)


def _fill(program: Path, common: tuple[str, ...], base: Path, server: MariaDB) -> None:
    """The server's own tables, an account and a database."""
    tables = [(base / "share" / "mysql" / name).read_text(encoding="utf-8") for name in SCRIPTS]
    own = (
        "flush privileges;", f"create user '{USER}'@'%' identified by '{server.password}';",
        "create database shop character set utf8mb4;", f"grant all on *.* to '{USER}'@'%';",
    )  # fmt: skip
    script = "\n".join(["create database mysql;", "use mysql;", *tables, *own, ""])
    subprocess.run([program, *common, "--bootstrap"], input=script, text=True, check=True, capture_output=True)


def main() -> int:
    """Install what is missing. 0 when there is one then, or where nobody insists."""
    if mariadbd() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing MariaDB for the tests …", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in ["update"], ["install", "-y", "--no-install-recommends", PACKAGE]:
            done = subprocess.run(["apt-get", "-q", *command], env=environment, capture_output=True, text=True)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                break
    if mariadbd() is not None:
        return 0
    print(f"No MariaDB here: install {PACKAGE}, or the tests of what is fetched from MySQL are skipped.")
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
