"""The output of a command on its way to the control plane: cleaned, numbered, cut into chunks.

Standard library only, and nothing from the rest of the project: it is copied with `wrapper.py` into foreign images.

The text of all chunks in the order of their numbers is the output, with these changes: `\\r` ends a line too, NUL and
what is not UTF-8 are U+FFFD, and a line of more than 1 MiB is cut into pieces that end in `CUT`. `first_line` of a
chunk is the number of the line, from 1, in which its first character stands. A chunk ends at the end of a line, with
one exception: a line that has no end after `PARTIAL_SECONDS` (a prompt, a row of dots) leaves as it is, and the next
chunk goes on in the same line, so its `first_line` is the same. A `first_line` beyond that is a gap: lines were
dropped.
"""
# ruff: noqa: PTH118

from __future__ import annotations

import codecs
import contextlib
import io
import os
import struct
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from workers.runtime.wrapper_spool import Spool

CHUNK_BYTES = 1024 * 1024
"""Of text at most; also the longest line that is kept whole."""
CUT = "\u2026\n".encode()
"""What a piece of a longer line ends in."""
PARTIAL_SECONDS = 1.0
PENDING_BYTES = 4 * 1024 * 1024
"""Of text in memory; beyond it text waits on the disk."""
SPOOL_BYTES = 1024 * 1024 * 1024
_HEAD = struct.Struct("<qq")  # sequence, first line


class Chunk(NamedTuple):
    sequence: int
    first_line: int
    text: bytes
    """UTF-8."""


class Logs:
    """Takes output from one thread, gives chunks to another. A chunk keeps its number and text until it is taken.

    `folder` keeps the position, so that a replica that is started again goes on from it: a number of a chunk is
    never used twice within an attempt, because it is written down before the chunk can leave. Where that cannot be
    done, numbers go on from the clock of the machine. Empty: the position is kept nowhere.
    """

    def __init__(self, folder: str, spool: Spool) -> None:
        self.dropped_lines = 0
        self._spool = spool
        self._position = -1
        self._sequence, self._line, self._open_bytes = 0, 1, 0
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        self._lines = bytearray()  # whole lines, not yet in a chunk
        self._tail = bytearray()  # the line after them
        self._tail_since = 0.0
        self._lock = threading.Lock()
        if folder:
            self._start_from(os.path.join(folder, "log_position"))

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Take more output. Never waits for the control plane; it may write to the disk."""
        clean = self._decoder.decode(data, final=final).replace("\0", "\ufffd").encode()
        cut = clean.rfind(b"\n") + 1
        with self._lock:
            if not self._tail:
                self._tail_since = time.monotonic()
            if cut:
                self._lines += self._tail
                self._lines += clean[:cut]
                self._tail = bytearray(clean[cut:])
                self._tail_since = time.monotonic()
            else:
                self._tail += clean
            longest = CHUNK_BYTES - (len(CUT) if self._open_bytes else 0)
            while self._tail and len(self._tail) + self._open_bytes >= longest:
                self._cut_tail()
                longest = CHUNK_BYTES
            if final and (self._tail or (self._open_bytes and not self._lines)):
                self._lines += self._tail + b"\n"
                self._tail.clear()
            while len(self._lines) > CHUNK_BYTES:
                self._seal_front()

    def drop(self, lines: int) -> None:
        """Count lines that will not arrive."""
        with self._lock:
            self.dropped_lines += lines

    def take(self) -> Chunk | None:
        """The oldest chunk, the same until `taken`; None when there is nothing to send."""
        with self._lock:
            if not len(self._spool):
                if self._lines:
                    self._seal(bytes(self._lines))
                    self._lines.clear()
                elif self._tail and time.monotonic() - self._tail_since >= PARTIAL_SECONDS:
                    self._seal(bytes(self._tail))
                    self._tail.clear()
            record = self._spool.first()
            self.dropped_lines += self._spool.damaged_weight
            self._spool.damaged_weight = 0
        if record is None:
            return None
        sequence, first_line = _HEAD.unpack_from(record)
        return Chunk(sequence, first_line, record[_HEAD.size :])

    def taken(self) -> None:
        """The chunk that `take` gave has arrived, or never will."""
        with self._lock:
            if len(self._spool):  # else it was closed while the answer was on its way
                self._spool.done()

    def close(self, *, discard: bool) -> None:
        """Let go of the disk. Without `discard`, a later start sends what is there."""
        with self._lock:
            self._spool.close(discard=discard)

    # Below ------------------------------------------------------------------------------------------------------

    def _cut_tail(self) -> None:
        """The line without an end is too long: give it one, and go on in a new line."""
        size = _whole_letters(self._tail, max(CHUNK_BYTES - len(CUT) - self._open_bytes, 1))
        self._lines += self._tail[:size] + CUT
        del self._tail[:size]
        self._open_bytes = 0

    def _seal_front(self) -> None:
        """Make a chunk of as many whole lines as it takes; of a piece where the first is too long."""
        size = self._lines.rfind(b"\n", 0, CHUNK_BYTES) + 1
        mark = b""
        if not size:
            size, mark = _whole_letters(self._lines, CHUNK_BYTES - len(CUT)), CUT
        self._seal(bytes(self._lines[:size]) + mark)
        del self._lines[:size]

    def _seal(self, text: bytes) -> None:
        """Give a chunk its number, write the number down, and let it wait."""
        record = _HEAD.pack(self._sequence, self._line) + text
        lines = text.count(b"\n")
        self._line += lines
        self._open_bytes = len(text) - (text.rfind(b"\n") + 1) + (0 if lines else self._open_bytes)
        if not self._write_position(self._sequence + 1):
            self._sequence = max(self._sequence, time.monotonic_ns())
            record = _HEAD.pack(self._sequence, self._line - lines) + text
        self._sequence += 1
        while not self._spool.put(record, lines):
            gone = self._spool.evict()
            if gone is None:
                self._spool.keep(record, lines)
                break
            self.dropped_lines += gone

    def _start_from(self, path: str) -> None:
        """Go on where an earlier wrapper of this member stopped; in a new line, if it stopped within one."""
        try:
            self._position = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            known = self._write_position(0)
        except FileExistsError:
            known = self._read_position(path)
        except OSError:
            known = False
        if not known:
            self._sequence = time.monotonic_ns()

    def _read_position(self, path: str) -> bool:
        with contextlib.suppress(OSError, ValueError):  # torn, or not to be read: the numbers must be others
            self._position = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            self._sequence, self._line, within = map(int, os.pread(self._position, 100, 0).split())
            if within:
                self._lines += b"\n"
            return True
        return False

    def _write_position(self, sequence: int) -> bool:
        """In place, so that a full disk does not matter. True also where no position is kept."""
        if self._position < 0:
            return True
        with contextlib.suppress(OSError):  # the caller is told
            os.pwrite(self._position, b"%020d %020d %d\n" % (sequence, self._line, bool(self._open_bytes)), 0)
            return True
        return False


def _whole_letters(text: bytearray, size: int) -> int:
    """The most bytes, up to `size`, that do not end within a letter; at least one letter."""
    while 0 < size < len(text) and text[size] & 0xC0 == 0x80:
        size -= 1
    return size or len(text)
