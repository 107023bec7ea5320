"""A second installation, for what the shared one must not suffer: little disk, and clocks that are wrong."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import http
from tests.support.servers import database_of_its_own
from tests.support.stack import PART_MARKS, ROOT, Stack, running_stack
from tests.support.waiting import until


@dataclass
class Disk:
    """The disk of an object store: a small one where a test may mount, else one that the web process may not use."""

    stack: Stack
    folder: Path
    """As this process sees it."""
    mounted: bool

    def fill(self) -> None:
        if not self.mounted:
            self._limit_web(0)
            return
        with contextlib.suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as filler:
            while True:  # until there is no room
                filler.write(bytes(4096))

    def free(self) -> None:
        if self.mounted:
            (self.folder / "filler").unlink()
        else:
            self._limit_web(resource.RLIM_INFINITY)

    def _limit_web(self, size_bytes: int) -> None:
        pid = self.stack.child("web").pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))

    def objects(self) -> list[str]:
        found = (path for path in (self.folder / "objects").rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.folder / "objects")) for path in found)


@dataclass
class Clocks:
    """Each part lives at the time of day that a file says when it starts."""

    stack: Stack
    shim: Path
    table: Path

    def set(self, part: str, seconds: int) -> None:
        """Let one part be wrong by so much, and all others right, from a start of theirs on."""
        wrong_before = self.table.read_text()
        self.table.write_text(f"{seconds} {PART_MARKS[part]}\n")
        again = {part} | {name for name in PART_MARKS if PART_MARKS[name] in wrong_before}
        old = {name: self.stack.child(name).pid for name in again}
        for name in again:
            self.stack.child(name).send_signal(signal.SIGKILL)
        for name in again:
            until(lambda name=name: self._is_new(name, old[name]), 60, what=f"a new {name}")  # type: ignore[misc]
        until(self._answers, 60, what="the web process to be ready")

    def _is_new(self, name: str, old: int) -> bool:
        try:
            return self.stack.child(name).pid != old
        except LookupError:
            return False

    def _answers(self) -> bool:
        try:
            return http.get(f"{self.stack.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Odd:
    stack: Stack
    disk: Disk
    clocks: Clocks


@contextmanager
def odd_stack(folder: Path) -> Iterator[Odd]:
    """Start it, with what it needs in that folder; its database is of the tests' server.

    The mount is in a namespace of the installation's own: it ends with it, however that ends.
    """
    disk, shim, table = folder / "disk", folder / "skewed_clock.so", folder / "table"
    disk.mkdir()
    source = ROOT / "tests" / "support" / "skewed_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True)
    table.write_text("")
    below = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16m none "$0" && exec "$@"', str(disk))
    mounted = os.geteuid() == 0
    settings = {
        "LD_PRELOAD": str(shim),
        "SKEW_FILE": str(table),
        "BEDPLATE_STORAGE_URL": f"file://{disk}/objects",
        "BEDPLATE_DATABASE_URL": database_of_its_own(f"odd_{os.getpid()}"),
    }
    with running_stack(below=below if mounted else (), **settings) as stack:
        seen = Path(f"/proc/{stack.process.pid}/root{disk}") if mounted else disk
        yield Odd(stack, Disk(stack, seen, mounted), Clocks(stack, shim, table))
