"""What a cleaning run learned, as `workers.runtime.preprocessor` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.contracts.recipes import Serving
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps import DropColumns
from workers.runtime.preprocessor import FORMAT


def preprocessor_of(recipe: Recipe, inputs: Sequence[Column], plan: Plan) -> dict[str, Any] | None:
    """JSON of the preprocessor; None when the recipe leaves features that are no numbers.

    Args:
        inputs: the features before the first step; `plan` has those after the last.
    """
    if not plan.features or not all(column.is_number for column in plan.features):
        return None
    left_out = {name for step in recipe.steps if isinstance(step, DropColumns) for name in step.columns}
    used = [column for column in inputs if column.name not in left_out]
    # At the end all features are numbers: what still has its own name is one, what has not was made one-hot.
    numeric = set(plan.numbers)
    label = None
    if plan.label is not None:
        label = {"column": plan.label, "mapping": recipe.mapping, "positive": recipe.positive}
    return {
        "format": FORMAT,
        "inputs": [
            {"name": column.name, "type": "number" if column.name in numeric else "category"} for column in used
        ],
        "ignored": sorted(left_out | ({plan.label} if plan.label else set())),
        "steps": [{"kind": step.kind, **step.learned} for step in recipe.steps if step.serving is Serving.DONE],
        "outputs": [column.name for column in plan.features],
        "label": label,
    }
