"""Steps that make numbers of what a model cannot read: the label and categories."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMN, COUNT, MAPPING, SOME_COLUMNS
from workers.contracts.recipes.shape import Shape

CATEGORIES = ("string", "bool")


def _label(shape: Shape, options: Options) -> Shape:
    shape.require(options["column"], ("string", "int64", "bool"), option="column")
    return shape.with_types({options["column"]: "int64"})


def _one_hot(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], CATEGORIES)
    listed = options["columns"] or [name for name, kind in shape.features.items() if kind in CATEGORIES]
    possible = options["columns"] or shape.features_of(*CATEGORIES)
    return shape.without(listed).opened({f"{name}=": "float64" for name in possible})


KINDS = {
    "encode_label": Kind({"column": COLUMN, "mapping": MAPPING}, _label, once=True, serving=Serving.NOTHING),
    "one_hot": Kind(
        {"columns": SOME_COLUMNS.among(*CATEGORIES), "max_categories": COUNT.optional(200)}, _one_hot, fitted=True
    ),
}
