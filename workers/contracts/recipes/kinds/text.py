"""Steps on text: how it is written, what it is replaced by, which quantities it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workers.contracts.expressions.patterns import PatternError, pattern
from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.kinds.columns import warn_dropped
from workers.contracts.recipes.options import (
    COLUMN,
    COLUMNS,
    FACTORS,
    ON_ERROR,
    SOME_COLUMNS,
    SWITCH,
    TEXT,
    VALUES_MAP,
    Option,
    is_name,
    is_number,
    is_text,
    long_text,
    one_of,
)
from workers.contracts.recipes.shape import Shape
from workers.contracts.recipes.units import UNITS, unit_of

PATTERN_MOST = 500


def pattern_problem(value: Any) -> str:
    """What is wrong with a regular expression; empty when nothing is."""
    try:
        pattern(value)
    except PatternError as error:
        return f"The pattern cannot be read {error}."
    return ""


PATTERN = long_text(PATTERN_MOST, "a regular expression", "pattern", least=1, why=pattern_problem)
TEXTS_ONLY = ("string",)


def _normalise(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], TEXTS_ONLY)
    return shape


def _something(options: Options) -> Iterator[tuple[str, str]]:
    if not any(value for name, value in options.items() if name != "columns"):
        yield "trim", "Nothing is chosen that would be done to the text."


def _replace(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, TEXTS_ONLY, option="columns")
    return shape


def _groups(options: Options) -> Iterator[tuple[str, str]]:
    text: str = options["replacement"]
    index, most = 0, pattern(options["pattern"]).groups
    while index < len(text):
        if text[index] == "$":
            sign = text[index + 1 : index + 2]
            if sign != "$" and not ("0" <= sign <= "9"):
                yield "replacement", "After $ comes a digit, the number of a group, or $ for the sign itself."
                return
            if sign != "$" and int(sign) > most:
                yield "replacement", f"There is no group {sign}; the pattern has {most}."
                return
            index += 1
        index += 1


def _map(shape: Shape, options: Options) -> Shape:
    kind = shape.require(options["column"], ("string", "int64", "bool"), option="column")
    return shape.with_types({options["column"]: mapped_type(kind, options)})


def mapped_type(kind: str, options: Options) -> str:
    """The type of a column whose values are mapped."""
    if is_to_numbers(options):
        return "float64"
    return kind if kind == "unknown" and options["otherwise"] == "keep" else "string"


def is_to_numbers(options: Options) -> bool:
    found = [value for value in options["mapping"].values() if value is not None]
    return bool(found) and all(map(is_number, found))


def _otherwise(options: Options) -> Iterator[tuple[str, str]]:
    numbers, found = is_to_numbers(options), options["otherwise"]
    if found == "keep" and numbers:
        yield "otherwise", "Values that become numbers leave no place for texts: choose null or value."
    if found == "value":
        if options["value"] is None:
            yield "value", "Is missing; takes what stands for all other values."
        elif numbers != is_number(options["value"]):
            yield "value", "Takes a number where the mapping gives numbers, else a text."


def _quantities(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], TEXTS_ONLY)
    return shape.with_types(dict.fromkeys(options["columns"], "float64"))


def _units(options: Options) -> Iterator[tuple[str, str]]:
    if options["unit"] not in options["factors"] and unit_of(options["unit"]) is None:
        yield (
            "unit",
            f"{options['unit']!r} is not known; known are {', '.join(UNITS)}; say the worth of others in `factors`.",
        )
    if {"comma": ",", "dot": "."}[options["decimal"]] == {"comma": ",", "dot": "."}.get(options["thousands"] or ""):
        yield "thousands", "Takes another sign than that of the decimals."


CELL = Option(
    "a text or a number",
    lambda value: is_text(value) or is_number(value),
    schema={"type": ["string", "number"], "maxLength": 200, "x-input": "text"},
)

KINDS = {
    "normalise_text": Kind(
        {
            "columns": SOME_COLUMNS.among("string"),
            "trim": SWITCH.optional(True),
            "collapse_blanks": SWITCH.optional(False),
            "case": one_of("lower", "upper", "title").optional(None),
            "unicode": one_of("NFC", "NFKC").optional(None),
            "half_width": SWITCH.optional(False),
            "strip_control": SWITCH.optional(False),
        },
        _normalise,
        check=_something,
    ),
    "replace_text": Kind(
        {"columns": COLUMNS.among("string"), "pattern": PATTERN, "replacement": TEXT.optional("")},
        _replace,
        check=_groups,
    ),
    "map_values": Kind(
        {
            "column": COLUMN.among("string", "int64", "bool"),
            "mapping": VALUES_MAP,
            "otherwise": one_of("keep", "null", "value").optional("keep"),
            "value": CELL.optional(None),
        },
        _map,
        check=_otherwise,
    ),
    "parse_quantities": Kind(
        {
            "columns": COLUMNS.among("string"),
            "unit": Option(
                "a unit", is_name, schema={"type": "string", "minLength": 1, "maxLength": 200, "x-input": "text"}
            ),
            "factors": FACTORS.optional({}),
            "decimal": one_of("dot", "comma").optional("dot"),
            "thousands": one_of("comma", "dot", "blank", "apostrophe").optional("comma"),
            "on_error": ON_ERROR,
        },
        _quantities,
        check=_units,
        warns=warn_dropped,
    ),
}
