"""What a step of a recipe is."""

from __future__ import annotations

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from workers.runtime.cleaning.errors import RecipeError
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import SPLIT, Column

NAMED_MOST = 20
"""Columns that an error lists."""


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

    def warn(self, code: str, column: str, detail: str, **params: str | int) -> None:
        self.warnings.append({"code": code, "column": column, "detail": detail, "params": params})


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of the columns at a point of the recipe, maybe before any data was read.

    `types` are house types, or `unknown` for text that may turn out to be numbers.
    """

    types: dict[str, str]
    label: str | None

    @property
    def is_split(self) -> bool:
        return SPLIT in self.types

    def with_types(self, changed: dict[str, str]) -> Shape:
        return Shape(self.types | changed, self.label)

    def without(self, names: Iterable[str]) -> Shape:
        left_out = set(names)
        return Shape({name: kind for name, kind in self.types.items() if name not in left_out}, self.label)

    @classmethod
    def of(cls, columns: Iterable[Column], label: str | None) -> Self:
        return cls({column.name: column.type for column in columns}, label)


@dataclass(frozen=True)
class Step(ABC):
    """One step. `validate` looks at columns only; `apply` may read the data and adds to the plan.

    A step that learns from the data does so on the training rows only, and keeps what it learned in `learned`,
    as the preprocessor will read it.
    """

    kind: ClassVar[str]
    fits: ClassVar[bool] = False
    """Learns from the training rows."""
    served: ClassVar[bool] = False
    """Is done to a record, too, where the model is served."""
    number: int
    """Place in the recipe, from 1."""
    learned: dict[str, Any] = field(default_factory=dict, init=False)

    @classmethod
    def parse(cls, number: int, raw: dict[str, Any]) -> Self:
        """Build from JSON. Raises RecipeError for a parameter that is unknown, missing or out of range."""
        parameters = {key: value for key, value in raw.items() if key != "kind" and value is not None}
        own = {each.name: each for each in dataclasses.fields(cls) if each.name not in ("number", "learned")}
        for key in parameters:
            if key not in own:
                known = ", ".join(own) or "none"
                raise RecipeError(f"unknown parameter {key!r}; it takes {known}", step=number, kind=cls.kind)
        for name, each in own.items():
            required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
            if required and name not in parameters:
                raise RecipeError(f"the parameter {name!r} is missing", step=number, kind=cls.kind)
        step = cls(number=number, **parameters)
        step.check()
        return step

    def check(self) -> None:  # noqa: B027 - most steps have nothing to refuse
        """Refuse parameters out of range, with `self.error`."""

    @abstractmethod
    def validate(self, shape: Shape) -> Shape:
        """The shape after this step. Raises RecipeError naming step and column where it does not fit."""

    @abstractmethod
    def apply(self, plan: Plan) -> Outcome:
        """Add to the plan. Raises RecipeError or UserError where the data does not fit."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was told, every option written out."""
        own = (each.name for each in dataclasses.fields(self) if each.name not in ("number", "learned"))
        return {name: getattr(self, name) for name in own}

    def fitted(self) -> list[dict[str, Any]]:
        """What it learned, for people: `[{"column", …}]` with the figures that a step of its kind has."""
        return []

    def error(self, detail: str, column: str = "", code: str = "invalid_recipe") -> RecipeError:
        return RecipeError(detail, step=self.number, kind=self.kind, column=column, code=code)

    # What steps share ---------------------------------------------------------------------------------------

    def require(self, shape: Shape, name: str, types: tuple[str, ...] = ()) -> None:
        """Raise unless there is a column of that name, of one of these types when any are given."""
        if name not in shape.types:
            raise self.error(f"there is no column {name!r}; {_known(name, list(shape.types))}", name, "unknown_column")
        kind = shape.types[name]
        if types and kind not in (*types, "unknown"):
            raise self.error(f"column {name!r} is {kind}, not {' or '.join(types)}", name, "wrong_type")

    def require_features(self, shape: Shape, names: list[str] | None, types: tuple[str, ...]) -> None:
        """The same for columns that a user listed, which must be features."""
        if names is not None and (not isinstance(names, list) or not all(isinstance(name, str) for name in names)):
            raise self.error("columns is a list of names, or null for all that fit")
        for name in names or []:
            self.require(shape, name, types)
            if name == shape.label:
                raise self.error(f"column {name!r} is the label, not a feature", name, "wrong_type")

    def require_some(self, plan: Plan) -> None:
        """Raise when nothing is left that a model could learn from."""
        if not plan.features:
            raise self.error("no feature is left", code="no_columns")

    def require_split(self, shape: Shape) -> None:
        if not shape.is_split:
            raise self.error("it learns from the training rows, so a split must come before it", code="no_split")

    def is_ratio(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1


def _known(name: str, names: list[str]) -> str:
    """Which columns there are, the likely ones last."""
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    by_lower = {each.lower(): each for each in names}
    close = [by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=3)]
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"there are {', '.join(names[:NAMED_MOST])}{more}{hint}"
