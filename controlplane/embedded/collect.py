"""What children say: collected in files that do not grow for ever, and what matters shown at the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
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
    """Reads one child's output without blocking and writes it to `path`, rotated by size."""

    name: str
    path: Path
    descriptor: int
    """Reading end of the child's output; not blocking."""
    is_quiet: Callable[[], bool] = lambda: False
    """While it says so, nothing is shown at the terminal."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    closed: bool = False
    lost_bytes: int = 0
    """What could not be written: the disk is full. It is said once there is room again."""
    _rest: bytes = b""

    def __post_init__(self) -> None:
        os.set_blocking(self.descriptor, False)
        self._open()

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
        """What does not fit on the disk is counted, never waited for: who supervises must go on."""
        note = f"[{self.lost_bytes} bytes were not written: the disk was full]\n".encode() if self.lost_bytes else b""
        try:
            if self._file.closed:
                self._open()
            if self._file.tell() + len(said) > LARGEST_BYTES:
                self._rotate()
            if note and self._file.write(note) == len(note):
                self.lost_bytes = 0
            self.lost_bytes += len(said) - (self._file.write(said) or 0)
        except OSError:
            self.lost_bytes += len(said)

    def _rotate(self) -> None:
        self._file.close()
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._open()

    def _open(self) -> None:
        self._file = self.path.open("ab", buffering=0)


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
