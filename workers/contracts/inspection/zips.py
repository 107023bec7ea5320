"""Archives of zip, which models of torch, Keras and NumPy are: every file in them is looked at."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from typing import IO, Final

from workers.contracts.inspection.arrays import NUMPY
from workers.contracts.inspection.layers import description_read
from workers.contracts.inspection.reading import UNPACKED_MOST, Unreadable
from workers.contracts.inspection.reports import Format, Report, Verdict

ENTRIES_MOST: Final = 20_000
"""Files in a zip."""
RATIO_MOST: Final = 1000
"""A file in a zip that unpacks to more times its size, and to more than `RATIO_FROM_BYTES`, is a bomb."""
RATIO_FROM_BYTES: Final = 64 << 20
DEPTH_MOST: Final = 3
"""Zips in zips."""
Inspect = Callable[..., Report]


def zip_inspected(file: IO[bytes], suffix: str, depth: int, inspect: Inspect) -> Report:
    """What is in an archive.

    Args:
        inspect: looks into a file of it, by file, name and `depth`.

    Raises:
        Unreadable: it is a bomb, encrypted, too deep, or one that other programs would read otherwise.
        BadZipFile: it is damaged.
    """
    if depth >= DEPTH_MOST:
        raise Unreadable(f"it has zips in zips, more than {DEPTH_MOST} deep")
    file.seek(0)
    is_alone = file.read(2) == b"PK"
    with zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > ENTRIES_MOST:
            raise Unreadable(f"it holds more than {ENTRIES_MOST} files")
        if is_alone:
            _beginning_check(archive.infolist())
        names = {entry.filename for entry in entries}
        report = Report(*_kind(names, suffix))
        unpacked = 0
        for entry in entries:
            unpacked += entry.file_size
            _bomb_check(entry, unpacked)
            if not _is_tensor(archive, entry, names):
                report.add(_entry(archive, entry, report.format, depth, inspect), entry.filename)
    return report


def _beginning_check(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Of two archives in one file Python reads the last, and torch what lies at the places that it names."""
    if entries and min(entry.header_offset for entry in entries) != 0:
        raise Unreadable("it begins with something that its list of files does not name")


def _kind(names: set[str], suffix: str) -> tuple[Format, Verdict]:
    ends = {name.split("/", 1)[-1] for name in names}
    if suffix == ".pt2" or "archive_format" in ends:
        return Format.TORCH_EXPORT, Verdict.PREFERRED
    if "constants.pkl" in ends and any(name.startswith("code/") for name in ends):
        return Format.TORCH_SCRIPT, Verdict.PLAIN
    if "data.pkl" in ends:
        return Format.TORCH, Verdict.PLAIN
    return (Format.KERAS if suffix == ".keras" else Format.ZIP), Verdict.PLAIN


def _is_tensor(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, names: set[str]) -> bool:
    """Whether it is the bytes of a tensor in an archive of torch, which are read as numbers only."""
    root, _, last = entry.filename.rpartition("/data/")
    if not (last.isdecimal() and f"{root}/data.pkl" in names):
        return False
    with archive.open(entry) as file:
        return file.read(len(NUMPY)) != NUMPY  # as an archive of NumPy it would be an array


def _bomb_check(entry: zipfile.ZipInfo, unpacked: int) -> None:
    if entry.flag_bits & 1:
        raise Unreadable(f"{entry.filename} in it is encrypted")
    is_bomb = entry.file_size > RATIO_FROM_BYTES and entry.file_size > RATIO_MOST * max(entry.compress_size, 1)
    if is_bomb or (entry.compress_type != zipfile.ZIP_STORED and unpacked > UNPACKED_MOST):
        raise Unreadable(f"{entry.filename} in it unpacks to far more than it takes")


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kind: Format, depth: int, inspect: Inspect) -> Report:
    name = entry.filename
    try:
        with archive.open(entry) as file:
            if kind == Format.TORCH_SCRIPT and name.endswith(".py") and "/code/" in f"/{name}":
                return Report(Format.PYTHON, Verdict.PLAIN)  # no Python, and read by a machine of its own
            if kind == Format.KERAS and name == "config.json":
                return description_read(file)
            return inspect(file, name, depth=depth + 1)
    except (NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{name} in it cannot be unpacked: {error}") from None
