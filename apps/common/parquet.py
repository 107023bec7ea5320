"""Tables as Parquet, written as they come: a row group in memory at a time, nothing but the standard library.

Flat columns of four kinds, each of which may be null; plain encoding, pages deflated. Any reader of Parquet reads it.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

MAGIC: Final = b"PAR1"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_RLE, _PLAIN, _GZIP, _OPTIONAL = 3, 0, 2, 1


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    """64-bit floats; NaN and the infinities too."""
    INTEGER = "integer"
    """Of 64 bits."""
    TRUTH = "truth"
    TIME = "time"
    """Instants, to the microsecond."""


@dataclass(frozen=True, slots=True)
class Column:
    """A name, once in its table, and what stands below it."""

    name: str
    kind: Kind


_PHYSICAL: Final = {Kind.TEXT: 6, Kind.NUMBER: 5, Kind.INTEGER: 2, Kind.TRUTH: 0, Kind.TIME: 2}
_CONVERTED: Final = {Kind.TEXT: 0, Kind.TIME: 10}
"""What a physical type means: UTF-8, microseconds since 1970 (UTC)."""


class ParquetTable:
    """The bytes of a file, in pieces: `head()`, `rows(…)` as often as wanted, `end()`."""

    content_type = "application/vnd.apache.parquet"

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._groups: list[bytes] = []
        self._count = 0
        self._at = 0

    def head(self) -> bytes:
        self._at = len(MAGIC)
        return MAGIC

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """A row group. A cell is of its column's kind, or None."""
        if not rows:
            return b""
        pieces: list[bytes] = []
        chunks: list[bytes] = []
        sizes = 0
        for place, column in enumerate(self._columns):
            plain = _page([row[place] for row in rows], column.kind)
            packed = gzip.compress(plain, 6, mtime=0)
            header = _page_header(len(plain), len(packed), len(rows))
            chunks.append(_chunk(column, len(rows), self._at, (len(header) + len(plain), len(header) + len(packed))))
            pieces += [header, packed]
            self._at += len(header) + len(packed)
            sizes += len(header) + len(plain)
        self._groups.append(_struct([(1, _LIST, _list(_STRUCT, chunks)), (2, _I64, sizes), (3, _I64, len(rows))]))
        self._count += len(rows)
        return b"".join(pieces)

    def end(self) -> bytes:
        schema = [_struct([(4, _BINARY, b"table"), (5, _I32, len(self._columns))])]
        schema += [_element(column) for column in self._columns]
        footer = _struct(
            [
                (1, _I32, 1),
                (2, _LIST, _list(_STRUCT, schema)),
                (3, _I64, self._count),
                (4, _LIST, _list(_STRUCT, self._groups)),
                (6, _BINARY, b"bedplate"),
            ]
        )
        return footer + struct.pack("<I", len(footer)) + MAGIC


def _page(values: Sequence[Any], kind: Kind) -> bytes:
    """Which of the values are there, and those that are."""
    there = [value for value in values if value is not None]
    levels = _levels([value is not None for value in values])
    return struct.pack("<I", len(levels)) + levels + _plain(there, kind)


def _levels(there: Sequence[bool]) -> bytes:
    """A bit for each value, as Parquet's hybrid of runs and packed bits has them."""
    if all(there):
        return _varint(len(there) << 1) + b"\x01"
    return _varint((len(there) + 7) // 8 << 1 | 1) + _bits(there)


def _bits(truths: Sequence[bool]) -> bytes:
    packed = bytearray((len(truths) + 7) // 8)
    for place, truth in enumerate(truths):
        packed[place >> 3] |= truth << (place & 7)
    return bytes(packed)


def _plain(values: Sequence[Any], kind: Kind) -> bytes:
    if kind == Kind.TEXT:
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    if kind == Kind.TRUTH:
        return _bits(values)
    if kind == Kind.NUMBER:
        return struct.pack(f"<{len(values)}d", *values)
    numbers = [(value - EPOCH) // MICROSECOND for value in values] if kind == Kind.TIME else values
    return struct.pack(f"<{len(values)}q", *numbers)


def _page_header(plain: int, packed: int, count: int) -> bytes:
    data = _struct([(1, _I32, count), (2, _I32, _PLAIN), (3, _I32, _RLE), (4, _I32, _RLE)])
    return _struct([(1, _I32, 0), (2, _I32, plain), (3, _I32, packed), (5, _STRUCT, data)])


def _chunk(column: Column, count: int, at: int, sizes: tuple[int, int]) -> bytes:
    """Where the column of a row group lies. `sizes`: in bytes, plain and packed, with the header."""
    about = _struct(
        [
            (1, _I32, _PHYSICAL[column.kind]),
            (2, _LIST, _list(_I32, [_zigzag(_PLAIN), _zigzag(_RLE)])),
            (3, _LIST, _list(_BINARY, [_text(column.name.encode())])),
            (4, _I32, _GZIP),
            (5, _I64, count),
            (6, _I64, sizes[0]),
            (7, _I64, sizes[1]),
            (9, _I64, at),
        ]
    )
    return _struct([(2, _I64, at), (3, _STRUCT, about)])


def _element(column: Column) -> bytes:
    fields: list[tuple[int, int, Any]] = [
        (1, _I32, _PHYSICAL[column.kind]),
        (3, _I32, _OPTIONAL),
        (4, _BINARY, column.name.encode()),
    ]
    if column.kind in _CONVERTED:
        fields.append((6, _I32, _CONVERTED[column.kind]))
    return _struct(fields)


# Thrift's compact protocol, as far as it is needed: structs of integers, bytes, lists and structs.


def _struct(fields: Sequence[tuple[int, int, Any]]) -> bytes:
    """Fields by ascending number: number, type, value; lists and structs are bytes already."""
    pieces: list[bytes] = []
    before = 0
    for number, kind, value in fields:
        pieces.append(bytes([(number - before) << 4 | kind]))
        pieces.append(_zigzag(value) if kind in (_I32, _I64) else _text(value) if kind == _BINARY else value)
        before = number
    return b"".join(pieces) + b"\x00"


def _list(kind: int, items: Sequence[bytes]) -> bytes:
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + _varint(len(items))
    return head + b"".join(items)


def _text(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _varint(number: int) -> bytes:
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)
