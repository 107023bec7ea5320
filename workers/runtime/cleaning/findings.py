"""What catches the eye in a column's statistics. Pure: figures in, findings out; the dashboard has words per code."""

from __future__ import annotations

from typing import Any

MOSTLY = 0.5
"""Share of missing values from which on a column is mostly missing."""
DOMINATES = 0.99
"""Share of the values there are that one of them has, from which on it dominates."""
FEW_ROWS = 20
"""Below, a column that repeats no value or hardly varies says nothing."""


def findings_of(
    column: dict[str, Any], rows: int, *, blanks_around: int, numbers_as_text: int, far: dict[str, float]
) -> list[dict[str, Any]]:
    """`[{"code", "severity", "detail", "figures"}]`, what matters most first.

    Args:
        column: its statistics.
        blanks_around: texts with blanks before or after them.
        numbers_as_text: texts that are numbers.
        far: `{"extreme", "near", "count"}` of an extreme that is far from all other values, else empty.
    """
    present = rows - column["null_count"]
    if not present:
        return [_finding("all_missing", "warning", "No row has a value.")] if rows else []
    found = []
    missing = column["null_count"] / rows
    if missing >= MOSTLY:
        found.append(_finding("mostly_missing", "warning", f"{missing:.1%} of the values are missing.", ratio=missing))
    found += _of_values(column, present)
    if far:
        detail = f"The maximum {far['extreme']:g} is far from the other values; {far['count']} rows have it."
        found.append(_finding("far_extreme", "warning", detail, **far))
    # Fewer than all: there are other texts beside the numbers, markers of missing values among them.
    if numbers_as_text > present / 2:
        detail = f"{numbers_as_text} of {present} texts are numbers."
        found.append(_finding("numbers_as_text", "warning", detail, count=numbers_as_text))
    if blanks_around:
        detail = f"{blanks_around} texts have blanks around them."
        found.append(_finding("blanks_around", "info", detail, count=blanks_around))
    return found


def _of_values(column: dict[str, Any], present: int) -> list[dict[str, Any]]:
    """Of how often values repeat: the first that is true."""
    distinct, top = column["distinct_count"], column["top_values"]
    if distinct == 1 and present > 1:
        return [_finding("constant", "warning", "All values are equal.")]
    if present < FEW_ROWS:
        return []
    share = top[0]["count"] / present if top else 0.0
    if share >= DOMINATES:
        return [_finding("one_value_dominates", "info", f"One value makes up {share:.1%}.", ratio=share)]
    # Measurements seldom repeat either, so that of numbers with fractions nothing follows.
    if distinct == present and not column["null_count"] and column["type"] in ("int64", "string"):
        return [_finding("likely_key", "info", "No value occurs twice: it may name the rows.")]
    return []


def _finding(code: str, severity: str, detail: str, **figures: float) -> dict[str, Any]:
    rounded = {name: round(float(value), 6) for name, value in figures.items()}
    return {"code": code, "severity": severity, "detail": detail, "figures": rounded}
