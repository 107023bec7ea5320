"""Expectations that a profile suggests: a pure function of its figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.datasets.states import Severity
from workers.contracts.expectations import normalised, problems
from workers.contracts.recipes.shape import NUMBERS

CATEGORIES_MOST = 10
"""So many values are all listed by a profile."""
ROWS_LEAST = 10
"""Of fewer rows nothing is said by chance."""
MARGIN = 0.1
"""Of the spread of a number, on either side."""
FEW_MISSING = 0.01
OURS = ("__split",)
SHAPES_MOST = 3
KNOWN = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s.]+$",
    "uuid": r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
}
"""Kinds of texts that a profile names, as patterns."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An expectation that the data fulfils now."""

    kind: str
    parameters: dict[str, Any]
    severity: str
    reason: str
    """Why it is proposed: one of `REASONS`."""


REASONS = (
    "complete",
    "nearly_complete",
    "all_different",
    "range_seen",
    "values_seen",
    "pattern_seen",
    "rows_seen",
)

Column = Mapping[str, Any]


def proposals_of(profile: Mapping[str, Any]) -> list[Proposal]:
    """What could be expected of data with this profile, `{"row_count", "columns"}`: of the rows, then by column.

    What must hold of every row of a table blocks; what is only how the data looks now warns.
    """
    rows = int(profile["row_count"])
    types = {str(column["name"]): str(column["type"]) for column in profile["columns"]}
    found = [*_of_rows(rows)]
    for column in profile["columns"] if rows else ():
        if column["name"] not in OURS:
            found += _of_column(column, rows)
    # Never one that could not be saved, whatever a profile of another release holds.
    return [one for one in found if not problems(one.kind, one.parameters, types)]


def _proposal(kind: str, severity: Severity, reason: str, /, **parameters: Any) -> Proposal:
    return Proposal(kind, normalised(kind, parameters), str(severity), reason)


def _of_rows(rows: int) -> Iterator[Proposal]:
    if rows >= ROWS_LEAST:
        yield _proposal("row_count", Severity.WARN, "rows_seen", minimum=rows // 2, maximum=rows * 2)


def _of_column(column: Column, rows: int) -> Iterator[Proposal]:
    name, missing = str(column["name"]), int(column["null_count"])
    present = rows - missing
    if not missing:
        yield _proposal("not_null", Severity.BLOCK, "complete", column=name)
    elif missing <= FEW_MISSING * rows:
        share = math.floor((1 - 2 * missing / rows) * 1000) / 1000
        yield _proposal("not_null", Severity.WARN, "nearly_complete", column=name, mostly=share)
    is_key = _is_key(column, present)
    if is_key and not missing and rows >= ROWS_LEAST:
        yield _proposal("unique", Severity.BLOCK, "all_different", columns=[name])
    values = _all_values(column, present)
    if values and rows >= ROWS_LEAST and not is_key:
        yield _proposal("in_set", Severity.WARN, "values_seen", column=name, values=values)
    elif column["type"] in NUMBERS and not is_key:
        yield from _range(column)
    yield from _pattern(column)


def _is_key(column: Column, present: int) -> bool:
    """Every value comes once, as those of identifiers; measurements with fractions do so by chance."""
    exact = column.get("distinct_is_exact", True)
    return bool(exact and present > 1 and column["distinct_count"] == present and column["type"] in ("int64", "string"))


def _all_values(column: Column, present: int) -> list[Any]:
    """Every value that a column of few has; none where it has more, or where one was cut."""
    top = column.get("top_values") or []
    if column["type"] not in ("string", "bool", "int64") or column["distinct_count"] > CATEGORIES_MOST:
        return []
    values = [one["value"] for one in top]
    whole = sum(int(one["count"]) for one in top) == present and len(values) == column["distinct_count"]
    cut = any(isinstance(value, str) and value.endswith("…") for value in values)
    return [] if cut or not whole else sorted(values)


def _range(column: Column) -> Iterator[Proposal]:
    low, high = _number(column.get("minimum")), _number(column.get("maximum"))
    if low is None or high is None or low == high:
        return
    margin = (high - low) * MARGIN
    least, most = low - margin, high + margin
    if low >= 0:
        least = max(least, 0)
    if column["type"] == "int64":
        least, most = math.floor(least), math.ceil(most)
    else:
        least, most = float(f"{least:.6g}"), float(f"{most:.6g}")
    if math.isfinite(least) and math.isfinite(most) and least <= low and most >= high:
        name = str(column["name"])
        yield _proposal("between", Severity.WARN, "range_seen", column=name, minimum=least, maximum=most)


def _pattern(column: Column) -> Iterator[Proposal]:
    """Where a profile has seen every text, and all are of one known kind, or of few shapes without letters."""
    found = column.get("patterns")
    if not isinstance(found, Mapping) or found.get("is_sample") or not found.get("values"):
        return
    kinds = [one["kind"] for one in found.get("kinds", ()) if one["count"] == found["values"]]
    pattern = next((KNOWN[kind] for kind in kinds if kind in KNOWN), None) or _of_shapes(found)
    if pattern:
        yield _proposal("matches", Severity.WARN, "pattern_seen", column=str(column["name"]), pattern=pattern)


def _of_shapes(found: Mapping[str, Any]) -> str:
    shapes = found.get("shapes", ())
    if not 1 <= len(shapes) <= SHAPES_MOST or sum(one["count"] for one in shapes) != found["values"]:
        return ""
    if not all(one["shape"].isascii() and one["example"].isascii() and len(one["shape"]) < 40 for one in shapes):
        return ""
    if any(letter.isalpha() for one in shapes for letter in one["shape"]) or not all("9" in s["shape"] for s in shapes):
        return ""
    coarse = bool(found.get("is_coarse"))
    return f"^({'|'.join(_expression(one['shape'], coarse=coarse) for one in shapes)})$"


def _expression(shape: str, *, coarse: bool) -> str:
    """`999-99` as `[0-9]{3}-[0-9]{2}`; coarse, `9+` is any number of digits."""
    parts = re.split(r"(9\+|9+)" if coarse else r"(9+)", shape)
    return "".join(_digits(part) if part.startswith("9") else re.escape(part).replace("\\ ", " ") for part in parts)


def _digits(part: str) -> str:
    return "[0-9]+" if part.endswith("+") else f"[0-9]{{{len(part)}}}" if len(part) > 1 else "[0-9]"


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
