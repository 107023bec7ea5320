"""Steps that say which rows a model learns from."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMN, RATIO, SEED, TEXT
from workers.contracts.recipes.shape import SPLIT, Misfit, Shape


def _split(shape: Shape, options: Options) -> Shape:
    if shape.is_split:
        raise Misfit("the rows are split already", code="split_twice")
    if options["stratify"] is not None:
        shape.require(options["stratify"], option="stratify")
    return shape.with_types({SPLIT: "string"})


KINDS = {
    "split": Kind(
        {
            "test_ratio": RATIO.optional(0.2),
            "seed": SEED.optional(0),
            "stratify": COLUMN.optional(None),
            "positive": TEXT.optional(None),
        },
        _split,
        once=True,
        serving=Serving.NOTHING,
    ),
}
