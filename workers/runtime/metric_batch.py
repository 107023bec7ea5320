"""One numbered batch of metric points, packed: what waits, what is spooled and what is sent are the same bytes.

A MessagePack map `{"rank", "sequence", "points": [{"key", "steps", "values", "times"}]}`; `steps` are little-endian
int64, `values` and `times` little-endian float64, in the order of arrival per key.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping
from itertools import groupby
from math import isfinite, isnan
from operator import itemgetter
from typing import Any

import msgspec

CONTENT_TYPE = "application/x-msgpack"


Row = tuple[int, float, dict[str, float]]
"""What was logged at once: its step, the time, a number per key."""


class Series:
    """Points of one key: 24 bytes each."""

    __slots__ = ("steps", "times", "values")

    def __init__(self) -> None:
        self.steps = array("q")
        self.values = array("d")
        self.times = array("d")


def by_key(rows: Iterable[Row]) -> dict[str, Series]:
    """The same points as one series per key, in the order of the rows.

    Rows with the same keys, as a loop has them, are taken together: a few calls for all of them.
    """
    found: dict[str, Series] = {}
    for keys, alike in groupby(rows, key=lambda row: tuple(row[2])):
        steps, times, values = zip(*alike, strict=True)
        same_steps, same_times = array("q", steps), array("d", times)
        for key in keys:
            series = found.get(key)
            if series is None:
                series = found[key] = Series()
            series.steps.extend(same_steps)
            series.times.extend(same_times)
            series.values.extend(map(itemgetter(key), values))
    return found


def pack(rank: int, sequence: int, series: Mapping[str, Series]) -> bytes:
    """The bytes of a batch."""
    points = [
        {"key": key, "steps": _bytes(one.steps), "values": _bytes(one.values), "times": _bytes(one.times)}
        for key, one in series.items()
    ]
    return msgspec.msgpack.encode({"rank": rank, "sequence": sequence, "points": points})


def unpack(batch: bytes) -> dict[str, Any]:
    """The same batch as JSON has it: lists of numbers, and texts for values that are none: `"NaN"`, `"-Infinity"`."""
    found: dict[str, Any] = msgspec.msgpack.decode(batch)
    kinds = (("steps", "q"), ("values", "d"), ("times", "d"))
    return {
        **found,
        "points": [
            {"key": point["key"], **{name: _numbers(kind, point[name]) for name, kind in kinds}}
            for point in found["points"]
        ],
    }


def _bytes(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(kind: str, content: bytes) -> list[Any]:
    numbers: array[Any] = array(kind, content)
    if sys.byteorder == "big":
        numbers.byteswap()
    listed = numbers.tolist()
    return listed if kind == "q" or all(map(isfinite, listed)) else [*map(_said, listed)]


def _said(number: float) -> float | str:
    return number if isfinite(number) else "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
