"""How far the values of one table are from those of another: per column, and in sum."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from workers.runtime.cleaning.drift_figures import (
    SMOOTHING,
    Counts,
    Floats,
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
)
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.frame import quantile_edges
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.sample import SPREAD
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, quoted

BINS = 10
"""Quantile bins of the reference, over which the PSI of numbers is taken; fewer where values repeat much."""
SMALL, LARGE = 0.1, 0.25
"""PSI from which on a column has shifted a little, and much."""
CERTAIN = 0.01
"""A shift counts only where chance alone would bring it in fewer than so many of 1: small tables scatter."""
ROWS_COMPARED = 1_000_000
"""Of each table, for numbers and lengths: beyond, rows that lie all over it, the same at every look."""
CATEGORIES_MOST = 1_000
"""Text with more distinct values than that is compared by its lengths: its values need not come again."""
CATEGORIES_APART = 50
"""The most frequent of both sides; all others are one bin of the PSI."""
VALUES_SHOWN = 20
COLUMNS_MOST = 500
OVERLAY_BINS = 30
LEVELS = ("none", "small", "large")


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two tables, and what of them is looked at for numbers."""

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, str]
    drawn: tuple[str, str]
    rows: tuple[int, int]


def drift(
    connection: duckdb.DuckDBPyConnection, reference_table: str, table: str, columns: Sequence[Column]
) -> dict[str, Any]:
    """Compare columns that both tables have.

    Args:
        reference_table, table: table expressions: names, or what `schema.parquet_table` gives.
        columns: those to compare, with their types in `table`; what is not in both, or of another type, is left out.

    Returns:
        `{"method", "rows": {"reference", "current"}, "columns": […], "left_out": [{"name", "reason"}], "summary"}`;
        a column is what `_column` gives. Every figure is None where a side has no value.
    """
    tables = (reference_table, table)
    counts = [connection.execute(f"SELECT count(*) FROM {each}").fetchall()[0][0] for each in tables]
    kinds = [{one.name: one.type for one in columns_of(described(connection, each), "a table")} for each in tables]
    left_out = {column.name: _left_out(column, kinds, number) for number, column in enumerate(columns)}
    sides = _Sides(
        connection,
        tables,
        (_drawn(tables[0], counts[0], kinds[0]), _drawn(tables[1], counts[1], kinds[1])),
        (counts[0], counts[1]),
    )
    found = [_column(sides, column) for column in columns if left_out[column.name] is None]
    return {
        "method": {
            "bins": BINS,
            "smoothing": SMOOTHING,
            "psi_small": SMALL,
            "psi_large": LARGE,
            "p_value": CERTAIN,
            "rows_compared": ROWS_COMPARED,
        },
        "rows": {"reference": counts[0], "current": counts[1]},
        "columns": found,
        "left_out": [{"name": name, "reason": reason} for name, reason in left_out.items() if reason],
        "summary": _summary(found),
    }


def _left_out(column: Column, kinds: Sequence[dict[str, str]], number: int) -> str | None:
    before, after = (side.get(column.name) for side in kinds)
    if before is None or after is None:
        return "not_in_reference" if before is None else "not_in_current"
    numbers = {"int64", "float64"}
    if before != after and not {before, after} <= numbers:
        return "type_changed"
    if column.type == "image":
        return "no_values"
    return "too_many_columns" if number >= COLUMNS_MOST else None


def _drawn(table: str, rows: int, kinds: dict[str, str]) -> str:
    """The table, or so many of its rows that a column of them fits well into memory."""
    if rows <= ROWS_COMPARED:
        return table
    if ORDINAL not in kinds:
        return f"(SELECT * FROM {table} USING SAMPLE reservoir({ROWS_COMPARED} ROWS) REPEATABLE (1))"
    return f"(SELECT * FROM {table} WHERE {SPREAD} < {(1 << 32) * ROWS_COMPARED // rows})"


def _column(sides: _Sides, column: Column) -> dict[str, Any]:
    """One column of both.

    `{"name", "type", "compared_by": "value" | "category" | "length", "level", "psi", "p_value",
    "missing": {"reference", "current", "psi", "p_value"}, "ks", "categories", "bins", "overlay"}`. `missing` has
    shares of all rows. `bins` and `overlay` are `{"edges", "reference", "current"}`: counts over the bins of the PSI
    (from the second edge on open below, closed above, the outermost endless: one count more than edges), and over
    equal widths to look at (one count fewer than edges). `level` is what PSI and p-value together say, of the values
    or of what is missing, whichever is more.
    """
    missing = _missing(sides, column)
    found: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        **_how(sides, column),
        "missing": missing,
    }
    found["level"] = max(
        _level(found["psi"], found["p_value"]), _level(missing["psi"], missing["p_value"]), key=LEVELS.index
    )
    return found


def _how(sides: _Sides, column: Column) -> dict[str, Any]:
    if column.type in ("string", "bool"):
        name = quoted(column.name)
        counted = f"SELECT approx_count_distinct({name}) FROM"
        distinct = [sides.connection.execute(f"{counted} {table}").fetchall()[0][0] for table in sides.tables]
        if max(distinct) <= CATEGORIES_MOST:
            return _categories(sides, name)
        return {"compared_by": "length", **_numbers(sides, f"length({name})")}
    return {"compared_by": "value", **_numbers(sides, _number(column))}


def _number(column: Column) -> str:
    """The value as a number; what is not finite counts as missing, as everywhere. Times: seconds since 1970."""
    name = quoted(column.name)
    if column.type in ("date", "timestamp"):
        return f"epoch({name}::TIMESTAMP)"
    return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name} END" if column.type == "float64" else name


def _missing(sides: _Sides, column: Column) -> dict[str, Any]:
    value = quoted(column.name) if column.type in ("string", "bool") else _number(column)
    query = f"SELECT count({value}) FROM"
    present = [sides.connection.execute(f"{query} {table}").fetchall()[0][0] for table in sides.tables]
    absent = [rows - count for rows, count in zip(sides.rows, present, strict=True)]
    pairs = [(absent[side], present[side]) for side in (0, 1)]
    test = chi_square(*pairs)
    shares = [gone / rows if rows else None for gone, rows in zip(absent, sides.rows, strict=True)]
    return {
        "reference": shares[0],
        "current": shares[1],
        "psi": _rounded(psi(*pairs)),
        "p_value": _rounded(test[2]) if test else None,
    }


def _numbers(sides: _Sides, value: str) -> dict[str, Any]:
    reference, current = (_values(sides.connection, table, value) for table in sides.drawn)
    test = kolmogorov_smirnov(reference, current)
    found: dict[str, Any] = {"psi": None, "p_value": None, "ks": None, "categories": None, "bins": None}
    if test is None:
        return {**found, "overlay": _overlay(reference, current)}
    edges = quantile_edges(reference, BINS)
    counts = [_counted(side, edges) for side in (reference, current)]
    return {
        **found,
        "psi": _rounded(psi(counts[0].tolist(), counts[1].tolist())),
        "p_value": _rounded(test[1]),
        "ks": {"statistic": _rounded(test[0]), "p_value": _rounded(test[1]), "values": [len(reference), len(current)]},
        "bins": _bins(edges, *counts),
        "overlay": _overlay(reference, current),
    }


def _values(connection: duckdb.DuckDBPyConnection, table: str, value: str) -> Floats:
    """The values that are there, sorted."""
    query = f"SELECT ({value})::DOUBLE AS value FROM {table} WHERE ({value}) IS NOT NULL"
    found = np.asarray(connection.execute(query).fetchnumpy()["value"], dtype=np.float64)
    return np.sort(found)


def _counted(ordered: Floats, edges: Floats) -> Counts:
    """How many are up to the first edge, up to the second and over the first, …, over the last."""
    upto = np.searchsorted(ordered, edges, side="right")
    return np.diff(np.concatenate([[0], upto, [len(ordered)]]))


def _overlay(reference: Floats, current: Floats) -> dict[str, Any] | None:
    """Equal widths over what both sides have, without the outermost half percent of either: a far value hides all."""
    sides = [side for side in (reference, current) if len(side)]
    if not sides:
        return None
    low = min(float(np.quantile(side, 0.005, method="lower")) for side in sides)
    high = max(float(np.quantile(side, 0.995, method="higher")) for side in sides)
    # Halves, because the distance of two floats may be more than a float holds.
    edges = 2 * np.linspace(low / 2, high / 2, OVERLAY_BINS + 1) if high > low else np.array([low, low])
    upto = [np.searchsorted(side, edges, side="left") for side in (reference, current)]
    for side, place in zip((reference, current), upto, strict=True):
        place[-1] = np.searchsorted(side, edges[-1], side="right")
    return _bins(edges, *(np.diff(place) for place in upto))


def _bins(edges: Floats, reference: Counts, current: Counts) -> dict[str, Any]:
    return {
        "edges": [significant(float(edge)) for edge in edges],
        "reference": reference.tolist(),
        "current": current.tolist(),
    }


def _categories(sides: _Sides, name: str) -> dict[str, Any]:
    sums = [
        f"(SELECT {name} AS value, count(*) AS rows FROM {table} WHERE {name} IS NOT NULL GROUP BY 1)"
        for table in sides.tables
    ]
    query = (
        f"SELECT coalesce(r.value, c.value), coalesce(r.rows, 0), coalesce(c.rows, 0) FROM {sums[0]} AS r "
        f"FULL JOIN {sums[1]} AS c ON r.value = c.value "
        "ORDER BY coalesce(r.rows, 0) + coalesce(c.rows, 0) DESC, 1"
    )
    rows = sides.connection.execute(query).fetchall()
    reference, current = [row[1] for row in rows], [row[2] for row in rows]
    apart = [[*side[:CATEGORIES_APART], sum(side[CATEGORIES_APART:])] for side in (reference, current)]
    test = chi_square(reference, current)
    distance = jensen_shannon(reference, current)
    return {
        "compared_by": "category",
        "psi": _rounded(psi(*apart)),
        "p_value": _rounded(test[2]) if test else None,
        "ks": None,
        "categories": {
            "count": len(rows),
            "distance": _rounded(distance),
            "chi_square": None if test is None else {"statistic": _rounded(test[0]), "degrees": test[1]},
            "values": [_shown(row) for row in rows[:VALUES_SHOWN]],
            "new": _one_sided(rows, 1),
            "vanished": _one_sided(rows, 2),
        },
        "bins": None,
        "overlay": None,
    }


def _one_sided(rows: Sequence[tuple[Any, int, int]], side: int) -> dict[str, Any]:
    """The categories that the side with that place in a row does not have."""
    found = [row for row in rows if not row[side]]
    return {
        "count": len(found),
        "rows": sum(row[3 - side] for row in found),
        "values": [_shown(row) for row in found[:VALUES_SHOWN]],
    }


def _shown(row: tuple[Any, int, int]) -> dict[str, Any]:
    return {"value": plain(row[0]), "reference": row[1], "current": row[2]}


def _level(index: float | None, p_value: float | None) -> str:
    if index is None or p_value is None or p_value >= CERTAIN or index < SMALL:
        return "none"
    return "large" if index >= LARGE else "small"


def _rounded(value: float | None) -> float | None:
    return None if value is None else significant(value)


def _summary(columns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many columns shifted, and which, the farthest first."""
    shifted = sorted(
        (column for column in columns if column["level"] != "none"),
        key=lambda column: (-LEVELS.index(column["level"]), -(column["psi"] or column["missing"]["psi"] or 0)),
    )
    return {
        "compared": len(columns),
        **{level: sum(column["level"] == level for column in columns) for level in LEVELS},
        "shifted": [column["name"] for column in shifted],
    }
