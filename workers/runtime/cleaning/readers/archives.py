"""Zips and tars of files, read member by member. Nothing is written under a name that an archive brings.

What an archive may not do is refused before anything of it is used: lead out of itself, hold links or archives, need a
password, or swell: `MEMBERS_MOST` members, `TOTAL_BYTES_MOST` bytes, `RATIO_MOST` times its own size.
"""

from __future__ import annotations

import gzip
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from workers.runtime.cleaning.errors import UserError, is_disk_full

MEMBERS_MOST = 200_000
DIRECTORY_BYTES_MOST = 32 << 20
"""Of a zip's list of members, which is held in memory."""
TOTAL_BYTES_MOST = 64 << 30
RATIO_MOST, RATIO_FROM_BYTES = 200, 256 << 20
"""Data that people have shrinks by 3 to 30; below this size nobody is hurt."""
CHUNK_BYTES = 1 << 20
NESTED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
_END_OF_ZIP, _END_BYTES = b"PK\x05\x06", 22 + 65_535


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: to be read before the next one is asked for."""

    name: str
    read: Callable[[int], bytes]
    """Up to that many bytes; empty at the end. Raises UserError where the archive is damaged or swells."""


class Meter:
    """Counts what comes out of a file of `packed` bytes. Raises UserError `swells`."""

    def __init__(self, name: str, packed: int) -> None:
        self._name, self._packed, self._bytes = name, packed, 0

    def add(self, count: int) -> None:
        self._bytes += count
        self.check(self._bytes)

    def check(self, size: int) -> None:
        if size > TOTAL_BYTES_MOST:
            raise UserError("swells", f"{self._name} holds more than {TOTAL_BYTES_MOST} bytes unpacked")
        if size > RATIO_FROM_BYTES and size > RATIO_MOST * self._packed:
            raise UserError("swells", f"{self._name} holds more than {RATIO_MOST} times its own size unpacked")


def packing(path: Path) -> str:
    """`gzip`, `zstd`, `zip`, `tar` by what the file starts with; empty for any other."""
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if start.startswith((b"PK\x03\x04", _END_OF_ZIP)):
        return "zip"
    return "tar" if start[257:262] == b"ustar" else ""


def unpressed(path: Path, name: str, kind: str, target: Path) -> None:
    """Write what is in a gzip or Zstandard file to `target`. Raises UserError `damaged_archive` or `swells`."""
    meter = Meter(name, path.stat().st_size)
    with _damage(name), _stream(path, kind) as source, target.open("wb") as copy:
        while chunk := source.read(CHUNK_BYTES):
            meter.add(len(chunk))
            copy.write(chunk)


def members(path: Path, name: str, kind: str) -> Iterator[Member]:
    """The files in a zip or tar, in its order. Raises UserError for what must not be there, when it comes to it."""
    meter = Meter(name, path.stat().st_size)
    found = _zipped(path, name, meter) if kind == "zip" else _tarred(path, name, meter)
    for number, member in enumerate(found):
        if number >= MEMBERS_MOST:
            raise UserError("too_many_members", f"{name} has more than {MEMBERS_MOST} members")
        yield member


def names_in(path: Path, name: str) -> list[str]:
    """What a zip lists."""
    _check_directory(path, name)
    with _damage(name), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _zipped(path: Path, name: str, meter: Meter) -> Iterator[Member]:
    _check_directory(path, name)
    with _damage(name):
        archive = zipfile.ZipFile(path)
    with archive:
        listed = archive.infolist()
        meter.check(sum(info.file_size for info in listed))
        for info in listed:
            _check_zipped(info, name)
        for info in listed:
            if info.is_dir():
                continue
            with _damage(name, info.filename):
                file = archive.open(info)
            with file:
                yield Member(info.filename.replace("\\", "/"), _reading(file, name, info.filename, meter))


def _check_zipped(info: zipfile.ZipInfo, name: str) -> None:
    _check_name(info.filename, name)
    if info.flag_bits & 1:
        raise UserError("encrypted_file", f"{name}: {info.filename!r} needs a password: upload it without one")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UserError("unsafe_member", f"{name}: {info.filename!r} is a link; an archive may hold files only")


def _tarred(path: Path, name: str, meter: Meter) -> Iterator[Member]:
    kind = packing(path)
    with _stream(path, kind if kind in ("gzip", "zstd") else "") as stream:
        with _damage(name):
            archive = tarfile.open(fileobj=cast(IO[bytes], _Metered(stream, meter)), mode="r|")  # noqa: SIM115 - closed below
        with archive:
            while True:
                with _damage(name):
                    info = archive.next()
                if info is None:
                    return
                cast(Any, archive).members = []  # else it keeps every one that it has seen
                if info.isdir():
                    continue
                _check_name(info.name, name)
                if not info.isreg():
                    raise UserError(
                        "unsafe_member", f"{name}: {info.name!r} is a link or a device; an archive may hold files only"
                    )
                with _damage(name, info.name):
                    file = archive.extractfile(info)
                if file is not None:
                    yield Member(info.name, _reading(file, name, info.name, None))


class _Metered:
    """A stream whose bytes are counted."""

    def __init__(self, stream: IO[bytes], meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._meter.add(len(data))
        return data


def _reading(file: IO[bytes], name: str, member: str, meter: Meter | None) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        with _damage(name, member):
            data = file.read(count)
        if meter is not None:
            meter.add(len(data))
        return data

    return read


def _check_name(member: str, name: str) -> None:
    parts = member.replace("\\", "/").split("/")
    if member.startswith(("/", "\\")) or ".." in parts or (len(member) > 1 and member[1] == ":") or "\0" in member:
        raise UserError("unsafe_member", f"{name}: {member!r} leads out of the archive")
    if parts[-1].lower().endswith(NESTED) and not is_hidden(member):
        raise UserError("nested_archive", f"{name}: {member!r} is an archive in the archive: put its files in directly")


def is_hidden(member: str) -> bool:
    """Whether a file system put it there, not people: `.DS_Store`, `__MACOSX/…`, `Thumbs.db`."""
    parts = member.split("/")
    return (
        parts[0] == "__MACOSX"
        or any(part.startswith(".") for part in parts)
        or parts[-1] in ("Thumbs.db", "desktop.ini")
    )


def _check_directory(path: Path, name: str) -> None:
    """Refuse a zip whose list of members would fill the memory, before it is read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
    at = tail.rfind(_END_OF_ZIP)
    if at < 0 or len(tail) - at < 22:
        raise UserError(
            "damaged_archive", f"{name} has no list of its members at its end: it is cut off after {size} bytes"
        )
    length = struct.unpack("<L", tail[at + 12 : at + 16])[0]
    if length == 0xFFFFFFFF or length > DIRECTORY_BYTES_MOST:
        raise UserError("too_many_members", f"{name} has more than {MEMBERS_MOST} members")


@contextmanager
def _stream(path: Path, kind: str) -> Iterator[IO[bytes]]:
    if kind == "gzip":
        with gzip.open(path, "rb") as file:
            yield cast(IO[bytes], file)
    elif kind == "zstd":
        with pa.OSFile(str(path)) as raw, pa.CompressedInputStream(raw, "zstd") as packed:
            yield cast(IO[bytes], packed)
    else:
        with path.open("rb") as plain:
            yield plain


@contextmanager
def _damage(name: str, member: str = "") -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        if is_disk_full(error):
            raise
        said = str(error).strip() or type(error).__name__
        where = f"{name}: {member!r} cannot be unpacked" if member else f"{name} cannot be unpacked"
        raise UserError("damaged_archive", f"{where}: {said}") from None


def unpacked_to(member: Member, target: Path) -> None:
    """Write a member to a file of ours."""
    with target.open("wb") as copy:
        while chunk := member.read(CHUNK_BYTES):
            copy.write(chunk)
