"""A recipe: the steps of a cleaning run, checked before any data is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from workers.runtime.cleaning.errors import RecipeError, UserError
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps import STEPS, EncodeLabel, Shape, Split, Step


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps in order, and what they say about the label."""

    steps: tuple[Step, ...]

    @classmethod
    def from_json(cls, raw: object) -> Self:
        """Raises RecipeError (a step) or UserError (no list of steps)."""
        if not isinstance(raw, list) or not raw:
            raise UserError("invalid_recipe", "steps is a list of at least one step")
        return cls(tuple(_step(number, each) for number, each in enumerate(raw, 1)))

    @property
    def label(self) -> str | None:
        """The column that is predicted: the one that is encoded, else the one that the split stratifies."""
        encoded = [step.column for step in self.steps if isinstance(step, EncodeLabel)]
        stratified = [step.stratify for step in self.steps if isinstance(step, Split) and step.stratify]
        return next(iter([*encoded, *stratified]), None)

    @property
    def positive(self) -> str | None:
        return next((step.positive for step in self.steps if isinstance(step, Split)), None)

    @property
    def mapping(self) -> dict[str, int] | None:
        return next((step.mapping for step in self.steps if isinstance(step, EncodeLabel)), None)

    def validate(self, columns: Sequence[Column]) -> None:
        """Walk the steps over the columns alone. Raises RecipeError naming step and column."""
        shape = Shape.of(columns, self.label)
        for step in self.steps:
            shape = step.validate(shape)


def _step(number: int, raw: Any) -> Step:
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in STEPS:
        raise RecipeError(f"it is not one of {', '.join(STEPS)}", step=number, kind=str(kind), code="unknown_step")
    return STEPS[kind].parse(number, raw)
