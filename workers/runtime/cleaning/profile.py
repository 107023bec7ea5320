"""`profile`: what is in each column of a dataset version. Exact, column by column, spilling to disk if need be."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb

from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, parquet_table, quoted
from workers.runtime.context import JobContext

QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
BINS = 20
TOP = 10
TEXT_LIMIT = 200


def profile(ctx: JobContext) -> dict[str, Any]:
    """Input `dataset`: the Parquet files of a version.

    Per column: `mean`, `std` (of the population), `quantiles` (linear between neighbours) and `histogram` (equal
    widths, the last bin closed) for numbers only, else None; `minimum` and `maximum` for all but text.
    """
    connection = open_duckdb(ctx, ctx.work_dir)
    table = parquet_table([str(file) for file in dataset_files(ctx)])
    row_count = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    columns = [each for each in columns_of(described(connection, table), "the dataset") if each.name != ORDINAL]
    return {"row_count": row_count, "columns": [_column(connection, table, column) for column in columns]}


def _column(connection: duckdb.DuckDBPyConnection, table: str, column: Column) -> dict[str, Any]:
    name = quoted(column.name)
    if column.type == "float64":  # what is not finite counts as missing, as in ingestion
        table, name = f"(SELECT CASE WHEN isfinite({name}) THEN {name} END AS value FROM {table})", "value"
    query = f"SELECT count(*) - count({name}), count(DISTINCT {name}), min({name}), max({name}) FROM {table}"
    nulls, distinct, low, high = connection.execute(query).fetchall()[0]
    ordered = column.type != "string"
    return {
        "name": column.name,
        "type": column.type,
        "null_count": nulls,
        "distinct_count": distinct,
        "minimum": _plain(low) if ordered else None,
        "maximum": _plain(high) if ordered else None,
        **(_numbers(connection, table, name, low, high) if column.is_number and low is not None else _NO_NUMBERS),
        "top_values": _top_values(connection, table, name),
    }


_NO_NUMBERS: dict[str, Any] = {"mean": None, "std": None, "quantiles": None, "histogram": None}


def _numbers(connection: duckdb.DuckDBPyConnection, table: str, name: str, low: float, high: float) -> dict[str, Any]:
    """Two levels: mean and quantiles, then what needs the mean and the range."""
    levels = ", ".join(QUANTILES)
    first = f"SELECT favg({name}::DOUBLE), quantile_cont({name}::DOUBLE, [{levels}]) FROM {table}"
    mean, quantiles = connection.execute(first).fetchall()[0]
    second = f"SELECT sqrt(fsum(pow({name}::DOUBLE - ?, 2)) / count({name})) FROM {table}"
    std = connection.execute(second, [mean]).fetchall()[0][0]
    return {
        "mean": significant(mean),
        "std": significant(std),
        "quantiles": {level: significant(value) for level, value in zip(QUANTILES, quantiles, strict=True)},
        "histogram": _histogram(connection, table, name, float(low), float(high)),
    }


def _histogram(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, low: float, high: float
) -> dict[str, list[float]]:
    bins = BINS if high > low else 1
    # Halves, because the distance of two floats may be more than a float holds.
    width = (high / 2 - low / 2) / bins
    place = f"least(floor(({name}::DOUBLE / 2 - ?) / ?), ?)::INTEGER" if width > 0 else "0"
    arguments = [low / 2, width, bins - 1] if width > 0 else []
    query = f"SELECT {place} AS bin, count(*) FROM {table} WHERE {name} IS NOT NULL GROUP BY bin"
    found = dict(connection.execute(query, arguments).fetchall())
    edges = [significant(2 * (low / 2 + width * number)) for number in range(bins)] + [significant(high)]
    return {"edges": edges, "counts": [found.get(number, 0) for number in range(bins)]}


def _top_values(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> list[dict[str, Any]]:
    query = (
        f"SELECT {name}, count(*) AS rows FROM {table} WHERE {name} IS NOT NULL "
        f"GROUP BY {name} ORDER BY rows DESC, {name} LIMIT {TOP}"
    )
    return [{"value": _plain(value), "count": count} for value, count in connection.execute(query).fetchall()]


def _plain(value: object) -> Any:
    """A value as JSON has it; times as ISO 8601."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return significant(value)
    return value[:TEXT_LIMIT] if isinstance(value, str) else value
