"""Text uploads are UTF-8 before DuckDB sees them; what is not is refused with its place, or recoded if asked."""

from __future__ import annotations

import codecs
from pathlib import Path

from workers.runtime.cleaning.errors import UserError

CHUNK_BYTES = 1 << 20
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
}


def as_utf8(path: Path, encoding: str, work_dir: Path) -> Path:
    """The file itself when it is UTF-8, else a copy in UTF-8 below `work_dir`.

    Raises:
        UserError: `empty_file`; `wrong_format` for an archive; `wrong_encoding` with line and byte.
    """
    with path.open("rb") as file:
        start = file.read(CHUNK_BYTES)
    if not start.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise UserError("empty_file", f"{path.name} is empty")
    plain = codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig")
    found = next((kind for mark, kind in MARKS.items() if start.startswith(mark)), None)
    if found in ("gzip", "zip", "parquet"):
        raise UserError("wrong_format", f"{path.name} is a {found} file, not text")
    if found and plain:
        raise UserError("wrong_encoding", f"{path.name} starts as {found} text, line 1: say so as its encoding")
    if plain:
        _check(path)
        return path
    target = work_dir / f"{path.name}.utf-8"
    _recode(path, encoding, target)
    return target


def _check(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, bytes_before, line_start = 1, 0, 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at = error.start - pending
                before = chunk[: max(at, 0)]
                lines += before.count(b"\n")
                last = before.rfind(b"\n")
                line_start = bytes_before + last + 1 if last >= 0 else line_start
                byte = bytes_before + at - line_start + 1
                value = error.object[error.start]
                raise UserError(
                    "wrong_encoding",
                    f"{path.name} is not UTF-8: line {lines}, byte {byte} is 0x{value:02x}; say which encoding it has",
                ) from None
            if not chunk:
                return
            lines += chunk.count(b"\n")
            last = chunk.rfind(b"\n")
            line_start = bytes_before + last + 1 if last >= 0 else line_start
            bytes_before += len(chunk)


def _recode(path: Path, encoding: str, target: Path) -> None:
    lines = 1
    try:
        with path.open(encoding=encoding, newline="") as source, target.open("w", encoding="utf-8", newline="") as copy:
            while text := source.read(CHUNK_BYTES):
                lines += text.count("\n")
                copy.write(text)
    except UnicodeError as error:
        raise UserError("wrong_encoding", f"{path.name} is not {encoding}, after line {lines}: {error}") from None
