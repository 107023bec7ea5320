"""Steps on numbers: outliers and scale."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.options import POSITIVE, SOME_COLUMNS, one_of
from workers.contracts.recipes.shape import NUMBERS, Shape

SOME_NUMBERS = SOME_COLUMNS.among(*NUMBERS)


def _numbers(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], NUMBERS)
    chosen = options["columns"] or [name for name, kind in shape.features.items() if kind in NUMBERS]
    return shape.with_types(dict.fromkeys(chosen, "float64"))


KINDS = {
    "outliers": Kind(
        {
            "method": one_of("iqr").optional("iqr"),
            "factor": POSITIVE.optional(1.5),
            "replace": one_of("median").optional("median"),
            "columns": SOME_NUMBERS,
        },
        _numbers,
        fitted=True,
    ),
    "standardise": Kind({"columns": SOME_NUMBERS}, _numbers, fitted=True),
}
