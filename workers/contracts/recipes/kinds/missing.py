"""Steps about missing values."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options
from workers.contracts.recipes.options import TEXTS, one_of
from workers.contracts.recipes.shape import UNKNOWN, Shape


def _markers(shape: Shape, _options: Options) -> Shape:
    return shape.with_types(dict.fromkeys(shape.features_of("string"), UNKNOWN))


KINDS = {
    "missing_values": Kind({"markers": TEXTS.optional(["", "NA"])}, _markers),
    "impute": Kind(
        {"numeric": one_of("median", "mean").optional("median"), "categorical": one_of("mode").optional("mode")},
        fitted=True,
    ),
}
