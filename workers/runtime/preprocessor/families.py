"""Which module does which kind of step to records."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from workers.runtime.preprocessor.columns import Columns

Served = Callable[[Columns, dict[str, Any]], None]
"""Changes the columns in place, by a step of the document. Columns that nobody needs are not there."""

SERVED: Final[dict[str, str]] = {
    **dict.fromkeys(("standardise", "scale", "discretise"), "numbers"),
    "outliers": "outliers",
    "impute": "gaps",
    **dict.fromkeys(("missing_values", "one_hot", "rename_columns"), "categories"),
    **dict.fromkeys(
        (
            "cast",
            "normalise_text",
            "replace_text",
            "map_values",
            "parse_quantities",
            "parse_dates",
            "date_parts",
            "redact",
            "generalise",
            "merge_rare",
            "ordinal_encode",
        ),
        "values",
    ),
    "derive": "expressions",
}
"""Kind → module of this package. Its `STEPS` has the function."""


def served(kind: str) -> Served:
    """Raises KeyError for a kind that no module does."""
    module = importlib.import_module(f"workers.runtime.preprocessor.{SERVED[kind]}")
    function: Served = module.STEPS[kind]
    return function
