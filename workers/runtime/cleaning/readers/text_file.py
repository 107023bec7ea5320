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
    codecs.BOM_UTF8: "utf-8",
}
"""What text of an encoding starts with."""
OTHERS = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip file (or of Excel)",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a parquet file",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a picture",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}
"""What files start with that are often sent by mistake."""
WIDE_RATIO = (0.2, 0.6)
"""Text in UTF-16 that is mostly Latin has a NUL in every second byte."""
LINE_LIMIT_BYTES = 16 << 20


class Place:
    """Where a file was read to: lines, and what of the last one in the units that `step` is given."""

    def __init__(self) -> None:
        self.line, self.before = 1, 0
        self.length = 0
        """Of the line in which the last part began, as far as it was read."""

    def step(self, part: bytes | str) -> None:
        end: bytes | str = b"\n" if isinstance(part, bytes) else "\n"
        lines = part.count(end)  # type: ignore[arg-type]
        last = part.rfind(end)  # type: ignore[arg-type]
        self.length = self.before + (part.find(end) if lines else len(part))  # type: ignore[arg-type]
        self.line += lines
        self.before = len(part) - last - 1 if lines else self.before + len(part)

    def after(self, part: bytes | str) -> tuple[int, int]:
        """Line and number within it, both from 1, of what follows on `part`; the place itself stays."""
        ahead = Place()
        ahead.line, ahead.before = self.line, self.before
        ahead.step(part)
        return ahead.line, ahead.before + 1


def as_utf8(path: Path, encoding: str, work_dir: Path) -> Path:
    """The file itself when it is UTF-8, else a copy in UTF-8 below `work_dir`.

    Raises:
        UserError: `empty_file`; `wrong_format` for what is no text; `wrong_encoding`, `nul_byte` and
            `line_too_long` with the place.
    """
    with path.open("rb") as file:
        start = file.read(CHUNK_BYTES)
    if not start.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise UserError("empty_file", f"{path.name} is empty")
    other = next((kind for mark, kind in OTHERS.items() if start.startswith(mark)), None)
    if other:
        raise UserError("wrong_format", f"{path.name} is {other}, not text")
    name = codecs.lookup(encoding).name
    plain = name in ("utf-8", "ascii", "utf-8-sig")
    found = next((kind for mark, kind in MARKS.items() if start.startswith(mark)), None)
    if found and not (plain if found == "utf-8" else name.startswith(found)):
        raise UserError("wrong_encoding", f"{path.name} starts as {found} text, line 1: say so as its encoding")
    if plain:
        _check(path, WIDE_RATIO[0] < start.count(0) / len(start) < WIDE_RATIO[1])
        return path
    target = work_dir / f"{path.name}.utf-8"
    _recode(path, encoding, target)
    return target


def _check(path: Path, is_wide: bool) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    place = Place()
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            if 0 in chunk:
                line, byte = place.after(chunk[: chunk.index(0)])
                hint = "it looks like utf-16: say so as its encoding" if is_wide else "text has none"
                raise UserError("nul_byte", f"{path.name}: line {line}, byte {byte} is 0x00 (NUL); {hint}")
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at = error.start - pending  # negative: it began at the end of the chunk before
                line, byte = place.after(chunk[: max(at, 0)])
                raise UserError(
                    "wrong_encoding",
                    f"{path.name} is not UTF-8: line {line}, byte {byte + min(at, 0)} is "
                    f"0x{error.object[error.start]:02x}; say which encoding it has",
                ) from None
            if not chunk:
                return
            _step(path, place, chunk)


def _recode(path: Path, encoding: str, target: Path) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    place = Place()
    with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as copy:
        chunk = b"-"
        while chunk:
            chunk = source.read(CHUNK_BYTES)
            state = decoder.getstate()
            try:
                text = decoder.decode(chunk, final=not chunk)
                copy.write(text)
            except UnicodeError as error:
                decoder.setstate(state)
                raise UserError("wrong_encoding", _not_in(path, encoding, place, decoder, error)) from None
            if "\0" in text:
                line, character = place.after(text[: text.index("\0")])
                raise UserError("nul_byte", f"{path.name}: line {line}, character {character} is NUL; text has none")
            _step(path, place, text)


def _step(path: Path, place: Place, part: bytes | str) -> None:
    line = place.line
    place.step(part)
    if place.length > LINE_LIMIT_BYTES:
        raise UserError("line_too_long", f"{path.name}: line {line} is longer than {LINE_LIMIT_BYTES} bytes")


def _not_in(path: Path, encoding: str, place: Place, decoder: codecs.IncrementalDecoder, error: UnicodeError) -> str:
    """Where a file is not in the encoding that was said, as exactly as the encoding tells."""
    if isinstance(error, UnicodeDecodeError):
        good = error.object[: error.start]
        pending = len(decoder.getstate()[0])
        text = decoder.decode(good[pending:]) if len(good) >= pending else ""
        line, character = place.after(text)
        value = error.object[error.start]
        return f"{path.name} is not {encoding}: line {line}, character {character} starts with 0x{value:02x}"
    if isinstance(error, UnicodeEncodeError):
        line, character = place.after(error.object[: error.start])
        return f"{path.name} is not {encoding}: line {line}, character {character} is half of a character"
    return f"{path.name} is not {encoding}, after line {place.line}: {error}"
