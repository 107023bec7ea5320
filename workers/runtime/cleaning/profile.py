"""`profile`: what is in each column of a dataset version. Exact, column by column, spilling to disk if need be."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.findings import findings_of
from workers.runtime.cleaning.histograms import histogram
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, literal, parquet_table, quoted
from workers.runtime.context import JobContext
from workers.runtime.number_text import NUMBER

QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
TOP = 10
NEAR = "0.95"
"""What lies far beyond this quantile (or the one at the other end) catches the eye."""


def profile(ctx: JobContext) -> dict[str, Any]:
    """Input `dataset`: the Parquet files of a version. See `columns_profiled` for what is found."""
    connection = open_duckdb(ctx, ctx.work_dir)
    files = [str(file) for file in dataset_files(ctx)]
    table = parquet_table(files)
    row_count = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    columns = [each for each in columns_of(described(connection, table), "the dataset") if each.name != ORDINAL]
    return {"row_count": row_count, "columns": columns_profiled(connection, files, columns)}


def columns_profiled(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column]
) -> list[dict[str, Any]]:
    """Statistics of each column.

    `mean`, `std` (of the population) and `quantiles` (linear between neighbours) for numbers only, else None, as is
    one that a float does not hold;
    `histogram` (see there) for numbers, and for dates and times in seconds since 1970;
    `minimum` and `maximum` for all but text; `text_length`, in characters, for text only; `findings`, see `findings`.
    """
    return [_column(connection, parquet_table(files), column) for column in columns]


def _column(connection: duckdb.DuckDBPyConnection, table: str, column: Column) -> dict[str, Any]:
    name = quoted(column.name)
    if column.type == "float64":  # what is not finite counts as missing, as in ingestion
        table, name = f"(SELECT CASE WHEN isfinite({name}) THEN {name} END AS value FROM {table})", "value"
    query = f"SELECT count(*), count({name}), count(DISTINCT {name}), min({name}), max({name}) FROM {table}"
    rows, present, distinct, low, high = connection.execute(query).fetchall()[0]
    found: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "null_count": rows - present,
        "distinct_count": distinct,
        "minimum": None if column.type == "string" else plain(low),
        "maximum": None if column.type == "string" else plain(high),
        **_NOTHING,
        "top_values": _top_values(connection, table, name),
    }
    texts = (0, 0)
    if low is not None and column.is_number:
        found |= _numbers(connection, table, name, low, high)
    elif low is not None and column.type in ("date", "timestamp"):
        found["histogram"] = _times(connection, table, name)
    elif low is not None and column.type == "string":
        found["text_length"], texts = _texts(connection, table, name)
    far = _far(connection, table, name, found)
    found["findings"] = findings_of(found, rows, blanks_around=texts[0], numbers_as_text=texts[1], far=far)
    return found


_NOTHING: dict[str, Any] = {"mean": None, "std": None, "quantiles": None, "histogram": None, "text_length": None}


def _numbers(connection: duckdb.DuckDBPyConnection, table: str, name: str, low: float, high: float) -> dict[str, Any]:
    """Two levels: mean and quantiles, then what needs the mean and the range."""
    levels = ", ".join(QUANTILES)
    first = f"SELECT favg({name}::DOUBLE), quantile_cont({name}::DOUBLE, [{levels}]) FROM {table}"
    mean, quantiles = connection.execute(first).fetchall()[0]
    second = f"SELECT sqrt(fsum(pow({name}::DOUBLE - ?, 2)) / count({name})) FROM {table}"
    std = connection.execute(second, [mean]).fetchall()[0][0]
    return {
        "mean": plain(mean),
        "std": plain(std),
        "quantiles": {
            level: plain(value) for level, value in zip(QUANTILES, quantiles, strict=True) if math.isfinite(value)
        },
        "histogram": histogram(connection, table, name, float(low), float(high), whole=isinstance(low, int)),
    }


def _times(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> dict[str, Any]:
    seconds = f"epoch({name}::TIMESTAMP)"
    low, high = connection.execute(f"SELECT min({seconds}), max({seconds}) FROM {table}").fetchall()[0]
    return histogram(connection, table, seconds, float(low), float(high))


def _texts(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> tuple[dict[str, Any], tuple[int, int]]:
    """Lengths; and how many have blanks around them, and how many are numbers, blanks aside."""
    length = f"length({name})"
    query = (
        f"SELECT min({length}), max({length}), avg({length}), count(*) FILTER ({name} <> trim({name})), "
        f"count(*) FILTER (regexp_full_match(trim({name}), {literal(NUMBER)})) FROM {table}"
    )
    low, high, mean, blanks, numbers = connection.execute(query).fetchall()[0]
    spread = histogram(connection, table, length, float(low), float(high), whole=True)
    return {"minimum": low, "maximum": high, "mean": significant(mean), "histogram": spread}, (blanks, numbers)


def _far(connection: duckdb.DuckDBPyConnection, table: str, name: str, found: dict[str, Any]) -> dict[str, float]:
    """The largest value, where it is a hundred times what 95 of 100 do not exceed: 99999999 for "unknown"."""
    near = (found["quantiles"] or {}).get(NEAR, 0)
    extreme = found["maximum"]
    if near <= 0 or extreme < 100 * near:
        return {}
    count = connection.execute(f"SELECT count(*) FROM {table} WHERE {name} = ?", [extreme]).fetchall()[0][0]
    return {"extreme": float(extreme), "near": near, "count": count}


def _top_values(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> list[dict[str, Any]]:
    query = (
        f"SELECT {name}, count(*) AS rows FROM {table} WHERE {name} IS NOT NULL "
        f"GROUP BY {name} ORDER BY rows DESC, {name} LIMIT {TOP}"
    )
    return [{"value": plain(value), "count": count} for value, count in connection.execute(query).fetchall()]
