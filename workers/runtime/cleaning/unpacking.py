"""What a source turned out to be: one table, several of one schema, or files of which each is a row."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers import READERS, Upload
from workers.runtime.cleaning.readers.archives import Member, members, names_in, packing, unpacked_to, unpressed
from workers.runtime.cleaning.readers.kinds import FOLDERS, TABLES_MOST, kind_in, kind_of, taken

FORMATS = (*READERS, *FOLDERS, "archive")
"""`archive` is whatever the names in it say."""
PRESSED = ("gzip", "zstd")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A source, opened as far as to say what to do with it."""

    kind: str
    uploads: list[Upload] = field(default_factory=list)
    """Tables, on this disk."""
    files: Callable[[], Iterator[Member]] | None = None
    """Or files of which each is a row."""
    root: str = ""
    """The folder that all files lie in, where some lie deeper: it tells none from another."""
    packing: str = ""
    ignored: int = 0
    """Members of other kinds."""


def unpacked(path: Path, name: str, kind: str, work_dir: Path) -> Unpacked:
    """Unpack a source as far as need be.

    Args:
        kind: one of `FORMATS`.

    Raises:
        UserError: it is not what was said, or an archive that is damaged or unsafe.
    """
    if path.stat().st_size == 0:
        raise UserError("empty_file", f"{name} is empty")
    packed = packing(path)
    if kind == "excel" and packed == "zip" and "xl/workbook.xml" in names_in(path, name):
        return Unpacked(kind, [Upload(path, name)])
    if packed in PRESSED:
        if name.lower().endswith((".tar.gz", ".tgz", ".tar.zst")):
            return _archive(path, name, kind, "tar", work_dir)
        return _pressed(path, name, kind, packed, work_dir)
    if packed in ("zip", "tar"):
        if packed == "zip" and "xl/workbook.xml" in names_in(path, name):
            raise UserError("wrong_format", f"{name} is a workbook of Excel: say excel as its format")
        return _archive(path, name, kind, packed, work_dir)
    return _single(path, name, kind, "")


def _pressed(path: Path, name: str, kind: str, packed: str, work_dir: Path) -> Unpacked:
    target = work_dir / "unpressed"
    unpressed(path, name, packed, target)
    if target.stat().st_size == 0:
        raise UserError("empty_file", f"{name} is empty")
    inner = packing(target)
    if inner in PRESSED or (inner == "zip" and kind != "excel"):
        raise UserError("nested_archive", f"{name} is packed twice")
    return _archive(target, name, kind, inner, work_dir) if inner == "tar" else _single(target, name, kind, packed)


def _single(path: Path, name: str, kind: str, packed: str) -> Unpacked:
    if kind == "archive":
        raise UserError("wrong_format", f"{name} is no zip and no tar")
    if kind not in FOLDERS:
        return Unpacked(kind, [Upload(path, name)], packing=packed)
    if kind_of(name) != kind:
        raise UserError("wrong_format", f"{name} is no archive, and its name is none of a file of {kind}")
    return Unpacked(kind, files=lambda: _one(path, name), packing=packed)


def _one(path: Path, name: str) -> Iterator[Member]:
    with path.open("rb") as file:
        yield Member(name, file.read)


def _root(names: Sequence[str]) -> str:
    folders = {posixpath.dirname(name) for name in names}
    root = posixpath.commonpath(folders) if folders else ""
    return root if len(folders) > 1 else ""


def _archive(path: Path, name: str, kind: str, packed: str, work_dir: Path) -> Unpacked:
    if kind == "archive":
        kind = kind_in((member.name for member in members(path, name, packed)), name)
    if kind in FOLDERS:
        names = [member.name for member in members(path, name, packed) if taken(member.name, kind)]
        return Unpacked(kind, files=lambda: members(path, name, packed), root=_root(names), packing=packed)
    uploads: list[Upload] = []
    ignored = 0
    for member in members(path, name, packed):
        if not taken(member.name, kind):
            ignored += 1
            continue
        if len(uploads) == TABLES_MOST:
            raise UserError("too_many_members", f"{name} holds more than {TABLES_MOST} tables")
        target = work_dir / f"member-{len(uploads):04}"
        unpacked_to(member, target)
        uploads.append(Upload(target, f"{member.name} in {name}", member.name))
    if not uploads:
        raise UserError("no_members", f"{name} holds no file that its name says is {kind}")
    return Unpacked(kind, uploads, packing=packed, ignored=ignored)
