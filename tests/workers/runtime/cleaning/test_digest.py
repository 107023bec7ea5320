"""The digest against its definition, written out with hashlib, and against what it must not see."""

from __future__ import annotations

import datetime
import hashlib
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from workers.runtime.cleaning.digest import MODULUS, content_digest, digest_of
from workers.runtime.cleaning.schema import Column

COLUMNS = [
    Column("n", "int64"),
    Column("x", "float64"),
    Column("s", "string"),
    Column("b", "bool"),
    Column("d", "date"),
    Column("t", "timestamp"),
]
ARROW = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us")]
Row = tuple[Any, ...]
EPOCH = datetime.datetime(1970, 1, 1)

rows_of_data = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
    ),
    max_size=8,
)


def by_definition(rows: Sequence[Row]) -> str:
    total = 0
    for n, x, s, b, d, t in rows:
        bits = None if x is None else struct.unpack(">Q", struct.pack(">d", x + 0.0))[0]
        values = [
            n,
            bits,
            None if s is None else f"{len(s.encode())}:{s}",
            None if b is None else int(b),
            None if d is None else (d - EPOCH.date()).days,
            None if t is None else (t - EPOCH) // datetime.timedelta(microseconds=1),
        ]
        text = ",".join("n" if value is None else str(value) for value in values)
        total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return digest_of(COLUMNS, len(rows), total % MODULUS)


def write(folder: Path, rows: Sequence[Row], files: int = 1) -> list[str]:
    paths = []
    for number in range(files):
        part = rows[number::files]
        columns = {
            column.name: pa.array([row[place] for row in part], kind)
            for place, (column, kind) in enumerate(zip(COLUMNS, ARROW, strict=True))
        }
        columns["__ordinal"] = pa.array(range(len(part)), pa.int64())
        paths.append(str(folder / f"{number}-of-{files}.parquet"))
        pq.write_table(pa.table(columns), paths[-1])
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("digest")


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@settings(max_examples=60, deadline=None)
@given(rows=rows_of_data, seed=st.integers(0, 1000), files=st.integers(1, 3))
def test_is_what_it_says_in_any_order_and_any_files(
    folder: Path, connection: duckdb.DuckDBPyConnection, rows: list[Row], seed: int, files: int
) -> None:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)

    found = content_digest(connection, write(folder, shuffled, files), COLUMNS)

    assert found == by_definition(rows)


ROW = (1, 0.5, "a", True, datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5))


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
    ],
)
def test_tells_other_content_apart(folder: Path, connection: duckdb.DuckDBPyConnection, other: list[Row]) -> None:
    base = content_digest(connection, write(folder, [ROW, ROW]), COLUMNS)

    assert content_digest(connection, write(folder, other), COLUMNS) != base


def test_equal_rows_do_not_cancel(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    pair = (2, *ROW[1:])

    assert content_digest(connection, write(folder, [ROW, ROW]), COLUMNS) != content_digest(
        connection, write(folder, [pair, pair]), COLUMNS
    )


def test_negative_zero_is_zero(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    zero, negative = (1, 0.0, *ROW[2:]), (1, -0.0, *ROW[2:])

    assert content_digest(connection, write(folder, [zero]), COLUMNS) == content_digest(
        connection, write(folder, [negative]), COLUMNS
    )


def test_names_and_types_belong_to_it() -> None:
    column = [Column("a", "int64", nullable=False)]

    assert digest_of(column, 1, 5) == digest_of([Column("a", "int64", nullable=True)], 1, 5)
    assert (
        len(
            {
                digest_of(column, 1, 5),
                digest_of([Column("b", "int64")], 1, 5),
                digest_of([Column("a", "float64")], 1, 5),
            }
        )
        == 3
    )
    assert (
        digest_of(column, 1, 5)
        == "sha256:"
        + hashlib.sha256(
            b'{"columns":[["a","int64"]],"format":1,"row_count":1,"rows":"00000000000000000000000000000005"}'
        ).hexdigest()
    )
