"""The digest against its definition, by another implementation of XXH3, and against what it must not see."""

from __future__ import annotations

import datetime
import hashlib
import random
import struct
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings

from workers.contracts.dataset_digest import LANES, digest_of, joined
from workers.runtime.cleaning import digest as hashing
from workers.runtime.cleaning.digest import rows_hash
from workers.runtime.cleaning.schema import Column

COLUMNS = [
    Column("n", "int64"),
    Column("x", "float64"),
    Column("s", "string"),
    Column("b", "bool"),
    Column("d", "date"),
    Column("t", "timestamp"),
    Column("i", "image"),
]
ARROW = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.binary()]
Row = tuple[Any, ...]
EPOCH = datetime.datetime(1970, 1, 1)

rows_of_data = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_infinity=False),
        st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
        st.none() | st.binary(max_size=300),
    ),
    max_size=8,
)


def bytes_of(row: Row) -> list[bytes | None]:
    n, x, s, b, d, t, i = row
    return [
        None if n is None else struct.pack("<q", n),
        None if x is None else struct.pack("<d", x + 0.0 if x == x else float("nan")),
        None if s is None else s.encode(),
        None if b is None else bytes([b]),
        None if d is None else struct.pack("<i", (d - EPOCH.date()).days),
        None if t is None else struct.pack("<q", (t - EPOCH) // datetime.timedelta(microseconds=1)),
        i,
    ]


def by_definition(rows: Sequence[Row]) -> str:
    sums = []
    for lane in LANES:
        total = 0
        for row in rows:
            value = lane
            for cell in bytes_of(row):
                if cell is None:
                    value = (value * 0x9E3779B185EBCA87 + 0x165667B19E3779F9) % 2**64
                else:
                    value = xxhash.xxh3_64_intdigest(cell, value)
            total += value
        sums.append(f"{total % 2**64:016x}")
    return "".join(sums)


def digest(rows: Sequence[Row]) -> str:
    return digest_of([(column.name, column.type) for column in COLUMNS], len(rows), summed(rows))


def summed(rows: Sequence[Row], files: int = 1) -> str:
    names = [column.name for column in COLUMNS]
    hashes = []
    for number in range(files):
        part = rows[number::files]
        cells = {
            column.name: pa.array([row[place] for row in part], kind)
            for place, (column, kind) in enumerate(zip(COLUMNS, ARROW, strict=True))
        }
        hashes.append(rows_hash(pa.table(cells | {"__ordinal": pa.array(range(len(part)))}), names))
    return joined(hashes)


@settings(max_examples=60, deadline=None)
@given(rows=rows_of_data, seed=st.integers(0, 1000), files=st.integers(1, 3))
def test_is_what_it_says_in_any_order_and_any_parts(rows: list[Row], seed: int, files: int) -> None:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)

    assert summed(shuffled, files) == by_definition(rows)


def test_is_the_same_in_chunks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(number, number / 7, f"text {number}" if number % 3 else None, *ROW[3:]) for number in range(50)]
    whole = summed(rows)
    monkeypatch.setattr(hashing, "CHUNK_ROWS", 7)

    assert summed(rows) == whole == by_definition(rows)


@settings(max_examples=20, deadline=None)
@given(rows=rows_of_data, more=rows_of_data)
def test_of_what_is_appended_is_added(rows: list[Row], more: list[Row]) -> None:
    assert joined([summed(rows), summed(more)]) == summed([*rows, *more])
    assert joined([]) == summed([]) == "0" * 32


ROW: Row = (1, 0.5, "a", True, datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5), b"\x89PNG")


@pytest.mark.parametrize(
    "other",
    [
        [],
        [ROW],
        [ROW, ROW, ROW],
        [ROW, (2, *ROW[1:])],
        [ROW, (None, *ROW[1:])],
        [ROW, (*ROW[:2], "", *ROW[3:])],
        [ROW, (*ROW[:2], None, *ROW[3:])],
        [ROW, (*ROW[:6], b"")],
    ],
)
def test_tells_other_content_apart(other: list[Row]) -> None:
    assert digest(other) != digest([ROW, ROW])


def test_a_missing_value_keeps_what_stands_before_it() -> None:
    """Daft's own hash of a missing number forgets the seed: everything before it would not count."""
    assert summed([(1, None, *ROW[2:])]) != summed([(2, None, *ROW[2:])])


def test_equal_rows_do_not_cancel() -> None:
    pair = (2, *ROW[1:])

    assert summed([ROW, ROW]) != summed([pair, pair])


def test_negative_zero_is_zero() -> None:
    assert summed([(1, -0.0, *ROW[2:])]) == summed([(1, 0.0, *ROW[2:])])


def test_names_types_and_rows_belong_to_it() -> None:
    five = "0" * 15 + "5" + "0" * 16
    base = digest_of([("a", "int64")], 1, five)

    others = {
        digest_of([("b", "int64")], 1, five),
        digest_of([("a", "float64")], 1, five),
        digest_of([("a", "int64")], 2, five),
        digest_of([("a", "int64")], 1, "0" * 32),
    }
    assert len(others | {base}) == 5
    text = '{"columns":[["a","int64"]],"format":2,"row_count":1,"rows":"00000000000000050000000000000000"}'
    assert base == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
