"""The pieces that a search is written in: names, numbers, texts in quotes, signs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

CHARACTERS_MOST: Final = 20_000


class BadSearch(ValueError):
    """What was written is no search; says what was expected and where."""


class Kind(Enum):
    WORD = "word"
    """Without quotes: a name, the sign `.` included, or a word of the grammar."""
    NUMBER = "number"
    TEXT = "text"
    """In `'` or `"`."""
    TICKED = "ticked"
    """In backticks: always a name."""
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Word:
    """One piece: `said` is how it was written, `text` what that means."""

    kind: Kind
    text: str
    said: str
    at: int


_SIGN = re.compile(r">=|<=|!=|<>|==|=|<|>|\(|\)|,|;")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"[^\s'\"`<>=!(),;]+")
_QUOTES: Final = "'\"`"


def words_of(text: str) -> Iterator[Word]:
    """The pieces of a search, the end of it last. Raises BadSearch."""
    if len(text) > CHARACTERS_MOST:
        raise BadSearch(f"A filter has at most {CHARACTERS_MOST} characters, not {len(text)}.")
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word = _word(text, at)
        yield word
        at += len(word.said)
    yield Word(Kind.END, "", "", at)


def _word(text: str, at: int) -> Word:
    letter = text[at]
    if letter in _QUOTES:
        end = _closing(text, at)
        inner = text[at + 1 : end].replace(letter * 2, letter)
        if "\x00" in inner:
            raise BadSearch(f"At character {at + 1}: a NUL character.")
        return Word(Kind.TICKED if letter == "`" else Kind.TEXT, inner, text[at : end + 1], at)
    for kind, pattern in ((Kind.SIGN, _SIGN), (Kind.NUMBER, _NUMBER), (Kind.WORD, _WORD)):
        found = pattern.match(text, at)
        if found is not None:
            return Word(kind, found.group(), found.group(), at)
    raise BadSearch(f"At character {at + 1}: {letter!r} stands where it means nothing.")


def _closing(text: str, at: int) -> int:
    """Where the quotes that begin there end: a doubled one inside is one of the text."""
    quote, here = text[at], at + 1
    while True:
        here = text.find(quote, here)
        if here < 0:
            raise BadSearch(f"At character {at + 1}: the quotes do not end.")
        if text[here + 1 : here + 2] != quote:
            return here
        here += 2


def quoted(text: str, quote: str = "'") -> str:
    """A text as it is written in a search."""
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"
