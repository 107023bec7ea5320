"""The rows that are profiled: all of them as a view, and some that lie all over them in memory."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt

from workers.runtime.cleaning.sample import SPREAD
from workers.runtime.cleaning.schema import ORDINAL, Column, parquet_table, quoted

ROWS, DRAWN = "profile_rows", "profile_drawn"
ROWS_DRAWN = 100_000
CELLS_DRAWN = 4_000_000
"""Very wide data is looked at by fewer rows."""
CELLS_HELD, BYTES_HELD = 5_000_000, 64 << 20
"""Up to both, the rows are read once and held; beyond, each column is read when it is its turn."""
TEXT_DRAWN = 1_000
"""Characters of a text that are drawn."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Source:
    """`ROWS` has all rows with house types, floats that are not finite as missing, and no pictures' bytes."""

    connection: duckdb.DuckDBPyConnection
    columns: Sequence[Column]
    rows: int
    drawn: int
    """Rows of `DRAWN`; all, when there are no more than that."""

    @property
    def is_whole(self) -> bool:
        return self.drawn == self.rows

    def one(self, query: str) -> tuple[Any, ...]:
        """The first row of a query."""
        found: tuple[Any, ...] = self.connection.execute(query).fetchall()[0]
        return found

    def arrays(self, query: str) -> dict[str, Array]:
        """A query's columns; missing values make masked arrays."""
        found: dict[str, Array] = self.connection.execute(query).fetchnumpy()
        return found

    def at_most(self, rows: int) -> str:
        """A condition that so many rows meet, more or less: the same at every run, and all when there are fewer."""
        return "true" if self.rows <= rows else f"{SPREAD} < {(1 << 32) * rows // self.rows}"


def source(connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column]) -> Source:
    """Ready the rows of Parquet files for a profile."""
    table = parquet_table(files)
    rows: int = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    listed = ", ".join([ORDINAL, *(_selected(column) for column in columns)])
    is_small = rows * len(columns) <= CELLS_HELD and sum(Path(file).stat().st_size for file in files) <= BYTES_HELD
    _forget(connection)
    connection.execute("SET parquet_metadata_cache = true")  # of wide files it takes longer to read than the rows
    connection.execute(f"CREATE TEMP {'TABLE' if is_small else 'VIEW'} {ROWS} AS SELECT {listed} FROM {table}")
    found = Source(connection, columns, rows, rows)
    most = min(ROWS_DRAWN, CELLS_DRAWN // max(1, len(columns)))
    names = ", ".join([ORDINAL, *(_drawn(column) for column in columns)])
    # Tables, where they are small: a view of thousands of columns is bound anew, column by column, by every query.
    where = "true" if is_small and rows <= most else found.at_most(most)
    connection.execute(f"CREATE TEMP TABLE {DRAWN} AS SELECT {names} FROM {ROWS} WHERE {where}")
    drawn: int = connection.execute(f"SELECT count(*) FROM {DRAWN}").fetchall()[0][0]
    return Source(connection, columns, rows, drawn)


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Of an earlier profile by the same connection; a name is a table or a view, and each verb knows one of them."""
    query = "SELECT table_name, table_type FROM information_schema.tables WHERE table_name IN (?, ?)"
    for name, kind in connection.execute(query, [ROWS, DRAWN]).fetchall():
        connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} temp.{name}")


def _selected(column: Column) -> str:
    name = quoted(column.name)
    if column.type == "float64":
        return f"CASE WHEN isfinite({name}) THEN {name} END AS {name}"
    return f"CASE WHEN {name} IS NOT NULL THEN true END AS {name}" if column.type == "image" else name


def _drawn(column: Column) -> str:
    name = quoted(column.name)
    return f"{name}[:{TEXT_DRAWN}] AS {name}" if column.type == "string" else name


def as_number(column: Column) -> str:
    """A number or a time as an SQL number: days since 1970, microseconds since 1970."""
    name = quoted(column.name)
    if column.type == "date":
        return f"datediff('day', DATE '1970-01-01', {name})"
    return f"epoch_us({name})" if column.type == "timestamp" else name
