"""Every kind of step. `workers/runtime/cleaning` does what they say; a test holds the two lists together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.datasets.recipes.options import (
    COLUMN,
    COLUMNS,
    COUNT,
    MAPPING,
    POSITIVE,
    RATIO,
    SEED,
    TEXT,
    TEXTS,
    Option,
    one_of,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step: its options, whether it learns from the data, how often it may stand in a recipe."""

    options: Mapping[str, Option] = field(default_factory=dict)
    fitted: bool = False
    """It learns numbers from the training part, so that a split must come before it."""
    once: bool = False


NUMBERS = ("int64", "float64")
SOME_COLUMNS = COLUMNS.optional(None)
"""None stands for every column that the step is about."""

KINDS: dict[str, Kind] = {
    "missing_values": Kind({"markers": TEXTS.optional(["", "NA"])}),
    "drop_duplicates": Kind({"columns": SOME_COLUMNS}),
    "drop_columns": Kind({"columns": COLUMNS}),
    "split": Kind(
        {
            "test_ratio": RATIO.optional(0.2),
            "seed": SEED.optional(0),
            "stratify": COLUMN.optional(None),
            "positive": TEXT.optional(None),
        },
        once=True,
    ),
    "encode_label": Kind({"column": COLUMN, "mapping": MAPPING}, once=True),
    "outliers": Kind(
        {
            "method": one_of("iqr").optional("iqr"),
            "factor": POSITIVE.optional(1.5),
            "replace": one_of("median").optional("median"),
            "columns": SOME_COLUMNS.among(*NUMBERS),
        },
        fitted=True,
    ),
    "impute": Kind(
        {"numeric": one_of("median", "mean").optional("median"), "categorical": one_of("mode").optional("mode")},
        fitted=True,
    ),
    "standardise": Kind({"columns": SOME_COLUMNS.among(*NUMBERS)}, fitted=True),
    "one_hot": Kind({"columns": SOME_COLUMNS.among("string"), "max_categories": COUNT.optional(200)}, fitted=True),
}
NAMES = tuple(KINDS)
