"""The text of an expression as words, numbers, texts and signs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from workers.contracts.expressions.errors import ExpressionError

LENGTH_MOST: Final = 2_000
"""Characters."""
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false"})
"""In lower case only; a column of such a name is written between backticks."""
INT64_LEAST: Final = -(2**63)

_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<quoted>`(?:[^`]|``)*`)"
    r"|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<sign><=|>=|!=|<>|==|//|[-+*/%=<>(),])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: number, name, word (a keyword), quoted, text, sign or end. `value` is what it stands for."""

    kind: str
    value: str
    position: int
    end: int


def tokens(text: str) -> list[Token]:
    """All of them, then one of kind `end`. Raises ExpressionError."""
    if len(text) > LENGTH_MOST:
        raise ExpressionError("too_long", LENGTH_MOST, len(text), most=LENGTH_MOST)
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        if match.lastgroup != "blank":
            found.append(_token(str(match.lastgroup), match.group(), position, match.end()))
        position = match.end()
    if not found:
        raise ExpressionError("empty", 0, len(text))
    return [*found, Token("end", "", len(text), len(text))]


def number_of(token: Token) -> int | float:
    """The value of a number: a whole one of 64 bits, or a finite one with a point or an exponent.

    2^63 itself is taken, so that a minus before it makes the least whole number; the parser refuses it elsewhere.
    """
    if token.value.isdigit():
        whole = int(token.value)
        if whole <= -INT64_LEAST:
            return whole
    elif math.isfinite(number := float(token.value)):
        return number
    raise ExpressionError("wrong_number", token.position, token.end, text=token.value)


def _token(kind: str, raw: str, position: int, end: int) -> Token:
    if kind == "name" and raw in KEYWORDS:
        return Token("word", raw, position, end)
    if kind in ("quoted", "text"):
        quote = raw[0]
        value = raw[1:-1].replace(quote * 2, quote)
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ExpressionError("unexpected_character", position, end, text="NUL or half of a character")
        return Token(kind, value, position, end)
    return Token(kind, raw, position, end)


def _unreadable(text: str, position: int) -> ExpressionError:
    character = text[position]
    if character in "'\"`":
        return ExpressionError("not_closed", position, position + 1, text=character)
    return ExpressionError("unexpected_character", position, position + 1, text=repr(character))
