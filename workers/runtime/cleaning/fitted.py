"""What a cleaning run learned, as `workers.runtime.preprocessor` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.contracts.recipes import Serving
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps import MissingValues, Step
from workers.runtime.preprocessor import FORMAT


def preprocessor_of(recipe: Recipe, inputs: Sequence[Column], plan: Plan) -> dict[str, Any] | None:
    """JSON of the preprocessor; None when features are left that a model cannot take, or that tell it the label.

    Args:
        inputs: the features before the first step; `plan` has those after the last.
    """
    if not plan.features or not all(column.is_number or column.type == "bool" for column in plan.features):
        return None
    needed = _needed(recipe.steps, [column.name for column in plan.features])
    if not needed <= {column.name for column in inputs}:
        return None
    used = [column for column in inputs if column.name in needed]
    label = None
    if plan.label is not None:
        label = {"column": recipe.label, "mapping": recipe.mapping, "positive": recipe.positive}
    ignored = {column.name for column in inputs} - needed
    return {
        "format": FORMAT,
        "inputs": [{"name": column.name, "type": _asked(column, recipe.steps)} for column in used],
        "ignored": sorted(ignored | ({recipe.label} if recipe.label else set())),
        "steps": [{"kind": step.kind, **step.learned} for step in recipe.steps if step.serving is Serving.DONE],
        "not_served": [
            {"step": step.number, "kind": step.kind} for step in recipe.steps if step.serving is Serving.CANNOT
        ],
        "outputs": [column.name for column in plan.features],
        "label": label,
    }


def _needed(steps: Sequence[Step], features: Sequence[str]) -> set[str]:
    """The columns before the first step of which those after the last are made."""
    needed = set(features)
    for step in reversed(steps):
        made = step.sources()
        needed = {source for name in needed for source in made.get(name, [name])}
    return needed


def _asked(column: Column, steps: Sequence[Step]) -> str:
    """What a record has for a column: a number for text that became one before anything else was done to it."""
    if column.is_number:
        return "number"
    if column.type in ("date", "timestamp"):
        return column.type
    first = next((step for step in steps if column.name in _touched(step)), None)
    is_number = isinstance(first, MissingValues) and column.name in first.learned["numbers"]
    return "number" if is_number else "category"


def _touched(step: Step) -> set[str]:
    """The columns that a step looks at one by one, as far as it noted them."""
    learned = step.learned
    return {*(learned.get("columns") or ()), learned.get("column"), *(learned.get("types") or ())}
