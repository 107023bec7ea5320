"""Steps about which columns there are."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMNS
from workers.contracts.recipes.shape import Shape


def _drop(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"])
    left = shape.without(options["columns"])
    left.require_some()
    return left


KINDS = {
    "drop_columns": Kind({"columns": COLUMNS}, _drop, serving=Serving.NOTHING),
}
