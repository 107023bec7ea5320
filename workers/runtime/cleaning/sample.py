"""Some rows of a dataset version for people to look at: written by the job, so that no web process reads Parquet."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.schema import ORDINAL, Column, parquet_table, quoted

ROWS = 50
ROWS_LEAST = 1
CELLS = 4_000
"""Of one part of the sample: data with very many columns shows fewer rows."""

SPREAD = f"(({ORDINAL} % 2147483648) * 2654435761) % 4294967296"
"""What orders rows so that the first of them lie all over the data: Knuth's multiplicative hash of the ordinal."""


def sample(connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column]) -> dict[str, Any]:
    """`{"columns": [{"name", "type"}], "first": [{"ordinal", "values"}], "random": […]}`; both by ordinal.

    Random are the rows whose ordinals hash lowest: the same at every run, in whatever order the files were written.
    """
    count = max(ROWS_LEAST, min(ROWS, CELLS // max(1, len(columns))))
    table = parquet_table(files)
    drawn = {"first": ORDINAL, "random": SPREAD}
    return {
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        **{
            part: _shown(connection.execute(rows_of(connection, table, columns, order, count)).fetchall())
            for part, order in drawn.items()
        },
    }


def rows_of(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], order: str, count: int
) -> str:
    """A query for the `count` rows that come first in an order: `__ordinal` and the columns, by ordinal.

    The ordinals are chosen first, alone, so that the rest is read of these rows only.
    """
    chosen = f"SELECT {ORDINAL} FROM {table} ORDER BY {order}, {ORDINAL} LIMIT {count}"
    listed = ", ".join(str(row[0]) for row in connection.execute(chosen).fetchall())
    names = ", ".join(quoted(name) for name in [ORDINAL, *(column.name for column in columns)])
    where = f"{ORDINAL} IN ({listed})" if listed else "false"
    return f"SELECT {names} FROM {table} WHERE {where} ORDER BY {ORDINAL}"


def _shown(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [{"ordinal": ordinal, "values": [plain(value) for value in values]} for ordinal, *values in rows]
