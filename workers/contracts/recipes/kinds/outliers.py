"""Steps on numbers that lie far from the others."""

from __future__ import annotations

from collections.abc import Iterator

from workers.contracts.recipes.kind import Kind, Options, Serving, Warned
from workers.contracts.recipes.options import POSITIVE, SEED, SOME_COLUMNS, Option, is_number, one_of
from workers.contracts.recipes.shape import NUMBERS, UNKNOWN, Shape

METHODS = ("iqr", "zscore", "mad", "percentile", "isolation_forest")
ACTIONS = ("median", "mean", "null", "winsorise", "flag", "drop")
FACTORS = {"iqr": 1.5, "zscore": 3.0, "mad": 3.5}
"""Method → how far a value may lie, where nobody says."""
SHARE = Option(
    "a number above 0 and below 0.5",
    lambda value: is_number(value) and 0 < value < 0.5,
    schema={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5, "x-input": "number"},
)
FLAG = "_outlier"
ROW_FLAG = "is_outlier"


def _flow(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], NUMBERS)
    listed = options["columns"]
    chosen = listed or [name for name, kind in shape.features.items() if kind in NUMBERS]
    if options["replace"] == "drop":
        return shape
    if options["replace"] != "flag":
        return shape.with_types(dict.fromkeys(chosen, "float64"))
    if options["method"] == "isolation_forest":
        return _with_flags(shape, [ROW_FLAG])
    shape = _with_flags(shape, [name + FLAG for name in chosen])
    perhaps = [] if listed else [name for name, kind in shape.features.items() if kind == UNKNOWN]
    return shape.opened({name + FLAG: "float64" for name in perhaps})


def _with_flags(shape: Shape, names: list[str]) -> Shape:
    for name in names:
        shape.require_new(name)
        shape = shape.with_types({name: "float64"})
    return shape


def _together(options: Options) -> Iterator[tuple[str, str]]:
    if options["method"] == "isolation_forest" and options["replace"] == "winsorise":
        yield "replace", "The forest looks at whole rows: it has no bound for a value to be drawn back to."


def _test_rows(shape: Shape, options: Options) -> Iterator[Warned]:
    if options["replace"] == "drop" and shape.is_split:
        yield Warned("only_training_rows", "Only training rows are left out: a served model meets such records, too.")


def _serving(options: Options) -> Serving:
    return Serving.CANNOT if options["replace"] == "drop" else Serving.DONE


KINDS = {
    "outliers": Kind(
        {
            "method": one_of(*METHODS).optional("iqr"),
            "factor": POSITIVE.optional(None),
            "share": SHARE.optional(0.01),
            "replace": one_of(*ACTIONS).optional("median"),
            "columns": SOME_COLUMNS.among(*NUMBERS),
            "seed": SEED.optional(0),
        },
        _flow,
        fitted=True,
        serving=_serving,
        check=_together,
        warns=_test_rows,
    ),
}
