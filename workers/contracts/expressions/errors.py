"""What is wrong with an expression, and where."""

from __future__ import annotations

from typing import Final

SENTENCES: Final = {
    "empty": "There is no expression.",
    "too_long": "An expression has at most {most} characters.",
    "too_large": "An expression has at most {most} parts.",
    "too_deep": "An expression is nested at most {most} deep.",
    "unexpected_character": "The character {text} means nothing here.",
    "not_closed": "What {text} opens is never closed.",
    "wrong_number": "{text} is no number that can be kept.",
    "expected": "Here should be {expected}, not {text}.",
    "unknown_function": "There is no function {text}.{hint}",
    "wrong_arguments": "{function} takes {expected}, not {count}.",
    "unknown_column": "There is no column {column}.{hint}",
    "wrong_type": "{what} takes {expected}, and this is {found}.",
    "different_types": "{what} takes values of one type, and these are {found} and {other}.",
    "compares_null": "Nothing is equal to null, or less or more: write `is null` or `is not null`.",
    "no_type": "A null alone has no type.",
    "not_constant": "{what} is written out here, not computed.",
    "wrong_date": "{text} is not written as {expected}.",
    "wrong_pattern": "In the pattern: {problem}.",
    "wrong_value": "{what} is {expected} here.",
}
"""Code → sentence. A code never changes its meaning: pages translate by it."""


class ExpressionError(ValueError):
    """An expression that cannot be read, or does not fit the columns.

    `position` and `end` are places in the text, in characters (code points) from 0; `end` is behind the last one.
    `params` are what the sentence of `code` names.
    """

    def __init__(self, code: str, position: int, end: int, **params: str | int) -> None:
        self.code = code
        self.position = position
        self.end = max(end, position)
        self.params = params
        self.detail = SENTENCES[code].format(**params)
        super().__init__(f"at character {position + 1}: {self.detail}")

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "detail": self.detail,
            "position": self.position,
            "end": self.end,
            "params": self.params,
        }
