"""Files that are packed: unpacked as they are read, as joblib does whatever their names are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any, Final

from workers.contracts.inspection.reading import AHEAD_BYTES, Source, Unreadable

MEMORY_MOST: Final = 128 << 20
"""For unpacking: twice what the strongest packing of xz needs."""
LZ4: Final = b"\x04\x22\x4d\x18"
_UNPACK: Final[dict[bytes, Callable[[IO[bytes]], Source]]] = {
    b"\x1f\x8b": lambda file: _Told(gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: _Told(bz2.BZ2File(file)),
    b"\xfd7zXZ\x00": lambda file: _Streams(file, _lzma),
    b"\x5d\x00\x00": lambda file: _Streams(file, _lzma),
    b"\x78\x01": lambda file: _Streams(file, zlib.decompressobj),
    b"\x78\x5e": lambda file: _Streams(file, zlib.decompressobj),
    b"\x78\x9c": lambda file: _Streams(file, zlib.decompressobj),
    b"\x78\xda": lambda file: _Streams(file, zlib.decompressobj),
}


def unpacker(head: bytes) -> Callable[[IO[bytes]], Source] | None:
    """What unpacks a file with these first bytes; None: it is not packed, as far as they say.

    Raises:
        Unreadable: it is, and cannot be unpacked here.
    """
    if head.startswith(LZ4):
        raise Unreadable("what lz4 packed is not looked into")
    return next((made for magic, made in _UNPACK.items() if head.startswith(magic)), None)


def _lzma() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=MEMORY_MOST)


class _Told:
    """Says of what cannot be unpacked what it is: an error without a number is the packer's, another the store's."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._source.read(size)
        except OSError as error:
            if error.errno is not None:
                raise
            raise Unreadable(f"it cannot be unpacked: {error}") from None


class _Streams:
    """Unpacked as it is read, one packed stream after the other; a packer that wants too much memory is left."""

    def __init__(self, file: IO[bytes], packer: Callable[[], Any]) -> None:
        self._file, self._new = file, packer
        self._packer, self._rest = packer(), b""

    def read(self, size: int = -1, /) -> bytes:
        while True:
            if self._packer.eof:
                self._rest = self._packer.unused_data or self._file.read(AHEAD_BYTES)
                if not self._rest:
                    return b""
                self._packer = self._new()
            found: bytes = self._packer.decompress(self._packed(), max(size, 1))
            if found:
                return found

    def _packed(self) -> bytes:
        """What to unpack next; none where enough was given."""
        if not getattr(self._packer, "needs_input", True):
            return b""
        packed = getattr(self._packer, "unconsumed_tail", b"") or self._rest or self._file.read(AHEAD_BYTES)
        self._rest = b""
        if not packed:
            raise Unreadable("what is packed in it is cut off")
        return bytes(packed)
