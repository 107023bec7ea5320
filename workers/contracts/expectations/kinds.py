"""Every kind of expectation, with the options that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from workers.contracts.expectations.values import is_moment, is_scalars
from workers.contracts.expressions import LENGTH_MOST, TYPES
from workers.contracts.recipes.options import (
    COLUMN,
    COLUMNS,
    POSITIVE,
    SOME_COLUMNS,
    Option,
    is_number,
    is_text,
    long_text,
    one_of,
)
from workers.contracts.recipes.shape import NUMBERS, TIMES

Options = Mapping[str, Any]
"""Parameters of an expectation, every option written out."""

VALUES_MOST = 1000
ROWS_MOST = 1 << 53
LATEST = "latest"


def _together(_options: Options) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of expectation."""

    options: Mapping[str, Option] = field(default_factory=dict)
    together: Callable[[Options], dict[str, str]] = _together
    """Option → sentence, for options that are good each but not together."""
    refers: bool = False
    """It holds the data against a version: of `dataset` (null: of its own), the one that `at` names."""
    is_rowwise: bool = False
    """Each row fulfils it or not, so that rows can be counted and shown."""


def _bounds(options: Options) -> dict[str, str]:
    low, high = options["minimum"], options["maximum"]
    if low is None and high is None:
        return {"minimum": "Takes at least one of minimum and maximum."}
    if low is None or high is None:
        return {}
    if isinstance(low, str) != isinstance(high, str):
        return {"maximum": "Takes a value of the kind that the minimum has."}
    return {"maximum": "Is below the minimum."} if high < low else {}


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _limits(options: Options) -> dict[str, str]:
    if options["psi_most"] is None and options["ks_most"] is None:
        return {"psi_most": "Takes at least one of the two limits."}
    return {}


_SHARE = Option(
    "a number above 0 and at most 1",
    lambda value: is_number(value) and 0 < value <= 1,
    schema={"type": "number", "exclusiveMinimum": 0, "maximum": 1, "x-input": "number"},
)
_MOSTLY = _SHARE.optional(1)
_BOUND = Option(
    "a number, or a date or time as text",
    lambda value: is_number(value) or is_moment(value),
    schema={"type": ["number", "string"], "x-input": "scalar"},
).optional(None)
_ROWS = Option(
    "a whole number from 0 on",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ROWS_MOST,
    schema={"type": "integer", "minimum": 0, "maximum": ROWS_MOST, "x-input": "integer"},
).optional(None)
_VALUES = Option(
    f"a list of 1 to {VALUES_MOST} different texts, numbers or truth values, all of one kind",
    lambda value: is_scalars(value, VALUES_MOST),
    schema={
        "type": "array",
        "items": {"type": ["string", "number", "boolean"]},
        "minItems": 1,
        "maxItems": VALUES_MOST,
        "uniqueItems": True,
        "x-input": "scalars",
    },
)
_PATTERN = long_text(1000, "a regular expression of at most 1000 characters", "pattern", least=1)
_EXPRESSION = long_text(LENGTH_MOST, f"an expression of at most {LENGTH_MOST} characters", "expression", least=1)
_HOURS = Option(
    "a number above 0 and at most 87600",
    lambda value: is_number(value) and 0 < value <= 87_600,
    schema={"type": "number", "exclusiveMinimum": 0, "maximum": 87_600, "x-input": "number"},
)
_DATASET = Option("the id of a dataset", _is_uuid, schema={"type": "string", "format": "uuid", "x-input": "dataset"})
_AT = Option(
    f"{LATEST!r}, an alias, or the number of a version",
    lambda value: isinstance(value, str) and is_text(value) and bool(value.strip()),
    schema={"type": "string", "minLength": 1, "maxLength": 60, "x-input": "text"},
).optional(LATEST)

KINDS: dict[str, Kind] = {
    "not_null": Kind({"column": COLUMN, "mostly": _MOSTLY}, is_rowwise=True),
    "unique": Kind({"columns": COLUMNS, "mostly": _MOSTLY}, is_rowwise=True),
    "between": Kind(
        {
            "column": COLUMN.among(*NUMBERS, *TIMES),
            "minimum": _BOUND,
            "maximum": _BOUND,
            "mostly": _MOSTLY,
        },
        together=_bounds,
        is_rowwise=True,
    ),
    "in_set": Kind(
        {"column": COLUMN.among("string", "bool", *NUMBERS), "values": _VALUES, "mostly": _MOSTLY}, is_rowwise=True
    ),
    "matches": Kind({"column": COLUMN.among("string"), "pattern": _PATTERN, "mostly": _MOSTLY}, is_rowwise=True),
    "type": Kind({"column": COLUMN, "type": one_of(*TYPES)}),
    "row_count": Kind({"minimum": _ROWS, "maximum": _ROWS}, together=_bounds),
    "freshness": Kind({"column": COLUMN.among(*TIMES).optional(None), "hours": _HOURS}),
    "foreign_key": Kind(
        {"column": COLUMN, "dataset": _DATASET, "at": _AT, "target": COLUMN, "mostly": _MOSTLY},
        refers=True,
        is_rowwise=True,
    ),
    "distribution": Kind(
        {
            "columns": SOME_COLUMNS,
            "dataset": _DATASET.optional(None),
            "at": _AT,
            "psi_most": POSITIVE.optional(0.25),
            "ks_most": _SHARE.optional(None),
        },
        together=_limits,
        refers=True,
    ),
    "custom": Kind({"expression": _EXPRESSION, "mostly": _MOSTLY}, is_rowwise=True),
}
NAMES = tuple(KINDS)
TOLERANT = frozenset(name for name, kind in KINDS.items() if "mostly" in kind.options)
"""Kinds that may be fulfilled by a share of the rows."""
