"""Which module does which kind of step to records."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from workers.runtime.preprocessor.columns import Columns

Served = Callable[[Columns, dict[str, Any]], None]
"""Changes the columns in place, by a step of the document. Columns that nobody needs are not there."""
Done = Callable[[Columns], None]
"""The same of one step."""

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
"""Kind → module of this package. Its `STEPS` has the function, its `READ`, if any, what readies a step for it."""


def served(step: dict[str, Any]) -> Done:
    """What a step of a document does. A forest, a sample, an expression is read here, and not for every request.

    Raises:
        KeyError: no module does that kind.
        ValueError: the step cannot be read.
    """
    kind = step["kind"]
    module = importlib.import_module(f"workers.runtime.preprocessor.{SERVED[kind]}")
    function: Served = module.STEPS[kind]
    ready: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = getattr(module, "READ", {})
    told = ready[kind](step) if kind in ready else step
    return lambda columns: function(columns, told)
