"""Texts read as what their column is, where every one is written in the usual way: many times faster than by DuckDB.

It is for a file of which the beginning was looked at. What is written otherwise is no fault: it is left to who looks at
the whole file. So the rules here may be narrower than those by which types are found, never wider: a text that is read
here as a number is one that makes no other type of the column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.cleaning.row_groups import ARROW_TYPES

STRICT: Final = {
    "bool": "(?i)true|false",
    "date": r"\d{4}-\d{2}-\d{2}",
    "timestamp": r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?",
}
"""How every value of a column of these types is written. DuckDB guesses generously ("yes" is a truth, "1 2 3" a time).
"""
_SCIENTIFIC: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_DATE_LENGTH: Final = 10
_TIME_LENGTHS: Final = (10, 16, 19, 21, 22, 23, 24, 25, 26)
"""Of a time without a zone: a day, minutes, seconds, and up to six digits of them."""
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


class Doubtful(Exception):
    """A text that may decide otherwise about the type of its column."""


def spelled(texts: pa.Array, kind: str) -> pa.Array:
    """The values of that house type. Raises Doubtful."""
    if kind == "string" or not len(texts):
        return texts.cast(ARROW_TYPES[kind])
    try:
        return _READ[kind](texts)
    except pa.ArrowInvalid as error:
        raise Doubtful(str(error)) from None


def _whole(texts: pa.Array) -> pa.Array:
    content, starts, lengths = _parts(texts)
    if not _is_plain(content) or (_begins_with_zero(content, starts) & (lengths > 1)).any():
        raise Doubtful
    return pc.cast(texts, pa.int64())


def _float(texts: pa.Array) -> pa.Array:
    content, starts, _ = _parts(texts)
    if _is_plain(content):
        zero = _begins_with_zero(content, starts)
        signed = content[starts] == ord("-")
        after = content[starts + 1 + signed]
        if (zero & (after >= ord("0")) & (after <= ord("9"))).any():
            raise Doubtful
    elif not pc.all(pc.match_substring_regex(texts, _SCIENTIFIC)).as_py():
        raise Doubtful
    values = pc.cast(texts, pa.float64())
    if not pc.all(pc.is_finite(values)).as_py():
        raise Doubtful
    return values


def _truth(texts: pa.Array) -> pa.Array:
    _, _, lengths = _parts(texts)
    if lengths.min(initial=len("true")) < len("true"):  # Arrow takes 0 and 1 for truths, too
        raise Doubtful
    return pc.cast(texts, pa.bool_())


def _date(texts: pa.Array) -> pa.Array:
    _, _, lengths = _parts(texts)
    if (lengths != _DATE_LENGTH).any():
        raise Doubtful
    return pc.cast(texts, pa.date32())


def _time(texts: pa.Array) -> pa.Array:
    kind = pa.timestamp("us")
    _, _, lengths = _parts(texts)
    if np.isin(np.unique(lengths), _TIME_LENGTHS).all():
        return pc.cast(texts, kind)
    if not pc.all(pc.match_substring_regex(texts, f"^({STRICT['timestamp']})$")).as_py():
        raise Doubtful
    return pc.cast(pc.cast(texts, pa.timestamp("us", "UTC")), kind)


_READ: Final[dict[str, Callable[[pa.Array], Any]]] = {
    "int64": _whole, "float64": _float, "bool": _truth, "date": _date, "timestamp": _time,
}  # fmt: skip


def _parts(texts: pa.Array) -> tuple[Bytes, Places, Places]:
    """The bytes of all texts and two more; of those texts that are there where each begins, and how long it is."""
    _, places, held = texts.buffers()
    size = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(places, dtype=size, count=len(texts) + 1, offset=texts.offset * np.dtype(size).itemsize)
    first, last = int(offsets[0]), int(offsets[-1])
    content = np.zeros(last - first + 2, dtype=np.uint8)
    if last > first:
        content[:-2] = np.frombuffer(held, dtype=np.uint8, count=last - first, offset=first)
    starts, lengths = (offsets[:-1] - first).astype(np.int64), np.diff(offsets).astype(np.int64)
    if texts.null_count:
        there = texts.is_valid().to_numpy(zero_copy_only=False)
        starts, lengths = starts[there], lengths[there]
    return content, starts, lengths


def _is_plain(content: Bytes) -> bool:
    """Whether there are digits, minus signs and full stops only. (A slash would be let through; no number has one.)"""
    held = content[:-2]
    return not len(held) or bool(held.min() >= ord("-") and held.max() <= ord("9"))


def _begins_with_zero(content: Bytes, starts: Places) -> npt.NDArray[np.bool_]:
    """Per text whether its first digit is a zero; behind a minus sign."""
    first = content[starts]
    signed = first == ord("-")
    if signed.any():
        first = content[starts + signed]
    zero: npt.NDArray[np.bool_] = first == ord("0")
    return zero
