"""A recipe: the steps of a cleaning run, checked before any data is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from workers.contracts import recipes
from workers.runtime.cleaning.errors import RecipeError, UserError
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps import STEPS, EncodeLabel, Split, Step


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps in order, and what they say about the label."""

    steps: tuple[Step, ...]

    @classmethod
    def from_json(cls, raw: object) -> Self:
        """Raises RecipeError (a step) or UserError (no list of steps)."""
        found = recipes.faults(raw)
        if found:
            raise _refused(found[0], raw)
        assert isinstance(raw, list)  # noqa: S101 - anything else is a fault
        return cls(tuple(STEPS[each["kind"]].parse(number, each) for number, each in enumerate(raw, 1)))

    def to_json(self) -> list[dict[str, Any]]:
        """The steps with every option written out."""
        return [{"kind": step.kind, **step.parameters} for step in self.steps]

    @property
    def label(self) -> str | None:
        """The column that is predicted, as it is called before the first step."""
        return self.label_at(0)

    def label_at(self, index: int) -> str | None:
        """The same before the step of that index; after the last one for the number of steps."""
        return recipes.labels_of(self.to_json())[index]

    @property
    def positive(self) -> str | None:
        return next((step.positive for step in self.steps if isinstance(step, Split)), None)

    @property
    def mapping(self) -> dict[str, int] | None:
        return next((step.mapping for step in self.steps if isinstance(step, EncodeLabel)), None)

    def validate(self, columns: Sequence[Column]) -> None:
        """Walk the steps over the columns alone. Raises RecipeError naming step and column."""
        steps = self.to_json()
        found = recipes.recipe_fit(steps, [column.to_json() for column in columns])
        if found:
            raise _refused(found[0], steps)


def _refused(fault: recipes.Fault, steps: Any) -> UserError:
    """A fault as the error of a job."""
    if fault.step is None:
        return UserError(fault.code, fault.detail)
    step = steps[fault.step]
    kind = str(step.get("kind")) if isinstance(step, dict) else ""
    where = f"{fault.option}: " if fault.option not in ("", "kind") and not fault.column else ""
    return RecipeError(where + fault.detail, step=fault.step + 1, kind=kind, column=fault.column, code=fault.code)
