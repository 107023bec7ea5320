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
WINDOWS, WINDOW_ROWS = 8, 20_000
"""Where there are more than a million ordinals, rows are drawn from these many stretches of them: to read a few rows
from everywhere is to read everything."""
WHOLE_ROWS = 1_000_000


def sample(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    columns: Sequence[Column],
    last_ordinal: int | None = None,
) -> dict[str, Any]:
    """`{"columns": [{"name", "type"}], "first": [{"ordinal", "values"}], "random": […]}`; both by ordinal.

    Random are the rows whose ordinals hash lowest: the same at every run, in whatever order the files were written.
    See `rows_of` for `last_ordinal`.
    """
    count = max(ROWS_LEAST, min(ROWS, CELLS // max(1, len(columns))))
    table = parquet_table(files)
    drawn = {"first": ORDINAL, "random": SPREAD}
    return {
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        **{
            part: _shown(connection.execute(rows_of(connection, table, columns, order, count, last_ordinal)).fetchall())
            for part, order in drawn.items()
        },
    }


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[Column],
    order: str,
    count: int,
    last_ordinal: int | None = None,
) -> str:
    """A query for the `count` rows that come first in an order: `__ordinal` and the columns, by ordinal; of a picture
    nothing.

    The ordinals are chosen first, alone, so that the rest is read of these rows only.

    Args:
        last_ordinal: the highest there is, for data that may be large: rows are then looked for in some stretches of it
            only, or everywhere if those have too few.
    """
    for where in dict.fromkeys((_windows(last_ordinal), "true")):
        chosen = f"SELECT {ORDINAL} FROM {table} WHERE {where} ORDER BY {order}, {ORDINAL} LIMIT {count}"
        ordinals = [str(row[0]) for row in connection.execute(chosen).fetchall()]
        if len(ordinals) == count:
            break
    shown = (f"NULL::BLOB AS {quoted(one.name)}" if one.type == "image" else quoted(one.name) for one in columns)
    names = ", ".join([ORDINAL, *shown])
    among = f"{where} AND {ORDINAL} IN ({', '.join(ordinals)})" if ordinals else "false"
    return f"SELECT {names} FROM {table} WHERE {among} ORDER BY {ORDINAL}"


def _windows(last_ordinal: int | None) -> str:
    if last_ordinal is None or last_ordinal < WHOLE_ROWS:
        return "true"
    starts = [last_ordinal * number // WINDOWS for number in range(WINDOWS)]
    return "(" + " OR ".join(f"{ORDINAL} BETWEEN {start} AND {start + WINDOW_ROWS - 1}" for start in starts) + ")"


def _shown(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [{"ordinal": ordinal, "values": [plain(value) for value in values]} for ordinal, *values in rows]
