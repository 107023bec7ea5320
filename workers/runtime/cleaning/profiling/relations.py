"""How strongly columns hang together, pair by pair: a measure for every pair of kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workers.runtime.cleaning.profiling.frame import Codes, Floats, Framed, named

RELATED_MOST = 30
"""Columns that are held against each other."""
LEAST = 3
"""Rows with both values, below which nothing is said of a pair."""
DIGITS = 4
STRONG = 0.95
PAIRS_SHOWN = 20


def relations(frame: Sequence[Framed]) -> dict[str, Any]:
    """`{"columns": [{"name", "kind"}], "values", "ranks", "left_out": [{"name", "reason"}], "strong"}`.

    `values` is a symmetric matrix: Pearson's r between numbers (times are numbers), Cramér's V between categories,
    the correlation ratio η between a category and a number; None where too little is there to say. `ranks` is
    Spearman's ρ between numbers, None elsewhere; ranks are those within each column, of rows that both have.
    `strong`: the pairs of 0.95 and more, `{"columns": [a, b], "measure", "value"}`, the strongest first.
    """
    usable = [column for column in frame if column.kind != "other" and not column.is_constant]
    chosen = usable[:RELATED_MOST]
    size = len(chosen)
    values = np.full((size, size), np.nan)
    ranks = np.full((size, size), np.nan)
    numbers = [place for place, column in enumerate(chosen) if column.kind != "category"]
    if numbers:
        table = np.column_stack([chosen[place].values for place in numbers])
        values[np.ix_(numbers, numbers)] = pearson(table)
        ranks[np.ix_(numbers, numbers)] = pearson(np.column_stack([ranked(column) for column in table.T]))
    for one in range(size):
        for other in range(one):
            if {one, other} <= set(numbers):
                continue
            values[one, other] = values[other, one] = _mixed(chosen[one], chosen[other])
        if one not in numbers:
            values[one, one] = 1.0
    return {
        "columns": [{"name": column.name, "kind": column.kind} for column in chosen],
        "values": listed(values),
        "ranks": listed(ranks),
        "left_out": _left_out(frame, set(named(chosen))),
        "strong": _strong(chosen, values),
    }


def pearson(table: Floats) -> Floats:
    """Of every two columns, over the rows that have both; NaN where one does not vary there."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        known = np.isfinite(table)
        middle = np.where(known, table, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        spread = np.where(known, np.abs(table - middle), 0.0).max(axis=0, initial=0.0)
        scaled = (table - middle) / np.where(spread > 0, spread, 1.0)  # so that no square is beyond a float
        there = np.isfinite(scaled)
        filled, mask = np.where(there, scaled, 0.0), there.astype(np.float64)
        rows = mask.T @ mask
        sums = filled.T @ mask  # [a, b]: of a where b is there
        squares = (filled**2).T @ mask
        covariance = filled.T @ filled - sums * sums.T / rows
        variance = squares - sums**2 / rows
        variance = np.where(variance > 1e-12 * squares, variance, np.nan)
        found = covariance / np.sqrt(variance * variance.T)
    return np.where(rows >= LEAST, np.clip(found, -1.0, 1.0), np.nan)


def ranked(values: Floats) -> Floats:
    """Ranks of the values that are there, the mean rank for equal ones."""
    found = np.full(len(values), np.nan)
    there = np.isfinite(values)
    _, inverse, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    found[there] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return found


def cramers_v(one: Codes, other: Codes) -> float:
    """From 0 to 1, without the bias of few rows (Bergsma); NaN where a side does not vary."""
    counts = crossed(one, other)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    total = counts.sum()
    if total < LEAST or min(counts.shape) < 2:
        return float("nan")
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    phi = float(((counts - expected) ** 2 / expected).sum() / total)
    rows, columns = counts.shape
    left = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    least = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)) - 1
    return min(1.0, float(np.sqrt(left / least))) if least > 0 else float("nan")


def correlation_ratio(codes: Codes, values: Floats) -> float:
    """η: the share of the spread of the values that lies between categories, its root; NaN where they do not vary."""
    counts = np.bincount(codes)
    counts_there = np.maximum(counts, 1)
    if len(values) < LEAST or np.count_nonzero(counts) < 2:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = values - values.mean()
        size = np.abs(shifted).max()
        if not np.isfinite(size) or size == 0:
            return float("nan")
        shifted = shifted / size
        means = np.bincount(codes, weights=shifted) / counts_there
        between = float((counts * (means - shifted.mean()) ** 2).sum())
        total = float(((shifted - shifted.mean()) ** 2).sum())
    return float(np.sqrt(min(1.0, between / total))) if total > 0 else float("nan")


def crossed(one: Codes, other: Codes) -> Floats:
    """How often each pair of codes occurs."""
    if not len(one):
        return np.zeros((0, 0))
    width = int(other.max()) + 1
    height = int(one.max()) + 1
    return np.bincount(one * width + other, minlength=height * width).reshape(height, width).astype(np.float64)


def _mixed(one: Framed, other: Framed) -> float:
    both = ~(one.missing | other.missing)
    if one.kind == other.kind == "category":
        return cramers_v(one.codes[both], other.codes[both])
    category, number = (one, other) if one.kind == "category" else (other, one)
    return correlation_ratio(category.codes[both], number.values[both])


def _left_out(frame: Sequence[Framed], chosen: set[str]) -> list[dict[str, str]]:
    found = []
    for column in frame:
        if column.name in chosen:
            continue
        reason = "too_many_columns"
        if column.is_constant:
            reason = "constant"
        elif column.kind == "other":
            reason = "too_many_values"
        found.append({"name": column.name, "reason": reason})
    return found


def _strong(columns: Sequence[Framed], values: Floats) -> list[dict[str, Any]]:
    found = [
        (abs(float(values[one, other])), one, other)
        for other in range(len(columns))
        for one in range(other)
        if abs(values[one, other]) >= STRONG
    ]
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [
        {
            "columns": [columns[one].name, columns[other].name],
            "measure": measure(columns[one], columns[other]),
            "value": round(float(values[one, other]), DIGITS),
        }
        for _, one, other in found[:PAIRS_SHOWN]
    ]


def measure(one: Framed, other: Framed) -> str:
    categories = (one.kind == "category") + (other.kind == "category")
    return ("pearson", "correlation_ratio", "cramers_v")[categories]


def listed(matrix: Floats) -> list[list[float | None]]:
    """As JSON has it; None for what is not finite."""
    return [[round(float(value), DIGITS) if np.isfinite(value) else None for value in row] for row in matrix]
