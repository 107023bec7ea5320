"""Texts as rows: a file each, as Unicode."""

from __future__ import annotations

from typing import Any

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.folders.base import File, Folder
from workers.runtime.cleaning.readers.encodings import guessed, is_damaged_utf8, marked, sampled, wide
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES


class Texts(Folder):
    """One that is no text, or of an encoding that its bytes do not settle, is left out."""

    kind = "texts"
    columns = (
        ("path", "string"), ("label", "string"), ("text", "string"), ("size_bytes", "int64"),
        ("content_sha256", "string"),
    )  # fmt: skip

    def row(self, file: File) -> dict[str, Any]:
        if len(file.content) > LINE_LIMIT_BYTES:
            raise UserError("too_large", f"a text has at most {LINE_LIMIT_BYTES} bytes")
        text = self._decoded(file.content).removeprefix("\ufeff")
        if "\0" in text:
            raise UserError("nul_byte", f"character {text.index(chr(0)) + 1} is NUL; text has none")
        return {"text": text}

    def _decoded(self, content: bytes) -> str:
        said = self._options.encoding
        name = said or marked(content) or wide(content[: 1 << 16]) or "utf-8"
        try:
            return content.decode(name)
        except UnicodeDecodeError as error:
            wrong = f"it is not {name}: byte {error.start + 1} is 0x{content[error.start]:02x}"
        sample = sampled([content])
        guess = None if said or is_damaged_utf8(sample) else guessed(sample)
        if guess is None or not guess.is_sure:
            hint = f"; it may be {guess.encoding}" if guess else ""
            raise UserError("wrong_encoding", f"{wrong}{hint}")
        try:
            return content.decode(guess.encoding)
        except UnicodeDecodeError as error:
            raise UserError("wrong_encoding", f"{wrong}; nor is it {guess.encoding}: byte {error.start + 1}") from None
