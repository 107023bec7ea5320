"""Text uploads are UTF-8 before DuckDB sees them: found out, checked whole, and recoded where need be."""

from __future__ import annotations

import codecs
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workers.contracts.sentences import say
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.encodings import guessed, is_damaged_utf8, marked, sampled, wide

CHUNK_BYTES = 1 << 20
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
SAMPLED_CHUNKS = 256
"""How far into a file its encoding is looked for."""
LINE_LIMIT_BYTES = 16 << 20


def _count(part: bytes | str, sign: bytes | str) -> int:
    """How often a sign of one byte, or one character, is in a part; of bytes by NumPy, seven times as fast."""
    if isinstance(part, bytes):
        return int(np.count_nonzero(np.frombuffer(part, dtype=np.uint8) == ord(sign)))
    return part.count(str(sign))


class Place:
    """Where a file was read to: lines, and what of the last one in the units that `step` is given."""

    def __init__(self) -> None:
        self.line, self.before = 1, 0
        self.length = 0
        """Of the line in which the last part began, as far as it was read."""

    def step(self, part: bytes | str) -> None:
        end: bytes | str = b"\n" if isinstance(part, bytes) else "\n"
        if end not in part:  # type: ignore[operator]
            end = b"\r" if isinstance(part, bytes) else "\r"
        lines = _count(part, end)
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


class NotUtf8(UserError):
    """The file is in another encoding; `place` is where that shows."""

    def __init__(self, place: dict[str, Any], guess: str = "") -> None:
        detail = say("not_utf8_guess", **place, guess=guess) if guess else say("not_utf8", **place)
        super().__init__("wrong_encoding", detail)
        self.place = place


@dataclass(frozen=True, slots=True)
class Text:
    """A text in UTF-8, and how it came."""

    path: Path
    encoding: str
    confidence: float
    """1 where it was said, marked, or is UTF-8 throughout."""
    line_ending: str
    """`lf`, `crlf`, `cr`, `mixed` (then the text has `lf` only), or `none`."""

    def to_json(self) -> dict[str, object]:
        return {
            "encoding": self.encoding, "encoding_confidence": self.confidence, "line_ending": self.line_ending,
        }  # fmt: skip


@dataclass(slots=True)
class Ends:
    """Ends of lines, counted over parts of a text."""

    crlf: int = 0
    lf: int = 0
    cr: int = 0
    open: bool = False
    """The last part ended with a carriage return."""

    def step(self, part: bytes | str) -> None:
        marks: Any = ("\n", "\r", "\r\n") if isinstance(part, str) else (b"\n", b"\r", b"\r\n")
        feeds = _count(part, marks[0])
        returns = _count(part, marks[1]) if marks[1] in part else 0
        both = part.count(marks[2]) if returns else 0
        both += self.open and part.startswith(marks[0])
        self.crlf += both
        self.lf += feeds - both
        self.cr += returns - both
        self.open = part.endswith(marks[1]) if part else self.open

    @property
    def kind(self) -> str:
        found = [name for name in ("crlf", "lf", "cr") if getattr(self, name)]
        return found[0] if len(found) == 1 else "mixed" if found else "none"


def as_utf8(path: Path, name: str, encoding: str | None, work_dir: Path, most: int = LINE_LIMIT_BYTES) -> Text:
    """The file itself where it is UTF-8 with one kind of line end, else a copy below `work_dir`.

    Args:
        name: what people call the file.
        encoding: None to find it out.
        most: bytes of a line, of the last one as far as it is known.

    Raises:
        UserError: `empty_file`; `wrong_format` for what is no text; `wrong_encoding`, `nul_byte` and
            `line_too_long` with the place.
    """
    with path.open("rb") as file:
        start = file.read(CHUNK_BYTES)
    if not start.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise UserError("empty_file", f"{name} is empty")
    other = next((kind for mark, kind in OTHERS.items() if start.startswith(mark)), None)
    if other:
        raise UserError("wrong_format", f"{name} is {other}, not text")
    mark = marked(start)
    if encoding is not None:
        said = codecs.lookup(encoding).name
        plain = said in ("utf-8", "ascii", "utf-8-sig")
        if mark and not (plain if mark == "utf-8" else said.startswith(mark)):
            raise UserError("wrong_encoding", f"{name} starts as {mark} text, line 1: say so as its encoding")
        if plain:
            return _normalised(_checked(path, name, most), work_dir)
        return _recoded(path, name, encoding, work_dir, most)
    return _found(path, name, mark or wide(start), work_dir, most)


def _found(path: Path, name: str, wide_one: str | None, work_dir: Path, most: int) -> Text:
    """Read in the encoding that the file is in."""
    if wide_one and wide_one != "utf-8":
        return _recoded(path, name, wide_one, work_dir, most)
    try:
        return _normalised(_checked(path, name, most), work_dir)
    except NotUtf8 as error:
        sample = sampled(_chunks(path, SAMPLED_CHUNKS))
        if not sample or wide_one or is_damaged_utf8(sample):
            raise
        guess = guessed(sample)
        if guess is None:
            raise
        if not guess.is_sure:
            raise NotUtf8(error.place, guess.encoding) from None
    return _recoded(path, name, guess.encoding, work_dir, most, guess.confidence)


def _chunks(path: Path, most: int | None = None) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            most = None if most is None else most - 1
            if most == 0:
                return


def _checked(path: Path, name: str, most: int) -> Text:
    """The file as it is, which is UTF-8 throughout."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    place, ends = Place(), Ends()
    for chunk in itertools.chain(_chunks(path), [b""]):
        if 0 in chunk:
            line, byte = place.after(chunk[: chunk.index(0)])
            raise UserError("nul_byte", f"{name}: line {line}, byte {byte} is 0x00 (NUL); text has none")
        pending = len(decoder.getstate()[0])
        try:
            if pending or not chunk or not chunk.isascii():
                decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            at = error.start - pending  # negative: it began at the end of the chunk before
            line, byte = place.after(chunk[: max(at, 0)])
            value = f"0x{error.object[error.start]:02x}"
            raise NotUtf8({"file": name, "line": line, "byte": byte + min(at, 0), "value": value}) from None
        ends.step(chunk)
        _step(name, place, chunk, most)
    return Text(path, "utf-8", 1.0, ends.kind)


def _normalised(text: Text, work_dir: Path) -> Text:
    """With one kind of line end: DuckDB takes no two kinds."""
    if text.line_ending != "mixed":
        return text
    target = work_dir / f"{text.path.name}.lines"
    with (
        text.path.open(encoding="utf-8", newline=None) as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        while part := source.read(CHUNK_BYTES):
            copy.write(part)
    return Text(target, text.encoding, text.confidence, "mixed")


def _recoded(path: Path, name: str, encoding: str, work_dir: Path, most: int, confidence: float = 1.0) -> Text:
    target = work_dir / f"{path.name}.utf-8"
    decoder = codecs.getincrementaldecoder(encoding)()
    place, ends = Place(), Ends()
    with target.open("w", encoding="utf-8", newline="") as copy:
        for chunk in itertools.chain(_chunks(path), [b""]):
            state = decoder.getstate()
            try:
                text = decoder.decode(chunk, final=not chunk)
                copy.write(text)
            except UnicodeError as error:
                decoder.setstate(state)
                raise UserError("wrong_encoding", _not_in(name, encoding, place, decoder, error)) from None
            if "\0" in text:
                line, character = place.after(text[: text.index("\0")])
                raise UserError("nul_byte", f"{name}: line {line}, character {character} is NUL; text has none")
            ends.step(text)
            _step(name, place, text, most)
    return _normalised(Text(target, encoding, confidence, ends.kind), work_dir)


def _step(name: str, place: Place, part: bytes | str, most: int) -> None:
    line = place.line
    place.step(part)
    if place.length > most:
        raise UserError("line_too_long", f"{name}: line {line} is longer than {most} bytes")


def _not_in(name: str, encoding: str, place: Place, decoder: codecs.IncrementalDecoder, error: UnicodeError) -> str:
    """Where a file is not in the encoding that was said, as exactly as the encoding tells."""
    if isinstance(error, UnicodeDecodeError):
        good = error.object[: error.start]
        pending = len(decoder.getstate()[0])
        text = ""
        with contextlib.suppress(UnicodeError):  # UTF-16 without its mark has no beginning either
            text = decoder.decode(good[pending:]) if len(good) >= pending else ""
        line, character = place.after(text)
        value = error.object[error.start]
        return f"{name} is not {encoding}: line {line}, character {character} starts with 0x{value:02x}"
    if isinstance(error, UnicodeEncodeError):
        line, character = place.after(error.object[: error.start])
        return f"{name} is not {encoding}: line {line}, character {character} is half of a character"
    return f"{name} is not {encoding}, after line {place.line}: {error}"
