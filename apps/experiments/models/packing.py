"""How points are packed into the columns of a row of metrics. Pure.

A row has one of two forms, and says which.

`PLAIN`: eight bytes a number, little-endian; so points arrive.

`COMPACT`: so compaction leaves them; nothing is rounded. Each column begins with a byte that says how it goes on:

- 0: plain numbers.
- 1: the bytes of all numbers, all first bytes, then all second bytes and so on (signs and exponents are much alike,
  the rest is not), deflated.
- 2: what each number has more than the one before, the sign in the lowest bit, then as 1. Of floats it is their bits,
  read as integers: those of times that follow each other are near.

Steps and times are 2, values 1, and any of them 0 where that is shorter. Of values without any pattern seven bytes are
left, of times that jitter by milliseconds two, of steps one after the other nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

PLAIN: Final = 0
COMPACT: Final = 1

Numbers: TypeAlias = "NDArray[Any]"
"""64-bit integers (`q`) or floats (`d`)."""
Columns: TypeAlias = tuple[Numbers, Numbers, Numbers]
"""Steps, values, times: of one length."""
CODES: Final = "qdd"
"""Of `Columns`."""
DTYPES: Final = {"q": np.dtype("<i8"), "d": np.dtype("<f8")}
LEVEL: Final = 1
"""Of deflate: higher ones take several times as long and gain nothing of numbers."""

_AS_IT_IS, _SHUFFLED, _DIFFERENCES = 0, 1, 2
_KINDS = (_DIFFERENCES, _SHUFFLED, _DIFFERENCES)
_SIZES = struct.Struct("<II")


def pack(code: str, numbers: Sequence[float] | Numbers) -> bytes:
    """Numbers as little-endian bytes; `code` is `q` (64-bit integers) or `d` (64-bit floats).

    Raises:
        OverflowError: a number does not fit.
    """
    return np.asarray(numbers, DTYPES[code]).tobytes()


def unpack(code: str, packed: bytes | memoryview[int]) -> Numbers:
    """The inverse of `pack`. Raises ValueError for what is not eight bytes a number."""
    return np.frombuffer(packed, DTYPES[code])


def columns_of(steps: Sequence[float], values: Sequence[float], times: Sequence[float]) -> Columns:
    return np.asarray(steps, DTYPES["q"]), np.asarray(values, DTYPES["d"]), np.asarray(times, DTYPES["d"])


def columns_pack(form: int, columns: Columns) -> tuple[bytes, bytes, bytes]:
    """Steps, values and times as a row of this form has them."""
    if form == PLAIN:
        steps, values, times = (pack(code, column) for code, column in zip(CODES, columns, strict=True))
    else:
        steps, values, times = (_compact(kind, column) for kind, column in zip(_KINDS, columns, strict=True))
    return steps, values, times


def column_unpack(form: int, code: str, packed: bytes | memoryview[int]) -> Numbers:
    """One column of a row of this form. Raises ValueError."""
    return unpack(code, packed) if form == PLAIN else _expanded(code, packed)


def columns_unpack(form: int, packed: Sequence[bytes | memoryview[int]]) -> Columns:
    """The inverse of `columns_pack`.

    Raises:
        ValueError: it is not of this form.
    """
    steps, values, times = (column_unpack(form, code, one) for code, one in zip(CODES, packed, strict=True))
    return steps, values, times


def preview_pack(form: int, columns: Columns) -> bytes:
    """A few points in one piece: in the plain form the columns one after the other, else with two sizes before."""
    parts = columns_pack(form, columns)
    return b"".join(parts) if form == PLAIN else _SIZES.pack(len(parts[0]), len(parts[1])) + b"".join(parts)


def preview_unpack(form: int, packed: bytes | memoryview[int]) -> Columns:
    """The inverse of `preview_pack`. Raises ValueError."""
    whole = memoryview(packed)
    if form == PLAIN:
        third = len(whole) // 3
        return columns_unpack(form, [whole[:third], whole[third : 2 * third], whole[2 * third :]])
    one, two = _SIZES.unpack_from(whole)
    whole = whole[_SIZES.size :]
    return columns_unpack(form, [whole[:one], whole[one : one + two], whole[one + two :]])


def joined(parts: Sequence[Columns]) -> Columns:
    """All points of several, in their order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return columns_of((), (), ())
    steps, values, times = (np.concatenate(column) for column in zip(*parts, strict=True))
    return steps, values, times


def picked(columns: Columns, positions: Any) -> Columns:
    """The points at these positions (or of this mask, or slice), in their order."""
    steps, values, times = columns
    return steps[positions], values[positions], times[positions]


def _compact(kind: int, column: Numbers) -> bytes:
    bits = np.ascontiguousarray(column).view("<i8")
    if kind == _DIFFERENCES and len(bits):
        steps = np.diff(bits, prepend=bits.dtype.type(0))
        bits = (steps << 1) ^ (steps >> 63)
    shuffled = bits.view(np.uint8).reshape(-1, 8).T.tobytes()
    deflated = zlib.compress(shuffled, LEVEL)
    if len(deflated) >= column.nbytes:
        return bytes([_AS_IT_IS]) + column.tobytes()
    return bytes([kind]) + deflated


def _expanded(code: str, packed: bytes | memoryview[int]) -> Numbers:
    if not len(packed):
        raise ValueError("an empty column is no column of the compact form")
    kind, rest = packed[0], memoryview(packed)[1:]
    if kind == _AS_IT_IS:
        return unpack(code, rest)
    try:
        planes = np.frombuffer(zlib.decompress(rest), np.uint8)
    except zlib.error as error:
        raise ValueError(f"not deflated: {error}") from error
    bits = np.ascontiguousarray(planes.reshape(8, -1).T).view("<i8").ravel()
    if kind == _DIFFERENCES:
        bits = np.cumsum(((bits >> 1) & np.int64(2**63 - 1)) ^ -(bits & 1), dtype="<i8")
    return bits.view(DTYPES[code])
