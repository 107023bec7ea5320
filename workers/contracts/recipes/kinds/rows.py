"""Steps that decide about whole rows: duplicates."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import SOME_COLUMNS
from workers.contracts.recipes.shape import Shape


def _duplicates(shape: Shape, options: Options) -> Shape:
    for name in options["columns"] or ():
        shape.require(name, option="columns")
    return shape


KINDS = {
    "drop_duplicates": Kind({"columns": SOME_COLUMNS}, _duplicates, serving=Serving.NOTHING),
}
