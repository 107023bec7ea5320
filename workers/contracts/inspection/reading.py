"""A stream as the scanner reads it: however large, a piece of it is in memory at a time."""

from __future__ import annotations

import lzma
import zlib
from typing import IO, Final, Protocol

PIECE_BYTES: Final = 1 << 20
AHEAD_BYTES: Final = 1 << 16
LINE_MOST: Final = 1 << 16
UNPACKED_MOST: Final = 8 << 30
"""Of a file that is packed: so much of what it unpacks to is looked at."""


class Unreadable(Exception):
    """It cannot be read to its end, so what it holds is not known; the text says why, for people."""


BROKEN: Final = (Unreadable, zlib.error, lzma.LZMAError, EOFError, RecursionError)
"""What reading raises that cannot be read on; a store that fails is another matter."""


class Source(Protocol):
    """What can be read once, from its beginning."""

    def read(self, size: int = -1, /) -> bytes: ...


class Skipped(bytes):
    """Stands for bytes that were passed over: as long as those, and empty."""

    length: int

    def __len__(self) -> int:
        return self.length


def skipped(length: int) -> Skipped:
    made = Skipped()
    made.length = length
    return made


class Pieces:
    """A file for `pickletools`: what is long is passed over and not kept.

    Args:
        most: so many bytes are read at most, whatever a length in the file says.
    """

    def __init__(self, source: Source | IO[bytes], most: int) -> None:
        self._source, self._left = source, most
        self._ahead, self._at = b"", 0
        self.position = 0

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read; fewer at the end. At most a piece."""
        while len(self._ahead) - self._at < size and (more := self._source.read(AHEAD_BYTES)):
            self._ahead, self._at = self._ahead[self._at :] + more, 0
        return self._ahead[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end; of more than a piece only the length.

        Raises:
            Unreadable: more was read than is looked at.
        """
        if size <= PIECE_BYTES:
            return self._take(size)
        passed = 0
        while passed < size and (piece := self._take(min(PIECE_BYTES, size - passed))):
            passed += len(piece)
        return skipped(passed)

    def _take(self, size: int) -> bytes:
        found = self.peek(size)
        self._at += len(found)
        self.position += len(found)
        self._left -= len(found)
        if self._left < 0:
            raise Unreadable("it unpacks to more than is looked at")
        return found

    def readline(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n") and (letter := self._take(1)):
            line += letter
            if len(line) > LINE_MOST:
                raise Unreadable("a line in it is longer than any that a pickle has")
        return bytes(line)
