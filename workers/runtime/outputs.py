"""Where a job's outputs go: asked once each, and ahead of the need for what every job stores.

On a machine that shares no disk with the store they are written into the job's working folder and sent from there: a
checkpoint or an artifact before it is announced, everything else at the end of the process.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.fetching import in_parallel
from workers.runtime.forks import after_fork_in_child
from workers.runtime.inputs import CHECKPOINTS as CHECKPOINTS
from workers.runtime.link import Link
from workers.runtime.sending import Sending
from workers.runtime.stored_file import StoredFile, hash_file, unused_name

ARTIFACTS = "artifacts"
ANNOUNCED = frozenset({CHECKPOINTS, ARTIFACTS})
"""Of these only what is announced counts, and is sent."""
FOLDER = "outputs"
SENT_AT_ONCE = 4


class Place(NamedTuple):
    """Of one output."""

    folder: Path
    uri: str
    """With a slash at its end."""
    is_distant: bool
    """The store has it only once it was sent."""


class Outputs:
    """Folder and address of each output, by its name.

    Args:
        rank: of this member. Members that share no folder do not see each other's names.
    """

    def __init__(self, link: Link, work_dir: Path, rank: int) -> None:
        self._link, self._folder, self._rank = link, work_dir / FOLDER, rank
        self._known: dict[str, Place] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._sent: set[Path] = set()
        self._last: Path | None = None
        self._asked_ahead = False
        self.moved_at = time.monotonic()
        """When the last piece of a file was sent."""
        self._furthest: defaultdict[Path, int] = defaultdict(int)
        self._owner = os.getpid()
        self._reset()
        after_fork_in_child(self, Outputs._reset)

    def _reset(self) -> None:
        # One per name: who needs an output that is being asked for waits for that answer. Asking again beside it
        # would wait for the control plane, were it gone just after it had answered.
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def place(self, name: str) -> Place:
        """Where it is written; the folder exists.

        Raises:
            JobApiError: the spec has no such output, or the control plane did not answer in time.
            AttemptSuperseded: this attempt no longer counts.
        """
        if name not in self._known:
            with self._asking[name]:
                if name not in self._known:
                    answer = self._link.resolve(name, "write")
                    near = answer.get("path")
                    folder = Path(near) if near else self._folder / name
                    if not near:
                        folder.mkdir(parents=True, exist_ok=True)
                    self._known[name] = Place(folder, answer["uri"], is_distant=not near)
        return self._known[name]

    def unused(self, output: str, name: str) -> str:
        """The name of a file, or one beside it that none has: what was acknowledged is never written over."""
        place = self.place(output)
        if not place.is_distant:
            return unused_name(place.folder, name)
        wanted, path, again = name, Path(name), 1
        if self._rank:
            wanted = str(path.with_name(f"{path.stem}-rank{self._rank}{path.suffix}"))
        path, found = Path(wanted), wanted
        while found in self._names[output] or (place.folder / found).exists():
            found, again = str(path.with_name(f"{path.stem}-{again}{path.suffix}")), again + 1
        self._names[output].add(found)
        return found

    def send(self, output: str, stored: StoredFile) -> None:
        """Have a file that is announced next in the store, in one try. Raises JobApiError, AttemptSuperseded."""
        place = self.place(output)
        if place.is_distant and stored.path not in self._sent:
            path = stored.path.relative_to(place.folder).as_posix()
            moved = functools.partial(self._moved, stored.path)
            self._send(Sending(output, path, stored.path, stored.size_bytes, stored.sha256, moved))

    def acknowledged(self, stored: StoredFile) -> None:
        """A checkpoint counts: the one before it need not be here any more."""
        if stored.path in self._sent and self._last is not None:
            self._last.unlink(missing_ok=True)
        self._last = stored.path if stored.path in self._sent else None

    @property
    def has_rest(self) -> bool:
        """There are outputs that go to the store when the process ends. Not those of the parent of a forked one."""
        distant = [name for name, place in self._known.items() if place.is_distant and name not in ANNOUNCED]
        return bool(distant) and self._owner == os.getpid()

    def send_rest(self) -> None:
        """Send what lies in the outputs, a few files at once, in one try each. Raises as `send`."""
        files = [each for name in sorted(self._known) for each in self._unsent(name)]
        in_parallel([functools.partial(self._send_from, name, path) for name, path in files], SENT_AT_ONCE)

    def _unsent(self, name: str) -> Iterator[tuple[str, Path]]:
        place = self._known[name]
        if place.is_distant and name not in ANNOUNCED:
            for path in sorted(place.folder.rglob("*")):
                if path.is_file() and not path.name.startswith(".") and path not in self._sent:
                    yield name, path

    def _send_from(self, name: str, path: Path) -> None:
        place = path.relative_to(self._known[name].folder).as_posix()
        moved = functools.partial(self._moved, path)
        self._send(Sending(name, place, path, path.stat().st_size, hash_file(path), moved))

    def _send(self, file: Sending) -> None:
        self._link.upload(file)
        self.moved_at = time.monotonic()
        self._sent.add(file.source)

    def _moved(self, source: Path, position: int) -> None:
        """Only what goes further than any try before is a move: to a full disk the same is sent again and again."""
        if position > self._furthest[source]:
            self._furthest[source], self.moved_at = position, time.monotonic()

    def look_ahead(self) -> None:
        """Ask now where checkpoints and artifacts go: the control plane may be away when the first is written."""
        if self._link.outputs and not self._asked_ahead:
            threading.Thread(target=self._resolve, name="bedplate-outputs", daemon=True).start()
        self._asked_ahead = True

    def _resolve(self) -> None:
        with contextlib.suppress(JobApiError, AttemptSuperseded):  # then the call that needs it asks, and raises
            for name in ANNOUNCED.intersection(self._link.outputs):
                self.place(name)
