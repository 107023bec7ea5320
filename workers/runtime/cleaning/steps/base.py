"""What a step of a recipe is where it runs. `workers/contracts/recipes` has what it takes, and makes of columns."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from workers.contracts.recipes import KINDS, Kind, Misfit, Serving, Shape, StepMisfit
from workers.runtime.cleaning.errors import RecipeError
from workers.runtime.cleaning.plan import Plan


@dataclass(slots=True)
class Outcome:
    """What a step did, for the report of the version."""

    cells_changed: dict[str, int] = field(default_factory=dict)
    """Per column, over the rows of both splits; columns without a change are left out."""
    cells_missing: dict[str, int] = field(default_factory=dict)
    """Per column, after the step; only by the step that looks for missing values."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """`{"code", "column", "detail", "params"}`: `detail` says in English what `params` tell a page in any language."""

    def changed(self, column: str, count: int) -> None:
        if count:
            self.cells_changed[column] = int(count)

    def has_none(self, column: str) -> None:
        """Of a column that nothing can be learned of, and that stays as it is."""
        self.warn("all_missing", column, "no training row has a value")

    def warn(self, code: str, column: str, detail: str, **params: str | int) -> None:
        self.warnings.append({"code": code, "column": column, "detail": detail, "params": params})


@dataclass(frozen=True)
class Step(ABC):
    """One step. Its fields are the options of its kind; `apply` may read the data and adds to the plan.

    A step that learns from the data does so on the training rows, on all rows where there is no split, and keeps what
    it learned in `learned`, as the preprocessor will read it.
    """

    kind: ClassVar[str]
    number: int
    """Place in the recipe, from 1."""
    learned: dict[str, Any] = field(default_factory=dict, init=False)
    """Goes into the preprocessor, where a model is served."""
    noted: dict[str, Any] = field(default_factory=dict, init=False)
    """For the report only."""

    @classmethod
    def parse(cls, number: int, raw: Mapping[str, Any]) -> Self:
        """Build from a step of a recipe without problems."""
        return cls(number=number, **KINDS[cls.kind].with_defaults(raw))

    @property
    def contract(self) -> Kind:
        return KINDS[self.kind]

    @property
    def fits(self) -> bool:
        """Learns from the data."""
        return self.contract.is_fitted(self.parameters)

    @property
    def serving(self) -> Serving:
        return self.contract.served(self.parameters)

    def fit(self, shape: Shape) -> Shape:
        """The columns after this step. Raises RecipeError naming step and column where it does not fit."""
        try:
            return self.contract.flow(shape, self.parameters)
        except Misfit as misfit:
            fault = StepMisfit(self.number - 1, misfit).fault
            raise self.error(fault.detail, fault.column, fault.code) from None

    @abstractmethod
    def apply(self, plan: Plan) -> Outcome:
        """Add to the plan. Raises RecipeError or UserError where the data does not fit."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was told, every option written out."""
        return {name: getattr(self, name) for name in options_of(type(self))}

    def fitted(self) -> list[dict[str, Any]]:
        """What it learned, for people: `[{"column", …}]` with the figures that a step of its kind has."""
        return []

    def sources(self) -> dict[str, Collection[str]]:
        """Of columns that it made out of others than themselves: which those are. Called after `apply`."""
        return {}

    def error(self, detail: str, column: str = "", code: str = "invalid_recipe") -> RecipeError:
        return RecipeError(detail, step=self.number, kind=self.kind, column=column, code=code)


def options_of(step: type[Step]) -> list[str]:
    """The fields that are options: what a step learned, or found meanwhile, is not given to it."""
    return [each.name for each in dataclasses.fields(step) if each.init and each.name != "number"]
