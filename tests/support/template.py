"""The migrated database that the databases of tests are copies of, made or loaded: `python -m tests.support.template`.

Migrating an empty database takes a quarter of a minute of one core; loading a dump of what came out of it, half a
second. A dump is for exactly the code and the packages that it was made with: anything else is migrated anew.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg

from controlplane.backups import client
from controlplane.migrating import migrate

ROOT = Path(__file__).resolve().parents[2]
DUMPS = ROOT / "var" / "test-templates"
KEPT = 5
MADE_OF = ("apps/**/*.py", "workers/contracts/**/*.py", "controlplane/settings/*.py", "requirements/*.lock")


def dump_file() -> Path:
    """Where the dump for what is here lies, or would."""
    digest = hashlib.sha256(sys.version.encode())
    for path in _sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return DUMPS / f"{digest.hexdigest()[:32]}.dump"


def _sources() -> Iterator[Path]:
    for pattern in MADE_OF:
        yield from sorted(ROOT.glob(pattern))


def make(url: str) -> None:
    """Fill the empty database at an address, and keep a dump of it where there is none."""
    dump = dump_file()
    if dump.is_file():
        client.load(url, dump)
        os.utime(dump)
        return
    django.setup()
    migrate()
    if dump_file() == dump:  # else somebody edited it meanwhile
        _keep(url, dump)


def _keep(url: str, dump: Path) -> None:
    DUMPS.mkdir(parents=True, exist_ok=True)
    draft = dump.with_suffix(f".{os.getpid()}")
    with psycopg.connect(url) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        (snapshot,) = held.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        client.dump(url, snapshot, draft)
    draft.replace(dump)  # two runs at once make the same one
    for old in sorted(DUMPS.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


if __name__ == "__main__":
    make(os.environ["BEDPLATE_DATABASE_URL"])
