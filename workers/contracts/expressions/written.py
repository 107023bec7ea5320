"""What stands in an expression as it is, where a function takes nothing computed: counts, texts, patterns, dates."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from workers.contracts.expressions.errors import ExpressionError
from workers.contracts.expressions.functions import FUNCTIONS
from workers.contracts.expressions.patterns import Pattern, PatternError, pattern
from workers.contracts.expressions.syntax import Constant, Node
from workers.contracts.expressions.typed import Typed

TEXT_MOST: Final = 1_000_000
_LIMITS: Final = {("round", 1): (0, 12), ("substring", 1): (1, TEXT_MOST), ("substring", 2): (0, TEXT_MOST)}
"""Function and place of a whole number → least and most."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def setting(function: str, place: int, argument: Node) -> int | str | Pattern:
    """A number or a text that stands there; for `matches` the pattern, read. Raises ExpressionError."""
    value = argument.value if isinstance(argument, Constant) else None
    wanted = int if FUNCTIONS[function].parameters[place] == "written int64" else str
    if not isinstance(value, int | str) or isinstance(value, bool) or not isinstance(value, wanted):
        what = "A whole number" if wanted is int else "A text"
        raise ExpressionError("not_constant", argument.position, argument.end, what=what)
    if isinstance(value, int):
        least, most = _LIMITS[function, place]
        if not least <= value <= most:
            expected = f"a whole number from {least} to {most}"
            raise ExpressionError("wrong_value", argument.position, argument.end, what=str(value), expected=expected)
    elif function == "matches":
        return _pattern(value, argument)
    elif function == "replace" and place == 1 and not value:
        raise ExpressionError(
            "wrong_value", argument.position, argument.end, what="The text that is replaced", expected="not empty"
        )
    return value


def _pattern(text: str, argument: Node) -> Pattern:
    try:
        return pattern(text)
    except PatternError as error:
        raise ExpressionError(
            "wrong_pattern", argument.position, argument.end, problem=error.problem, place=error.place
        ) from None


def moment(argument: Constant, kind: str) -> Typed:
    """A date or a timestamp, written as ISO 8601 has it, without a zone. Raises ExpressionError."""
    text = str(argument.value)
    try:
        if not (_DATE if kind == "date" else _TIMESTAMP).fullmatch(text):
            raise ValueError(text)
        value: date = date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)
    except ValueError:
        expected = "2026-01-31" if kind == "date" else "2026-01-31 10:00:00"
        raise ExpressionError(
            "wrong_date", argument.position, argument.end, text=repr(text), expected=expected
        ) from None
    return Typed("literal", kind, value=value)
