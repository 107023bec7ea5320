"""Histograms of equal widths, counted by DuckDB."""

# ruff: noqa: S608 - expressions come from this package, values go as parameters

from __future__ import annotations

from typing import Any

import duckdb

from workers.runtime.cleaning.rounding import significant

BINS = 20


def histogram(
    connection: duckdb.DuckDBPyConnection, table: str, value: str, low: float, high: float, *, whole: bool = False
) -> dict[str, Any]:
    """`{"edges", "counts"}`, one edge more than counts, the last bin closed; one bin where all values are equal.

    Args:
        value: an SQL expression that is a number or NULL; NULL is not counted.
        low, high: its least and largest value.
        whole: the values are whole numbers; where there can be few of them, each has a bin of its own around it.
    """
    bins = BINS if high > low else 1
    if whole and 0 < high - low < BINS:
        bins, low, high = int(high - low) + 1, low - 0.5, high + 0.5
    # Halves, because the distance of two floats may be more than a float holds.
    width = (high / 2 - low / 2) / bins
    place = f"least(floor(({value}::DOUBLE / 2 - ?) / ?), ?)::INTEGER" if width > 0 else "0"
    arguments = [low / 2, width, bins - 1] if width > 0 else []
    query = f"SELECT {place} AS bin, count(*) FROM {table} WHERE {value} IS NOT NULL GROUP BY bin"
    found = dict(connection.execute(query, arguments).fetchall())
    edges = [significant(2 * (low / 2 + width * number)) for number in range(bins)] + [significant(high)]
    return {"edges": edges, "counts": [found.get(number, 0) for number in range(bins)]}
