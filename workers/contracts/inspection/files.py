"""Looks into one file of a model. Reads, never loads: no name is imported and no object is made."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO, Any, Final

from workers.contracts.inspection.arrays import NUMPY, has_objects
from workers.contracts.inspection.pickles import Found, pickle_walked
from workers.contracts.inspection.reading import PIECE_BYTES, Pieces, Source, Unreadable
from workers.contracts.inspection.reports import PREFERRED, Format, Report, Verdict, of_pickle

UNPACKED_MOST: Final = 8 << 30
"""Of a file that is packed: so much of what it unpacks to is looked at."""
ENTRIES_MOST: Final = 20_000
"""Files in a zip."""
RATIO_MOST: Final = 1000
"""A file in a zip that unpacks to more times its size, and to more than `RATIO_FROM_BYTES`, is a bomb."""
RATIO_FROM_BYTES: Final = 64 << 20
DEPTH_MOST: Final = 3
"""Zips in zips."""
HEAD_BYTES: Final = 64
PICKLED: Final = frozenset(
    {
        ".bin",
        ".ckpt",
        ".cloudpickle",
        ".dill",
        ".joblib",
        ".model",
        ".p",
        ".pck",
        ".pickle",
        ".pkl",
        ".pt",
        ".pth",
        ".sav",
    }
)
"""Names under which pickles are kept: of these a file that is nothing else is read as one."""
_PACKED: Final[dict[bytes, Callable[[IO[bytes]], Source]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
    b"\x78\x01": lambda file: _Deflated(file),
    b"\x78\x5e": lambda file: _Deflated(file),
    b"\x78\x9c": lambda file: _Deflated(file),
    b"\x78\xda": lambda file: _Deflated(file),
}
_FORMATS: Final = {".safetensors": Format.SAFETENSORS, ".onnx": Format.ONNX, ".h5": Format.KERAS, ".py": Format.PYTHON}
_LAMBDA: Final = b'"class_name": "Lambda"'
"""How Keras says, in the JSON inside its files, that a layer is a function whose code is in the file."""


def file_inspected(file: IO[bytes], name: str, *, depth: int = 0) -> Report:
    """What is in a file that can be read and moved about in. Blocks for as long as reading it takes.

    Raises:
        OSError: the file cannot be read; that says nothing about what is in it.
    """
    try:
        return _inspected(file, name, depth)
    except (Unreadable, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RecursionError) as error:
        return Report(Format.OTHER, Verdict.UNREADABLE, str(error)[:300] or "it is damaged")


def _inspected(file: IO[bytes], name: str, depth: int) -> Report:
    head, suffix = file.read(HEAD_BYTES), PurePosixPath(name).suffix.lower()
    file.seek(0)
    if head.startswith(b"PK") or zipfile.is_zipfile(file):
        report = _zip(file, suffix, depth)
        if head.startswith(b"PK"):
            return report
        report.add(_stream(file, head, suffix), "before the zip in it")
        return report
    return _stream(file, head, suffix)


def _stream(file: IO[bytes], head: bytes, suffix: str) -> Report:
    file.seek(0)
    if head.startswith(NUMPY):
        return _numpy(file)
    packed = next((made for magic, made in _PACKED.items() if head.startswith(magic)), None)
    if packed is not None and (suffix in PICKLED or suffix in (".gz", ".z", ".bz2", ".xz", ".lzma")):
        return _packed(packed(file), suffix)
    if suffix in _FORMATS:
        return _by_name(file, _FORMATS[suffix])
    if suffix in PICKLED or is_pickle(head):
        return _pickles(Pieces(file, UNPACKED_MOST), Format.PICKLE)
    if b"ustar" in _at(file, 257, 8):
        return Report(Format.OTHER, Verdict.UNREADABLE, "archives of tar are not looked into; keep it as a zip")
    return Report(Format.OTHER, Verdict.PLAIN)


def is_pickle(head: bytes) -> bool:
    """Whether these first bytes are those of a pickle of protocol 2 to 5."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def _by_name(file: IO[bytes], form: Format) -> Report:
    if form == Format.PYTHON:
        return Report(form, Verdict.EXECUTABLE, "it is Python code")
    if form == Format.KERAS:
        return _keras(file)
    if form == Format.SAFETENSORS and not _is_safetensors(file):
        return Report(Format.OTHER, Verdict.UNREADABLE, "it is named as safetensors and is none")
    return Report(form, Verdict.PREFERRED if form in PREFERRED else Verdict.PLAIN)


def _is_safetensors(file: IO[bytes]) -> bool:
    head = _at(file, 0, 9)
    length, size = int.from_bytes(head[:8], "little"), file.seek(0, 2)
    return len(head) == 9 and head[8:] == b"{" and length <= size - 8


def _keras(file: Source) -> Report:
    before = b""
    while piece := file.read(PIECE_BYTES):
        if _LAMBDA in before + piece:
            return Report(Format.KERAS, Verdict.EXECUTABLE, "a layer of it is Python code (Lambda)")
        before = piece[-len(_LAMBDA) :]
    return Report(Format.KERAS, Verdict.PLAIN)


def _numpy(file: Any) -> Report:
    pieces = Pieces(file, UNPACKED_MOST)
    return _pickles(pieces, Format.NUMPY) if has_objects(pieces) else Report(Format.NUMPY, Verdict.PLAIN)


def _packed(source: Source, suffix: str) -> Report:
    pieces = Pieces(source, UNPACKED_MOST)
    try:
        if suffix not in PICKLED and not is_pickle(pieces.peek(2)):
            return Report(Format.OTHER, Verdict.PLAIN)
        return _pickles(pieces, Format.JOBLIB)
    except EOFError as error:
        raise Unreadable(f"it cannot be unpacked: {error}") from None
    except OSError as error:
        if error.errno is not None:  # of the store; those of the packers have no number
            raise
        raise Unreadable(f"it cannot be unpacked: {error}") from None


def _pickles(pieces: Pieces, form: Format) -> Report:
    """One pickle after the other, as `torch` wrote them once; what is not one after the first is nobody's program."""
    found = Found()
    pickle_walked(pieces, found)
    while is_pickle(pieces.peek(2)):
        pickle_walked(pieces, found)
    return of_pickle(found, form)


def _zip(file: IO[bytes], suffix: str, depth: int) -> Report:
    if depth >= DEPTH_MOST:
        raise Unreadable(f"it has zips in zips, more than {DEPTH_MOST} deep")
    with zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > ENTRIES_MOST:
            raise Unreadable(f"it holds more than {ENTRIES_MOST} files")
        names = {entry.filename for entry in entries}
        report = Report(*_kind(names, suffix))
        unpacked = 0
        for entry in entries:
            unpacked += entry.file_size
            _bomb_check(entry, unpacked)
            if not _is_tensor(entry.filename, names):
                report.add(_entry(archive, entry, depth), entry.filename)
    return report


def _kind(names: set[str], suffix: str) -> tuple[Format, Verdict]:
    ends = {name.split("/", 1)[-1] for name in names}
    if suffix == ".pt2" or "archive_format" in ends:
        return Format.TORCH_EXPORT, Verdict.PREFERRED
    if "constants.pkl" in ends and any(name.startswith("code/") for name in ends):
        return Format.TORCH_SCRIPT, Verdict.PLAIN
    if "data.pkl" in ends:
        return Format.TORCH, Verdict.PLAIN
    return (Format.KERAS if suffix == ".keras" else Format.ZIP), Verdict.PLAIN


def _is_tensor(name: str, names: set[str]) -> bool:
    """Whether it is the bytes of a tensor in an archive of torch, which are read as numbers only."""
    root, _, last = name.rpartition("/data/")
    return last.isdecimal() and f"{root}/data.pkl" in names


def _bomb_check(entry: zipfile.ZipInfo, unpacked: int) -> None:
    if entry.flag_bits & 1:
        raise Unreadable(f"{entry.filename} in it is encrypted")
    is_bomb = entry.file_size > RATIO_FROM_BYTES and entry.file_size > RATIO_MOST * max(entry.compress_size, 1)
    if is_bomb or (entry.compress_type != zipfile.ZIP_STORED and unpacked > UNPACKED_MOST):
        raise Unreadable(f"{entry.filename} in it unpacks to far more than it takes")


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, depth: int) -> Report:
    try:
        with archive.open(entry) as file:
            if entry.filename.endswith(("code/", ".py")) and "/code/" in f"/{entry.filename}":
                return Report(Format.PYTHON, Verdict.PLAIN)  # of TorchScript: no Python, and read by its own machine
            if entry.filename.endswith("config.json"):
                return Report(Format.OTHER, _keras(file).verdict, "a layer of it may be Python code (Lambda)")
            return file_inspected(file, entry.filename, depth=depth + 1)
    except (NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{entry.filename} in it cannot be unpacked: {error}") from None


def _at(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place)
    found = file.read(size)
    file.seek(0)
    return found


class _Deflated:
    """What zlib packed, unpacked as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._packer = file, zlib.decompressobj()

    def read(self, size: int = -1, /) -> bytes:
        packed = self._packer.unconsumed_tail
        while True:
            found = self._packer.decompress(packed, max(size, 1))
            if found or self._packer.eof:
                return found
            packed = self._packer.unconsumed_tail or self._file.read(1 << 16)
            if not packed:
                raise Unreadable("what is packed in it is cut off")
