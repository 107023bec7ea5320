"""One numbered batch of metric points, packed: what waits, what is spooled and what is sent are the same bytes.

A MessagePack map `{"rank", "sequence", "points": [{"key", "steps", "values", "times"}]}`; `steps` are little-endian
int64, `values` and `times` little-endian float64, in the order of arrival per key.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any

import msgspec

CONTENT_TYPE = "application/x-msgpack"


class Series:
    """Points of one key: 24 bytes each."""

    __slots__ = ("steps", "times", "values")

    def __init__(self) -> None:
        self.steps = array("q")
        self.values = array("d")
        self.times = array("d")


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
