"""Steps that make numbers of what a model cannot read: the label and categories."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import (
    COLUMN,
    COUNT,
    MAPPING,
    RATIO,
    SOME_COLUMNS,
    TEXT,
    Option,
    is_texts,
    one_of,
)
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


def _is_order(value: object) -> bool:
    return is_texts(value) and isinstance(value, list) and bool(value) and len(set(value)) == len(value)


ORDER = Option(
    "a list of different texts",
    _is_order,
    schema={
        "type": "array",
        "items": {"type": "string", "maxLength": 200},
        "minItems": 1,
        "maxItems": 100,
        "uniqueItems": True,
        "x-input": "texts",
    },
)


def _ordinal(shape: Shape, options: Options) -> Shape:
    shape.require_feature(options["column"], CATEGORIES, option="column")
    return shape.with_types({options["column"]: "float64"})


def _merge(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], ("string",))
    return shape


KINDS = {
    "encode_label": Kind({"column": COLUMN, "mapping": MAPPING}, _label, once=True, serving=Serving.NOTHING),
    "merge_rare": Kind(
        {
            "columns": SOME_COLUMNS.among("string"),
            "least_ratio": RATIO.optional(0.01),
            "least_rows": COUNT.optional(None),
            "most_values": COUNT.optional(None),
            "into": TEXT.optional("other"),
        },
        _merge,
        fitted=True,
    ),
    "ordinal_encode": Kind(
        {
            "column": COLUMN.among(*CATEGORIES),
            "order": ORDER,
            "otherwise": one_of("null", "fail").optional("null"),
        },
        _ordinal,
    ),
    "one_hot": Kind(
        {"columns": SOME_COLUMNS.among(*CATEGORIES), "max_categories": COUNT.optional(200)}, _one_hot, fitted=True
    ),
}
