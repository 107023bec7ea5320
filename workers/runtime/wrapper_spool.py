"""Records that wait for a slow reader, first in first out: in memory up to a bound, beyond it in files.

Standard library only, and nothing from the rest of the project: it is copied with `wrapper.py` into foreign images.
The metrics of a job wait in it too. Not safe for threads: whoever has one holds a lock of its own.
"""
# Plain paths, as in `wrapper.py`.
# ruff: noqa: PTH103, PTH106, PTH108, PTH118, PTH208

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections import deque
from typing import NamedTuple

SEGMENT_BYTES = 16 * 1024 * 1024
FREE_SHARE = 2
"""Of what is free on the disk, one part in so many may be taken."""
SUFFIX = ".spool"
_MAGIC = b"BpR1"
_HEADER = struct.Struct("<4sIIq")  # magic, length, CRC-32, weight


class _Segment:
    """One file of records; it goes when the last of them does."""

    def __init__(self, path: str, descriptor: int, end: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.end = end
        self.records = 0


class _Entry(NamedTuple):
    weight: int
    size: int
    data: bytes | None
    segment: _Segment | None
    offset: int


class Spool:
    """A queue of records, each of a weight that the owner counts by (lines, points).

    Args:
        folder: where the files go; made when the first is needed. Empty: memory only.
        memory_bytes: held in memory at most, except that one record always fits.
        disk_bytes: held in files at most, and never more than is left free.
    What an earlier process left in `folder` is found again, in order.
    """

    def __init__(self, folder: str, *, memory_bytes: int, disk_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.damaged_weight = 0
        """Of records that could not be read back."""
        self._folder = folder
        self._memory_bytes, self._disk_bytes, self._segment_bytes = memory_bytes, disk_bytes, segment_bytes
        self._entries: deque[_Entry] = deque()
        self._segments: list[_Segment] = []
        self._in_memory = self._on_disk = 0
        self._number = 0
        self._held = False
        self._full = False
        if folder:
            self._recover()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def weight(self) -> int:
        """Of all that waits."""
        return sum(entry.weight for entry in self._entries)

    @property
    def first_weight(self) -> int:
        """Of the oldest record."""
        return self._entries[0].weight if self._entries else 0

    @property
    def disk_used(self) -> int:
        """Bytes of records in files."""
        return self._on_disk

    def put(self, data: bytes, weight: int) -> bool:
        """Take a record. False: there is no room for it, and nothing has changed."""
        if not self._entries or self._in_memory + len(data) <= self._memory_bytes:
            self.keep(data, weight)
            return True
        return self._write(data, weight)

    def keep(self, data: bytes, weight: int) -> None:
        """Take a record into memory, whatever the bound."""
        self._entries.append(_Entry(weight, len(data), data, None, 0))
        self._in_memory += len(data)

    def first(self) -> bytes | None:
        """The oldest record, which stays until `done`; None when there is none."""
        while self._entries:
            entry = self._entries[0]
            data = _read(entry)
            if data is not None:
                self._held = True
                return data
            self.damaged_weight += entry.weight
            self._remove(0)
        return None

    def done(self) -> None:
        """The record that `first` gave is not needed any more."""
        self._held = False
        self._remove(0)

    def evict(self) -> int | None:
        """Drop the oldest record that nobody holds, and return its weight; None when there is none.

        When the disk is full, only one in memory makes room at once: then the oldest of those.
        """
        start = 1 if self._held else 0
        for index in range(start, len(self._entries)):
            if not self._full or self._entries[index].data is not None:
                return self._remove(index)
        return self._remove(start) if len(self._entries) > start else None

    def close(self, *, discard: bool = False) -> None:
        """Let go of the files; with `discard`, or when nothing waits, they are removed."""
        for segment in self._segments:
            os.close(segment.descriptor)
            if discard or not segment.records:
                with contextlib.suppress(OSError):  # somebody removed the folder
                    os.unlink(segment.path)
        if discard:
            self._entries.clear()
        self._segments.clear()
        if self._number:
            with contextlib.suppress(OSError):  # it holds what a later process will find
                os.rmdir(self._folder)

    # Below ------------------------------------------------------------------------------------------------------

    def _remove(self, index: int) -> int:
        entry = self._entries[index]
        del self._entries[index]
        if entry.segment is None:
            self._in_memory -= entry.size
            return entry.weight
        self._on_disk -= entry.size
        entry.segment.records -= 1
        if not entry.segment.records:
            self._drop(entry.segment)
        return entry.weight

    def _drop(self, segment: _Segment) -> None:
        self._segments.remove(segment)
        os.close(segment.descriptor)
        with contextlib.suppress(OSError):  # somebody removed the folder
            os.unlink(segment.path)

    def _write(self, data: bytes, weight: int) -> bool:
        """Append to the last file, or to a new one where that is full. False: no room, or the disk says no."""
        if not self._folder or self._on_disk + len(data) > self._most():
            self._full = False
            return False
        record = _HEADER.pack(_MAGIC, len(data), zlib.crc32(data), weight) + data
        segment = self._segments[-1] if self._segments else None
        if segment is None or segment.end >= self._segment_bytes or not _append(segment, record):
            segment = self._new_segment()
            if segment is None or not _append(segment, record):
                if segment is not None:
                    self._drop(segment)
                self._full = True
                return False
        self._full = False
        offset = segment.end - len(data)
        segment.records += 1
        self._on_disk += len(data)
        self._entries.append(_Entry(weight, len(data), None, segment, offset))
        return True

    def _most(self) -> int:
        """How much may be in files now."""
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            found = os.statvfs(self._folder)
        except OSError:
            return 0
        return min(self._disk_bytes, (self._on_disk + found.f_bavail * found.f_frsize) // FREE_SHARE)

    def _new_segment(self) -> _Segment | None:
        path = os.path.join(self._folder, f"{self._number:010d}{SUFFIX}")
        self._number += 1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        segment = _Segment(path, descriptor, 0)
        self._segments.append(segment)
        return segment

    def _recover(self) -> None:
        """Find the records of an earlier process; what is torn at the end of a file is left out."""
        with contextlib.suppress(OSError):  # a first start
            for name in sorted(name for name in os.listdir(self._folder) if name.endswith(SUFFIX)):
                path = os.path.join(self._folder, name)
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                segment = _Segment(path, descriptor, self._segment_bytes)  # full: nothing is added to it
                self._segments.append(segment)
                self._number = int(name.removesuffix(SUFFIX)) + 1
                size, offset = os.fstat(descriptor).st_size, 0
                while header := os.pread(descriptor, _HEADER.size, offset):
                    if len(header) < _HEADER.size:
                        break
                    magic, length, _, weight = _HEADER.unpack(header)
                    offset += _HEADER.size
                    if magic != _MAGIC or offset + length > size:
                        break
                    self._entries.append(_Entry(weight, length, None, segment, offset))
                    segment.records += 1
                    self._on_disk += length
                    offset += length
                if not segment.records:
                    self._drop(segment)


def _append(segment: _Segment, record: bytes) -> bool:
    """Write a record whole, or leave the file as it was."""
    view, at = memoryview(record), segment.end
    try:
        while view:
            written = os.pwrite(segment.descriptor, view, at)
            view, at = view[written:], at + written
    except OSError:
        with contextlib.suppress(OSError):  # what is torn is left out when it is read back
            os.ftruncate(segment.descriptor, segment.end)
        return False
    segment.end = at
    return True


def _read(entry: _Entry) -> bytes | None:
    """The data of a record; None when what is in the file is not what was written."""
    if entry.segment is None:
        return entry.data
    try:
        header = os.pread(entry.segment.descriptor, _HEADER.size, entry.offset - _HEADER.size)
        data = os.pread(entry.segment.descriptor, entry.size, entry.offset)
    except OSError:
        return None
    magic, length, check, _ = _HEADER.unpack(header) if len(header) == _HEADER.size else (b"", 0, 0, 0)
    return data if magic == _MAGIC and length == len(data) and check == zlib.crc32(data) else None
