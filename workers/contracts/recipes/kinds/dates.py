"""Steps on dates and times."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.contracts.recipes.formats import FormatError, read_format
from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.kinds.columns import warn_dropped
from workers.contracts.recipes.options import (
    COLUMN,
    COLUMNS,
    ON_ERROR,
    SWITCH,
    Option,
    is_storable,
    one_of,
    some_of,
)
from workers.contracts.recipes.shape import TIMES, Misfit, Shape

PARTS = ("year", "quarter", "month", "day", "weekday", "day_of_year", "hour", "minute", "second")
OF_TIMES = ("hour", "minute", "second")


def _zone_problem(value: Any) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{value!r} is no time zone that is known; Europe/Berlin, Asia/Shanghai or UTC are."
    return ""


def _are_formats(value: Any) -> bool:
    if (
        not isinstance(value, list)
        or len(value) > 20
        or not all(is_storable(text) and 1 <= len(text) <= 100 for text in value)
    ):
        return False
    return not _format_problem(value)


def _format_problem(value: Any) -> str:
    for text in value if isinstance(value, list) else ():
        if isinstance(text, str) and text:
            try:
                read_format(text)
            except FormatError as error:
                return f"The format {text!r} cannot be read: {error}."
    return ""


FORMATS = Option(
    "a list of formats such as %d/%m/%Y",
    _are_formats,
    schema={
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": 100},
        "maxItems": 20,
        "x-input": "texts",
    },
    why=_format_problem,
)
ZONE = Option(
    "the name of a time zone",
    lambda value: isinstance(value, str) and 1 <= len(value) <= 100 and not _zone_problem(value),
    schema={"type": "string", "minLength": 1, "maxLength": 100, "x-input": "zone"},
    why=lambda value: _zone_problem(value) if isinstance(value, str) and 1 <= len(value) <= 100 else "",
)


def _parse(shape: Shape, options: Options) -> Shape:
    for name in options["columns"]:
        shape.require(name, ("string", *TIMES), option="columns")
        shape.require_feature(name, option="columns")
    to: str = options["to"]
    return shape.with_types(dict.fromkeys(options["columns"], to))


def part_name(column: str, part: str) -> str:
    return f"{column}_{part}"


def _parts(shape: Shape, options: Options) -> Shape:
    name = options["column"]
    kind = shape.require_feature(name, TIMES, option="column")
    for part in options["parts"]:
        if kind == "date" and part in OF_TIMES:
            raise Misfit(f"column {name!r} is a date: it has no {part}", name, "wrong_type", "parts")
        shape.require_new(part_name(name, part), option="parts")
    made = shape.with_types({part_name(name, part): "int64" for part in options["parts"]})
    return made.without([name]) if options["drop"] else made


KINDS = {
    "parse_dates": Kind(
        {
            "columns": COLUMNS.among("string", *TIMES),
            "formats": FORMATS.optional([]),
            "day_first": SWITCH.optional(False),
            "zone": ZONE.optional("UTC"),
            "to": one_of("timestamp", "date").optional("timestamp"),
            "on_error": ON_ERROR,
        },
        _parse,
        warns=warn_dropped,
    ),
    "date_parts": Kind(
        {
            "column": COLUMN.among(*TIMES),
            "parts": some_of(*PARTS).optional(["year", "month", "day"]),
            "drop": SWITCH.optional(False),
        },
        _parts,
    ),
}
