"""Looks into one file of a model. Reads, never loads: no name is imported and no object is made.

Whoever loads a file chooses how, whatever its name is; so each is looked at in every way in which it can be loaded.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO, Final

from workers.contracts.inspection.allowed import words
from workers.contracts.inspection.arrays import NUMPY, has_objects
from workers.contracts.inspection.layers import hdf5_searched
from workers.contracts.inspection.onnx_files import onnx_checked
from workers.contracts.inspection.packed import unpacker
from workers.contracts.inspection.pickles import pickle_tried, pickle_walked
from workers.contracts.inspection.reading import BROKEN, UNPACKED_MOST, Pieces, Unreadable
from workers.contracts.inspection.reports import Format, Report, Verdict, of_pickle
from workers.contracts.inspection.symbols import Found
from workers.contracts.inspection.tars import HEADER_BYTES, is_tar
from workers.contracts.inspection.tensors import safetensors_checked
from workers.contracts.inspection.zips import zip_inspected

PICKLED: Final = words(".bin .ckpt .cloudpickle .dill .joblib .model .p .pck .pickle .pkl .pt .pth .sav")
"""Names under which pickles are kept: of these a file that is nothing else is read as one."""


DAMAGED: Final = (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, OverflowError, struct.error)
"""What modules of Python raise of files that are damaged, or were made to end who reads them."""


def file_inspected(file: IO[bytes], name: str, *, depth: int = 0) -> Report:
    """What is in a file that can be read and moved about in. Blocks for as long as reading it takes.

    Raises:
        OSError: the file cannot be read; that says nothing about what is in it.
    """
    try:
        return _inspected(file, name, depth)
    except (*BROKEN, *DAMAGED) as error:
        return Report(Format.OTHER, Verdict.UNREADABLE, str(error)[:300] or "it is damaged")


def _inspected(file: IO[bytes], name: str, depth: int) -> Report:
    head, suffix = _at(file, HEADER_BYTES), PurePosixPath(name).suffix.lower()
    if is_tar(head):
        raise Unreadable("archives of tar are not looked into; keep it as a zip")
    if not (head.startswith(b"PK") or zipfile.is_zipfile(file)):
        return _stream(file, head, suffix)
    report = zip_inspected(file, suffix, depth, file_inspected)
    if not head.startswith(b"PK"):
        report.add(_stream(file, head, suffix), "before the zip in it")
    return report


def _stream(file: IO[bytes], head: bytes, suffix: str) -> Report:
    """Of a file that is no archive."""
    file.seek(0)
    if head.startswith(NUMPY):
        return _numpy(file)
    if suffix == ".safetensors":
        safetensors_checked(file)
        return Report(Format.SAFETENSORS, Verdict.PREFERRED)
    report = _by_name(file, suffix)
    form, opened = Format.PICKLE, _opener(file)
    if (made := unpacker(head)) is not None:
        form, opened = Format.JOBLIB, lambda: Pieces(made(_rewound(file)), UNPACKED_MOST)
        if is_tar(_peeked(opened(), HEADER_BYTES)):
            raise Unreadable("archives of tar are not looked into; keep it as a zip")
    if suffix in PICKLED or is_pickle(_peeked(opened(), 2)):
        report.add(_pickles(opened, form), "")
        if report.format == Format.OTHER:
            report.format = form
    else:
        _tried(report, opened())
    return report


def is_pickle(head: bytes) -> bool:
    """Whether these first bytes are those of a pickle of protocol 2 to 5."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _by_name(file: IO[bytes], suffix: str) -> Report:
    """What a file is that has no mark of its own."""
    if suffix == ".py":
        return Report(Format.PYTHON, Verdict.EXECUTABLE, "it is Python code")
    if suffix in (".h5", ".hdf5"):
        return hdf5_searched(file)
    if suffix == ".onnx":
        onnx_checked(Pieces(file, UNPACKED_MOST))
        return Report(Format.ONNX, Verdict.PREFERRED)
    return Report(Format.OTHER, Verdict.PLAIN)


def _tried(report: Report, pieces: Pieces) -> None:
    """Pickles of protocol 0 and 1 have no mark, and may have any name."""
    found, is_whole = pickle_tried(pieces)
    while is_whole and not found.refused and pieces.peek(1):
        found, is_whole = pickle_tried(pieces, found.opcodes)
    if found.refused:
        report.add(of_pickle(found, Format.PICKLE), "")


def _numpy(file: IO[bytes]) -> Report:
    pieces = Pieces(file, UNPACKED_MOST)
    if not has_objects(pieces):
        return Report(Format.NUMPY, Verdict.PLAIN)
    found = Found()
    pickle_walked(pieces, found, is_joblib=False)
    return of_pickle(found, Format.NUMPY)


def _pickles(opened: Callable[[], Pieces], form: Format) -> Report:
    """One pickle after the other, as `torch` wrote them once; what is not one after the first is nobody's program."""
    found, pieces = Found(), opened()
    pickle_walked(pieces, found)
    while pieces.peek(1):
        if is_pickle(pieces.peek(2)):
            pickle_walked(pieces, found)
            continue
        behind, is_whole = pickle_tried(pieces, found.opcodes)
        found.take(behind)
        if not is_whole:
            break
    if found.has_arrays:
        found.take(pickle_tried(opened())[0])
    return of_pickle(found, form)


def _opener(file: IO[bytes]) -> Callable[[], Pieces]:
    return lambda: Pieces(_rewound(file), UNPACKED_MOST)


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file


def _peeked(pieces: Pieces, size: int) -> bytes:
    """The first bytes; none where it cannot be unpacked."""
    try:
        return pieces.peek(size)
    except BROKEN:
        return b""


def _at(file: IO[bytes], size: int) -> bytes:
    file.seek(0)
    found = file.read(size)
    file.seek(0)
    return found
