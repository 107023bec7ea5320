"""Operations on texts, dates and timestamps, value by value: records come in small batches."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from workers.contracts.expressions.matching import Matcher
from workers.contracts.expressions.patterns import Pattern
from workers.contracts.expressions.texts import BLANKS
from workers.contracts.expressions.typed import Typed
from workers.runtime.expressions.cells import Cells, any_missing
from workers.runtime.number_text import NUMBER

_NUMBER: Final = re.compile(NUMBER)


def _each(kind: str, function: Callable[..., Any]) -> Callable[..., Cells]:
    """A function of Python values, called where none is missing; None is a missing result."""

    def computed(found: Typed, *arguments: Cells) -> Cells:
        missing = any_missing(*arguments)
        columns = [each.values.tolist() for each in arguments]
        rows = zip(missing.tolist(), *columns, strict=True)
        return Cells.of([None if gone else function(found, *values) for gone, *values in rows], kind)

    return computed


def _matches(found: Typed, value: Cells) -> Cells:
    matcher = _matcher(found.settings[0])
    return _each("bool", lambda _found, text: matcher.found(text))(found, value)


@functools.lru_cache(maxsize=256)
def _matcher(pattern: Pattern) -> Matcher:
    return Matcher(pattern)


def _substring(found: Typed, text: str) -> str:
    start, count = found.settings
    return text[start - 1 : start - 1 + count]


def _day(_found: Typed, value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _to_number(_found: Typed, value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    text = value.strip(BLANKS)
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text) + 0.0
    return number if math.isfinite(number) else None


def _to_text(_found: Typed, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _seconds_between(_found: Typed, first: datetime, second: datetime) -> float:
    span = second - first
    return ((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds) / 1e6


TEXTS: Final[dict[str, Callable[..., Cells]]] = {
    "lower": _each("string", lambda _found, text: text.replace("Σ", "σ").lower()),
    "upper": _each("string", lambda _found, text: text.upper()),
    "trim": _each("string", lambda _found, text: text.strip(BLANKS)),
    "length": _each("int64", lambda _found, text: len(text)),
    "substring": _each("string", _substring),
    "replace": _each("string", lambda found, text: text.replace(*found.settings)),
    "concat": _each("string", lambda _found, *texts: "".join(texts)),
    "contains": _each("bool", lambda _found, text, part: part in text),
    "starts_with": _each("bool", lambda _found, text, part: text.startswith(part)),
    "ends_with": _each("bool", lambda _found, text, part: text.endswith(part)),
    "matches": _matches,
    "year": _each("int64", lambda _found, value: value.year),
    "month": _each("int64", lambda _found, value: value.month),
    "day": _each("int64", lambda _found, value: value.day),
    "weekday": _each("int64", lambda _found, value: value.isoweekday()),
    "hour": _each("int64", lambda _found, value: value.hour),
    "minute": _each("int64", lambda _found, value: value.minute),
    "days_between": _each("int64", lambda _found, first, second: (second - first).days),
    "seconds_between": _each("float64", _seconds_between),
    "date": _each("date", _day),
    "number": _each("float64", _to_number),
    "text": _each("string", _to_text),
}
