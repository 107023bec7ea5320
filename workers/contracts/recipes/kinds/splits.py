"""Steps that say which rows a model learns from, and how often."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMN, RATIO, SEED, TEXT, Option, is_number, one_of
from workers.contracts.recipes.shape import NUMBERS, SPLIT, TIMES, WEIGHT, Misfit, Shape

CLASSES = ("string", "bool", "int64")
ORDERED = (*TIMES, *NUMBERS)
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$"


def _split(shape: Shape, options: Options) -> Shape:
    if shape.is_split:
        raise Misfit("the rows are split already", code="split_twice")
    if options["stratify"] is not None:
        shape.require(options["stratify"], option="stratify")
    if options["by"] != "content":
        of_time = TIMES if options["test_from"] is not None else ORDERED
        shape.require(options["column"], of_time if options["by"] == "time" else (), option="column")
    return shape.with_types({SPLIT: "string"})


def _is_moment(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(_MOMENT, value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


MOMENT = Option(
    "a date such as 2026-01-31, with a time of the day or without",
    _is_moment,
    schema={"type": "string", "pattern": _MOMENT, "x-input": "text"},
)
SHARE = Option(
    "a number above 0, at most 1",
    lambda value: is_number(value) and 0 < value <= 1,
    schema={"type": "number", "exclusiveMinimum": 0, "maximum": 1, "x-input": "number"},
)


def _together(options: Options) -> Iterator[tuple[str, str]]:
    if options["by"] != "content" and options["column"] is None:
        yield "column", "Is missing; takes the column that decides."
    if options["validation_ratio"] is not None and options["test_ratio"] + options["validation_ratio"] >= 1:
        yield "validation_ratio", "Leaves no row for training: with the test rows it is less than 1."


def _balance(shape: Shape, options: Options) -> Shape:
    shape.require(options["column"], CLASSES, option="column")
    if options["method"] != "weights":
        return shape
    if WEIGHT in shape.types:
        raise Misfit("the rows have weights already", code="weighted_twice")
    return shape.with_types({WEIGHT: "float64"})


KINDS = {
    "split": Kind(
        {
            "test_ratio": RATIO.optional(0.2),
            "seed": SEED.optional(0),
            "stratify": COLUMN.optional(None),
            "positive": TEXT.optional(None),
            "validation_ratio": RATIO.optional(None),
            "by": one_of("content", "time", "group").optional("content"),
            "column": COLUMN.optional(None),
            "test_from": MOMENT.optional(None),
        },
        _split,
        once=True,
        serving=Serving.NOTHING,
        check=_together,
    ),
    "balance": Kind(
        {
            "column": COLUMN.among(*CLASSES),
            "method": one_of("undersample", "oversample", "weights").optional("weights"),
            "ratio": SHARE.optional(1.0),
            "seed": SEED.optional(0),
        },
        _balance,
        fitted=True,
        serving=Serving.NOTHING,
    ),
}
