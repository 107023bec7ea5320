"""What catches the eye in a column's statistics. Pure: figures in, findings out; the dashboard has words per code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workers.runtime.cleaning.profiling.texts import Signs

MOSTLY = 0.5
"""Share of missing values from which on a column is mostly missing."""
SOME = 0.01
"""Share of missing values from which on they are worth a word."""
DOMINATES = 0.99
"""Share of the values there are that one of them has, from which on it dominates."""
FEW_ROWS = 20
"""Below, a column that repeats no value or hardly varies says nothing."""
NEARLY_ALL = 0.9
"""Share of texts of a kind from which on the column is of that kind."""
MANY_OUTSIDE = 0.05
"""Share of the values beyond the fences, from which on it is a heavy tail and not some values that went wrong."""
FAR = 100
"""Times what 95 of 100 values do not exceed: 99999999 for "unknown"."""
PERSONAL = ("email", "phone", "ip_address")

Finding = dict[str, Any]


def findings_of(column: dict[str, Any], rows: int, signs: Signs) -> list[Finding]:
    """`[{"code", "severity", "detail", "figures", "examples", "suggestion"}]`, what matters most first.

    `suggestion` is a step of a recipe that would help, `{"kind", …}`, or None; `examples` are texts.

    Args:
        column: its statistics.
    """
    present = rows - column["null_count"]
    name = column["name"]
    if not present:
        step = dropped(name)
        return [finding("all_missing", "warning", "No row has a value.", suggestion=step)] if rows else []
    found = [
        *_of_missing(column, rows),
        *_of_values(column, present),
        *_of_extremes(column, present),
        *_of_texts(column, present, signs),
        *_of_order(column),
    ]
    return sorted(found, key=lambda each: each["severity"] != "warning")


def finding(
    code: str,
    severity: str,
    detail: str,
    *,
    suggestion: dict[str, Any] | None = None,
    examples: Sequence[str] = (),
    **figures: float,
) -> Finding:
    return {
        "code": code,
        "severity": severity,
        "detail": detail,
        "figures": {name: round(float(value), 6) for name, value in figures.items()},
        "examples": list(examples),
        "suggestion": suggestion,
    }


def dropped(*names: str) -> dict[str, Any]:
    return {"kind": "drop_columns", "columns": list(names)}


def _of_missing(column: dict[str, Any], rows: int) -> Iterator[Finding]:
    missing = column["null_count"] / rows
    detail = f"{missing:.1%} of the values are missing."
    if missing >= MOSTLY:
        yield finding("mostly_missing", "warning", detail, suggestion=dropped(column["name"]), ratio=missing)
    elif missing >= SOME:
        step = {"kind": "impute"} if column["type"] in ("int64", "float64", "string", "bool") else None
        yield finding("some_missing", "info", detail, suggestion=step, ratio=missing)


def _of_values(column: dict[str, Any], present: int) -> Iterator[Finding]:
    """Of how often values repeat: the first that is true."""
    distinct, top = column["distinct_count"], column["top_values"]
    if column["type"] == "image":
        return
    if distinct == 1 and present > 1:
        yield finding("constant", "warning", "All values are equal.", suggestion=dropped(column["name"]))
        return
    if present < FEW_ROWS:
        return
    share = top[0]["count"] / present if top else 0.0
    if share >= DOMINATES:
        detail = f"One value makes up {share:.1%}."
        step = dropped(column["name"])
        yield finding("one_value_dominates", "info", detail, suggestion=step, ratio=share)
        return
    # Measurements seldom repeat either, so that of numbers with fractions nothing follows.
    is_key = distinct == present and column["distinct_is_exact"] and not column["null_count"]
    if is_key and column["type"] in ("int64", "string"):
        yield finding("likely_key", "info", "No value occurs twice: it may name the rows.")


def _of_extremes(column: dict[str, Any], present: int) -> Iterator[Finding]:
    """The largest value far from all others; else values beyond the fences."""
    quantiles, fences = column["quantiles"], column["fences"]
    if not quantiles or not fences or "0.95" not in quantiles:
        return
    near, extreme = quantiles["0.95"], column["maximum"]
    if near > 0 and extreme is not None and extreme >= FAR * near:
        count = column["maximum_count"]
        detail = f"The maximum {extreme:g} is far from the other values; {count} rows have it."
        sentinel: dict[str, Any] = {
            "kind": "missing_values",
            "markers": [],
            "columns": [column["name"]],
            "sentinels": [extreme],
        }
        step: dict[str, Any] | None = sentinel if count > 1 else _outliers(column)
        yield finding("far_extreme", "warning", detail, suggestion=step, extreme=extreme, near=near, count=count)
        return
    outside = fences["below"] + fences["above"]
    if outside and present >= FEW_ROWS and fences["high"] > fences["low"]:
        share = outside / present
        detail = f"{outside} values lie beyond the fences {fences['low']:g} and {fences['high']:g}."
        code = "outside_fences" if share < MANY_OUTSIDE else "heavy_tail"
        step = _outliers(column) if share < MANY_OUTSIDE else None
        yield finding(
            code, "info", detail, suggestion=step, count=outside, ratio=share, low=fences["low"], high=fences["high"]
        )


def _outliers(column: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "outliers", "method": "iqr", "factor": 1.5, "columns": [column["name"]]}


def _of_texts(column: dict[str, Any], present: int, signs: Signs) -> Iterator[Finding]:
    name = column["name"]
    numbers, markers = signs.numbers, [text for text, _ in signs.markers]
    # Fewer than all: there are other texts beside the numbers, markers of missing values among them.
    if numbers > present / 2:
        step: dict[str, Any] = {"kind": "cast", "columns": [name], "to": "float64", "on_error": "null"}
        if markers:
            step = {"kind": "missing_values", "markers": markers, "columns": [name]}
        detail = f"{numbers} of {present} texts are numbers."
        yield finding("numbers_as_text", "warning", detail, suggestion=step, count=numbers)
    elif markers:
        count = sum(rows for _, rows in signs.markers)
        detail = f"{count} texts look like markers of a missing value: {', '.join(map(repr, markers))}."
        step = {"kind": "missing_values", "markers": markers, "columns": [name]}
        yield finding("missing_markers", "warning", detail, suggestion=step, examples=markers, count=count)
    if signs.blanks_around:
        detail = f"{signs.blanks_around} texts have blanks around them."
        step = {"kind": "normalise_text", "columns": [name], "trim": True}
        yield finding("blanks_around", "info", detail, suggestion=step, count=signs.blanks_around)
    if signs.variant_groups:
        detail = f"{signs.variant_groups} values are written in more than one way: {signs.variants[0]}."
        step = {"kind": "normalise_text", "columns": [name], "trim": True, "case": "lower"}
        yield finding(
            "spelling_variants",
            "warning",
            detail,
            suggestion=step,
            examples=signs.variants,
            count=signs.variant_groups,
        )
    yield from _of_kinds(column)
    yield from _of_prose(column)


def _of_kinds(column: dict[str, Any]) -> Iterator[Finding]:
    if not column["patterns"]:
        return
    kinds = {each["kind"]: each["share"] for each in column["patterns"]["kinds"]}
    times = max(("date", "timestamp"), key=lambda kind: kinds.get(kind, 0.0))
    share = kinds.get(times, 0.0)
    if share >= NEARLY_ALL:
        step = {"kind": "parse_dates", "columns": [column["name"]], "to": times, "on_error": "null"}
        detail = f"{share:.1%} of the texts are dates or times."
        yield finding("dates_as_text", "warning", detail, suggestion=step, ratio=share)
    for kind in PERSONAL:
        if kinds.get(kind, 0.0) >= MOSTLY:
            step = {"kind": "redact", "columns": [column["name"]]}
            words = {"email": "e-mail addresses", "phone": "telephone numbers", "ip_address": "IP addresses"}[kind]
            detail = f"{kinds[kind]:.1%} of the texts look like {words}: they may name people."
            yield finding("personal_data", "info", detail, suggestion=step, examples=[kind], ratio=kinds[kind])


def _of_prose(column: dict[str, Any]) -> Iterator[Finding]:
    near = column.get("near_duplicates")
    if near and near["rows"]:
        detail = f"{near['rows']} of {near['texts']} texts are nearly the same as another."
        step = {"kind": "near_duplicate_text", "column": column["name"]}
        examples = near["examples"][0] if near["examples"] else ()
        yield finding(
            "near_duplicate_texts",
            "warning",
            detail,
            suggestion=step,
            examples=examples,
            count=near["rows"],
            texts=near["texts"],
        )


def _of_order(column: dict[str, Any]) -> Iterator[Finding]:
    if column["order"] and column["distinct_count"] > 1:
        way = "rise" if column["order"].endswith("increasing") else "fall"
        detail = f"The values {way} from row to row."
        yield finding("ordered", "info", detail, examples=[column["order"]])
