"""Tables as files: Parquet that other programs read, CSV that no spreadsheet computes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.parquet import Column, Kind, ParquetTable
from apps.common.tables import CsvTable, TableFormat, number_of, pieces_of, safe, table_writer, text_of

COLUMNS = [
    Column("name", Kind.TEXT),
    Column("lr", Kind.NUMBER),
    Column("epochs", Kind.INTEGER),
    Column("done", Kind.TRUTH),
    Column("at", Kind.TIME),
]
AT = datetime(2026, 3, 2, 12, 30, 0, 123456, tzinfo=UTC)
ROWS: list[tuple[Any, ...]] = [
    ("数据 “a”, b\n", 0.01, 2**53 + 1, True, AT),
    (None, None, None, None, None),
    ("", math.inf, -1, False, AT - timedelta(days=40_000)),
]


def file_of(columns: Sequence[Column], *groups: Sequence[Sequence[Any]]) -> bytes:
    table = ParquetTable(columns)
    return table.head() + b"".join(table.rows(group) for group in groups) + table.end()


def test_parquet_is_read_by_arrow_as_it_was_written() -> None:
    found = pq.read_table(io.BytesIO(file_of(COLUMNS, ROWS, ROWS[:1])))
    assert found.schema.types == [pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.timestamp("us", tz="UTC")]
    assert [tuple(row.values()) for row in found.to_pylist()] == [*ROWS, ROWS[0]]
    assert pq.ParquetFile(io.BytesIO(file_of(COLUMNS, ROWS, ROWS[:1]))).num_row_groups == 2


def test_parquet_is_read_by_duckdb_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(file_of(COLUMNS[:4], ROWS))
    assert duckdb.sql(f"SELECT * FROM '{path}'").fetchall() == [row[:4] for row in ROWS]


def test_parquet_without_rows_keeps_its_columns() -> None:
    found = pq.read_table(io.BytesIO(file_of(COLUMNS, [])))
    assert (found.num_rows, found.column_names) == (0, ["name", "lr", "epochs", "done", "at"])


CELLS = st.tuples(
    st.none() | st.text(max_size=20),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
)


@given(st.lists(st.lists(CELLS, max_size=70), max_size=3))
def test_parquet_keeps_whatever_is_in_it(groups: list[list[tuple[Any, ...]]]) -> None:
    found = pq.read_table(io.BytesIO(file_of(COLUMNS[:4], *groups)))
    assert [tuple(row.values()) for row in found.to_pylist()] == [row for group in groups for row in group]


def test_parquet_has_room_for_many_columns() -> None:
    columns = [Column(f"c{place}", Kind.NUMBER) for place in range(300)]
    found = pq.read_table(io.BytesIO(file_of(columns, [[float(place) for place in range(300)]])))
    assert found.to_pylist() == [{f"c{place}": float(place) for place in range(300)}]


def test_nan_is_a_number_and_not_nothing() -> None:
    found = pq.read_table(io.BytesIO(file_of([Column("loss", Kind.NUMBER)], [(math.nan,), (None,)]))).column("loss")
    assert found.null_count == 1
    assert math.isnan(found[0].as_py())


def test_csv_says_what_each_kind_says() -> None:
    table = CsvTable(COLUMNS)
    text = (table.head() + table.rows(ROWS[:2]) + table.end()).decode()
    assert text == (
        "name,lr,epochs,done,at\r\n"
        '"数据 “a”, b\n",0.01,9007199254740993,true,2026-03-02T12:30:00.123456+00:00\r\n'
        ",,,,\r\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("+a", "'+a"), ("-0.5", "-0.5"), ("+1e-3", "+1e-3"), ("plain", "plain")],
)
def test_no_text_becomes_a_formula(text: str, said: str) -> None:
    assert safe(text) == said


def test_pieces_come_one_by_one_and_end() -> None:
    asked: list[int] = []

    def rows() -> Any:
        for number in range(3):
            asked.append(number)
            yield [(float(number),)] if number != 1 else []

    following = pieces_of(table_writer(TableFormat.CSV, [Column("n", Kind.NUMBER)]), rows())
    assert (following(), asked) == (b"n\r\n", [])
    assert (following(), asked) == (b"0.0\r\n", [0])
    assert (following(), asked) == (b"2.0\r\n", [0, 1, 2])
    assert following() == following() == b""


def test_values_of_json_become_cells() -> None:
    assert [text_of(value) for value in ("a", None, 1, True, {"b": "ü"})] == ["a", None, "1", "true", '{"b": "ü"}']
    assert [number_of(value) for value in (1, 0.5, None, True, "x", "-Infinity")] == [
        1.0, 0.5, None, None, None, -math.inf,
    ]  # fmt: skip
