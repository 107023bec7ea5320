"""From one house type to another. A value that has no counterpart is null."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.number_text import NUMBER
from workers.runtime.transforms import dates
from workers.runtime.transforms.arrays import ARROW_TYPES, texts_of

WHOLE: Final = r"^[+-]?[0-9]{1,30}(\.0*)?$"
TRUE: Final = ("true", "t", "yes", "y", "1")
FALSE: Final = ("false", "f", "no", "n", "0")
_ISO: Final[dict[str, Any]] = {
    "formats": [
        "%Y-%m-%d",
        *(
            f"%Y-%m-%d{between}%H:%M{rest}"
            for between in ("T", " ")
            for rest in ("", ":%S", ":%S.%f", "%z", ":%S%z", ":%S.%f%z")
        ),
    ],
    "day_first": False,
    "zone": "UTC",
}
_STRING: Final = pa.large_string()


def cast(array: pa.Array, kind: str, to: str) -> pa.Array:
    """`kind` is the house type of the array, `to` the one that is wanted."""
    if kind == to:
        return array
    if to == "string":
        return texts_of(array, kind)
    if kind == "string":
        return _FROM_TEXT[to](array)
    if to in ("date", "timestamp"):
        return dates.parse(array, kind, {**_ISO, "to": to})
    if to == "bool":
        return _truths(array)
    if kind == "float64":
        return _whole(array)
    return pc.cast(array, ARROW_TYPES[to], safe=False)


def _truths(numbers: pa.Array) -> pa.Array:
    known = pc.or_(pc.equal(numbers, 0), pc.equal(numbers, 1))
    return pc.if_else(known, pc.equal(numbers, 1), pa.scalar(None, pa.bool_()))


def _whole(numbers: pa.Array) -> pa.Array:
    """Numbers without a fraction that 64 bits hold."""
    fits = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2.0**63))
    return pc.cast(pc.if_else(fits, numbers, pa.scalar(None, pa.float64())), pa.int64(), safe=False)


def numbers_of(texts: pa.Array) -> pa.Array:
    """Texts as float64."""
    stripped = pc.utf8_trim_whitespace(texts)
    spelled = pc.if_else(pc.match_substring_regex(stripped, NUMBER), stripped, pa.scalar(None, _STRING))
    spelled = pc.replace_substring_regex(spelled, r"^\+", "")  # Arrow reads no plus
    made = pc.cast(pc.replace_substring_regex(spelled, r"^(-?)\.", r"\10."), pa.float64())
    return pc.if_else(pc.is_finite(made), made, pa.scalar(None, pa.float64()))


def _integers(texts: pa.Array) -> pa.Array:
    stripped = pc.utf8_trim_whitespace(texts)
    spelled = pc.if_else(pc.match_substring_regex(stripped, WHOLE), stripped, pa.scalar(None, _STRING))
    spelled = pc.replace_substring_regex(spelled, r"\.0*$", "")
    spelled = pc.replace_substring_regex(spelled, r"^(\+|(-))?0*([0-9])", r"\2\3")
    # What 64 bits do not hold would make the cast fail: it is told by its length, then by the number itself.
    digits = pc.utf8_length(pc.utf8_ltrim(spelled, "-"))
    short = pc.less(digits, 19)
    long = pc.if_else(pc.equal(digits, 19), spelled, pa.scalar(None, _STRING))
    bare = pc.utf8_ltrim(long, "-")
    limit = pc.if_else(pc.starts_with(long, "-"), "9223372036854775808", "9223372036854775807")
    fits = pc.or_(pc.fill_null(short, False), pc.fill_null(pc.less_equal(bare, pc.cast(limit, _STRING)), False))
    return pc.cast(pc.if_else(fits, spelled, pa.scalar(None, _STRING)), pa.int64())


def _spoken(texts: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    is_true = pc.is_in(lower, value_set=pa.array(TRUE, _STRING))
    known = pc.or_(is_true, pc.is_in(lower, value_set=pa.array(FALSE, _STRING)))
    return pc.if_else(known, is_true, pa.scalar(None, pa.bool_()))


_FROM_TEXT: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "int64": _integers,
    "float64": numbers_of,
    "bool": _spoken,
    "date": lambda texts: dates.parse(texts, "string", {**_ISO, "to": "date"}),
    "timestamp": lambda texts: dates.parse(texts, "string", {**_ISO, "to": "timestamp"}),
}
