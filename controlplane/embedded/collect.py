"""What children say: collected in files that do not grow for ever, and what matters shown at the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

LARGEST_BYTES = 10 * 1024 * 1024
KEPT = 2
SHOWN_LEVELS = ("warning", "error", "critical")
SHOWN_WORDS = ("FATAL:", "PANIC:")
EXPECTED_WORDS = ("is starting up", "not yet accepting connections", "does not exist")
"""Of PostgreSQL while it starts."""
LONGEST_SHOWN = 300


def say(text: str) -> None:
    """One line to the terminal."""
    with contextlib.suppress(OSError):  # the terminal is gone; what is left to do is still done
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


@dataclass
class Collector:
    """Reads one child's output without blocking and writes it to `path`, rotated by size.

    Where the disk is full, what is said is lost, and counted; it is always read, so that no child waits for us.
    """

    name: str
    path: Path
    descriptor: int
    """Reading end of the child's output; not blocking."""
    is_quiet: Callable[[], bool] = lambda: False
    """While it says so, nothing is shown at the terminal."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    closed: bool = False
    lost_bytes: int = 0
    """Since the last time that something could be written."""
    _rest: bytes = b""
    _file: FileIO | None = None

    def __post_init__(self) -> None:
        os.set_blocking(self.descriptor, False)
        self._write(b"")

    def drain(self) -> bool:
        """Take what is there; False once the other end is closed by everyone who had it."""
        while True:
            try:
                said = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return True
            if not said:
                return False
            self._keep(said)

    def close(self) -> None:
        """Take the rest and close."""
        self.drain()
        self.closed = True
        if self._rest:
            self._keep(b"\n")
        os.close(self.descriptor)
        if self._file:
            self._file.close()

    def _keep(self, said: bytes) -> None:
        self._write(said)
        *lines, self._rest = (self._rest + said).split(b"\n")
        self._rest = self._rest[-65536:]
        for line in lines:
            text = line.decode("utf-8", errors="replace").rstrip()
            if text:
                self.tail.append(text[:2000])
                shown = worth_showing(text)
                if shown and not self.is_quiet():
                    say(f"  [{self.name}] {shown[:LONGEST_SHOWN]}")

    def _write(self, said: bytes) -> None:
        written = 0
        try:
            if self._file is None:
                self._file = FileIO(self.path, "ab")
            elif self._file.tell() + len(said) > LARGEST_BYTES:
                self._file = self._rotated(self._file)
            note = f"[{self.lost_bytes} bytes were not written: the disk was full]\n"
            if self.lost_bytes and self._file.write(note.encode()):
                self.lost_bytes = 0
            while written < len(said):  # not buffered: what is not written now is not tried again at every turn
                written += self._file.write(said[written:])
        except OSError:
            self.lost_bytes += len(said) - written

    def _rotated(self, full: FileIO) -> FileIO:
        full.close()
        self._file = None  # what follows may fail; then it is opened at the next turn
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        return FileIO(self.path, "ab")


def worth_showing(line: str) -> str:
    """The short form of a line that a person at the terminal should see; empty for all others."""
    if line.startswith("{"):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            return ""
        level = str(record.get("level")).lower()
        first_line = str(record.get("message", "")).partition("\n")[0]
        return f"{level}: {first_line}" if level in SHOWN_LEVELS else ""
    expected = any(word in line for word in EXPECTED_WORDS)
    return line if any(word in line for word in SHOWN_WORDS) and not expected else ""
