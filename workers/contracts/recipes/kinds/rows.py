"""Steps that decide about whole rows: equal ones, and nearly equal ones."""

from __future__ import annotations

from collections.abc import Iterator

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMN, RATIO, SEED, SOME_COLUMNS, SWITCH, one_of, whole
from workers.contracts.recipes.shape import NUMBERS, TIMES, Shape

ORDERED = (*NUMBERS, *TIMES)


def _duplicates(shape: Shape, options: Options) -> Shape:
    for name in options["columns"] or ():
        shape.require(name, option="columns")
    if options["by"] is not None:
        shape.require(options["by"], ORDERED, option="by")
    return shape


def _by(options: Options) -> Iterator[tuple[str, str]]:
    if options["keep"] == "largest" and options["by"] is None:
        yield "by", "Is missing; takes the column whose largest value decides."
    if options["keep"] != "largest" and options["by"] is not None:
        yield "by", "Counts only where the largest is kept."


def _near_text(shape: Shape, options: Options) -> Shape:
    shape.require(options["column"], ("string",), option="column")
    return shape


def _near_images(shape: Shape, options: Options) -> Shape:
    shape.require(options["column"], ("int64",), option="column")
    return shape


KINDS = {
    "drop_duplicates": Kind(
        {
            "columns": SOME_COLUMNS,
            "keep": one_of("first", "last", "largest").optional("first"),
            "by": COLUMN.optional(None).among(*ORDERED),
        },
        _duplicates,
        serving=Serving.NOTHING,
        check=_by,
    ),
    "near_duplicate_text": Kind(
        {
            "column": COLUMN.among("string"),
            "similarity": RATIO.optional(0.8),
            "unit": one_of("characters", "words").optional("characters"),
            "shingle": whole(1, 20).optional(5),
            "permutations": whole(16, 512).optional(128),
            "ignore_case": SWITCH.optional(True),
            "seed": SEED.optional(0),
        },
        _near_text,
        serving=Serving.NOTHING,
    ),
    "near_duplicate_images": Kind(
        {"column": COLUMN.among("int64").optional("phash"), "distance": whole(0, 10).optional(4)},
        _near_images,
        serving=Serving.NOTHING,
    ),
}
