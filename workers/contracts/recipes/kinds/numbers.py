"""Steps on numbers: scale, and classes of size."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.options import SOME_COLUMNS, one_of, whole
from workers.contracts.recipes.shape import NUMBERS, Shape

SOME_NUMBERS = SOME_COLUMNS.among(*NUMBERS)


def numbers_to_floats(shape: Shape, options: Options) -> Shape:
    """The listed numeric features, or all of them, become floats. Raises Misfit where one is no such feature."""
    shape.require_features(options["columns"], NUMBERS)
    chosen = options["columns"] or [name for name, kind in shape.features.items() if kind in NUMBERS]
    return shape.with_types(dict.fromkeys(chosen, "float64"))


KINDS = {
    "standardise": Kind({"columns": SOME_NUMBERS}, numbers_to_floats, fitted=True),
    "scale": Kind(
        {"method": one_of("min_max", "robust", "log1p").optional("min_max"), "columns": SOME_NUMBERS},
        numbers_to_floats,
        fitted=True,
        learns=lambda options: options["method"] != "log1p",
    ),
    "discretise": Kind(
        {
            "method": one_of("quantile", "uniform").optional("quantile"),
            "bins": whole(2, 100).optional(10),
            "columns": SOME_NUMBERS,
        },
        numbers_to_floats,
        fitted=True,
    ),
}
