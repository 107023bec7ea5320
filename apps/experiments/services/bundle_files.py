"""Files of a source bundle as they come: members of a zip archive, or files of a folder that were sent one by one."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from apps.experiments.services.bundle_rules import NAMES_MOST, name_checked, refuse

CHUNK_BYTES: Final = 1 << 20
SCRIPT_MARK: Final = b"#!"
DIRECTORY_BYTES_MOST: Final = 6 << 20
"""Of the list of an archive's members, which is read at once."""
_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_COMMENT_MOST: Final = 65_535
_WRONG: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was sent."""

    name: str
    is_executable: bool
    """As was said, or because it begins with `#!`."""
    chunks: Callable[[], Iterator[bytes]]
    """What is in it. Raises BadBundle where that cannot be read."""


def of_zip(file: IO[bytes]) -> list[Entry]:
    """The files of a zip archive, which must stay open as long as they are read.

    Raises:
        BadBundle: it is none, or has something in it that is no plain file.
    """
    _directory_check(file)
    try:
        archive = zipfile.ZipFile(file)
    except _WRONG as error:
        raise refuse(f"this is not a zip archive that can be read: {error}") from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > NAMES_MOST:
        raise refuse(f"{len(members)} files; at most {NAMES_MOST} are looked at")
    return [_of_member(archive, member) for member in members]


def of_folder(files: Sequence[tuple[str, IO[bytes]]]) -> list[Entry]:
    """Files with the names that they have below the folder. Browsers do not say which may be executed.

    Raises:
        BadBundle: a name that cannot be one.
    """
    if len(files) > NAMES_MOST:
        raise refuse(f"{len(files)} files; at most {NAMES_MOST} are looked at")
    return [_of_file(name_checked(name), file) for name, file in files]


def _of_file(name: str, file: IO[bytes]) -> Entry:
    def chunks() -> Iterator[bytes]:
        file.seek(0)
        return iter(lambda: file.read(CHUNK_BYTES), b"")

    file.seek(0)
    return Entry(name, file.read(2) == SCRIPT_MARK, chunks)


def _of_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    name = name_checked(member.filename)
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise refuse(f"{name!r} is a link; a bundle has plain files only")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise refuse(f"{name!r} is no plain file")
    if member.flag_bits & 0x1:
        raise refuse(f"{name!r} is encrypted")

    def chunks() -> Iterator[bytes]:
        with _readable(name), archive.open(member) as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk

    with _readable(name), archive.open(member) as opened:
        is_script = opened.read(2) == SCRIPT_MARK
    return Entry(name, is_script or bool(mode & stat.S_IXUSR), chunks)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except _WRONG as error:
        raise refuse(f"{name!r} cannot be unpacked: {error}") from error


def _directory_check(file: IO[bytes]) -> None:
    """Refuse what is no zip archive, or one whose list of members would fill the memory. Reads its end only."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _COMMENT_MOST - _END.size))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise refuse("this is not a zip archive")
    _, _, _, _, count, directory, begin, _ = _END.unpack_from(tail, at)
    if 0xFFFF_FFFF in (directory, begin) or count == 0xFFFF:
        raise refuse("an archive in the form for more than 65,534 files, or 4 GiB, is too large")
    if directory > DIRECTORY_BYTES_MOST:
        raise refuse(f"the list of its members has {directory} bytes; at most {DIRECTORY_BYTES_MOST} are read")
    file.seek(0)
