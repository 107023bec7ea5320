"""The step that fills gaps."""

from __future__ import annotations

from collections.abc import Iterator

from workers.contracts.recipes.kind import Kind, Options, Serving
from workers.contracts.recipes.options import COLUMN, NUMBER, SEED, SOME_COLUMNS, SWITCH, TEXT, one_of, whole
from workers.contracts.recipes.shape import NUMBERS, UNKNOWN, Misfit, Shape

CATEGORIES = ("string", "bool")
IMPUTED = (*NUMBERS, *CATEGORIES)
NUMERIC = ("median", "mean", "mode", "constant", "forward_fill", "group_median", "knn")
CATEGORICAL = ("mode", "constant", "forward_fill")
INDICATOR = "_missing"


def _flow(shape: Shape, options: Options) -> Shape:
    shape.require_features(options["columns"], IMPUTED)
    chosen = options["columns"] or [name for name, kind in shape.features.items() if kind in IMPUTED]
    if options["numeric"] == "group_median":
        shape.require_feature(options["by"], CATEGORIES, option="by")
        if options["by"] in (options["columns"] or ()):
            raise Misfit(f"column {options['by']!r} says the group, so it is not filled", options["by"], option="by")
    truths = [name for name in chosen if shape.type_of(name) == "bool"]
    if options["categorical"] == "constant" and truths and options["fill_text"] not in ("true", "false"):
        raise Misfit(f"column {truths[0]!r} takes true or false", truths[0], "wrong_type", "fill_text")
    perhaps = [] if options["columns"] else [name for name, kind in shape.features.items() if kind == UNKNOWN]
    if options["indicator"]:
        for name in chosen:
            shape.require_new(name + INDICATOR, option="indicator")
        shape = shape.with_types({name + INDICATOR: "float64" for name in chosen})
        shape = shape.opened({name + INDICATOR: "float64" for name in perhaps})
    return shape.with_types({name: "float64" for name in chosen if shape.type_of(name) in NUMBERS})


def _together(options: Options) -> Iterator[tuple[str, str]]:
    if options["numeric"] == "constant" and options["fill_number"] is None:
        yield "fill_number", "Is missing; takes the number that fills gaps."
    if options["categorical"] == "constant" and options["fill_text"] is None:
        yield "fill_text", "Is missing; takes the text that fills gaps."
    if options["numeric"] == "group_median" and options["by"] is None:
        yield "by", "Is missing; takes the column that says the group."


def _learns(options: Options) -> bool:
    return options["numeric"] not in ("constant", "forward_fill") or options["categorical"] == "mode"


def _serving(options: Options) -> Serving:
    return Serving.CANNOT if "forward_fill" in (options["numeric"], options["categorical"]) else Serving.DONE


KINDS = {
    "impute": Kind(
        {
            "numeric": one_of(*NUMERIC).optional("median"),
            "categorical": one_of(*CATEGORICAL).optional("mode"),
            "columns": SOME_COLUMNS.among(*IMPUTED),
            "fill_number": NUMBER.optional(None),
            "fill_text": TEXT.optional(None),
            "by": COLUMN.among(*CATEGORIES).optional(None),
            "neighbours": whole(1, 100).optional(5),
            "sample_rows": whole(10, 5_000).optional(1_000),
            "seed": SEED.optional(0),
            "indicator": SWITCH.optional(False),
        },
        _flow,
        fitted=True,
        learns=_learns,
        serving=_serving,
        check=_together,
    ),
}
