"""Steps about missing values."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.options import SOME_COLUMNS, SWITCH, TEXTS, Option, is_number
from workers.contracts.recipes.shape import NUMBERS, UNKNOWN, Shape

MARKED = ("string", *NUMBERS)


def _are_sentinels(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 100 and all(map(is_number, value))


SENTINELS = Option(
    "a list of numbers",
    _are_sentinels,
    schema={"type": "array", "items": {"type": "number"}, "maxItems": 100, "x-input": "numbers"},
)


def _markers(shape: Shape, options: Options) -> Shape:
    for name in options["columns"] or ():
        shape.require(name, MARKED, option="columns")
    chosen = shape.features_of("string") if options["columns"] is None else options["columns"]
    turning = [name for name in chosen if shape.features.get(name) in ("string", UNKNOWN)] if options["numbers"] else []
    return shape.with_types(dict.fromkeys(turning, UNKNOWN))


KINDS = {
    "missing_values": Kind(
        {
            "markers": TEXTS.optional(["", "NA"]),
            "columns": SOME_COLUMNS.among(*MARKED),
            "sentinels": SENTINELS.optional([]),
            "numbers": SWITCH.optional(True),
        },
        _markers,
    ),
}
