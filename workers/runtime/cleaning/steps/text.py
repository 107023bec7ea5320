"""Steps on text: how it is written, what it is replaced by, which quantities it says."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from workers.contracts.recipes.kinds.text import mapped_type
from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.converting import convert
from workers.runtime.transforms import quantities, text


@dataclass(frozen=True)
class NormaliseText(Step):
    """Writes equal text alike: blanks, case, how characters are encoded."""

    kind: ClassVar[str] = "normalise_text"
    columns: list[str] | None
    trim: bool
    collapse_blanks: bool
    case: str | None
    unicode: str | None
    half_width: bool
    strip_control: bool

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        how = {name: value for name, value in self.parameters.items() if name != "columns"}
        chosen = plan.texts if self.columns is None else self.columns
        function = functools.partial(text.normalise, how=how)
        plan.change({name: by_batch(function, name, "string", "string") for name in chosen}, outcome.changed)
        self.learned.update(columns=chosen, how=how)
        return outcome


@dataclass(frozen=True)
class ReplaceText(Step):
    """Replaces every match of a regular expression."""

    kind: ClassVar[str] = "replace_text"
    columns: list[str]
    pattern: str
    replacement: str

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        function = functools.partial(text.replace, pattern=self.pattern, replacement=self.replacement)
        try_pattern(self, self.pattern)
        plan.change({name: by_batch(function, name, "string", "string") for name in self.columns}, outcome.changed)
        self.learned.update(columns=self.columns, pattern=self.pattern, replacement=self.replacement)
        return outcome


def try_pattern(step: Step, pattern: str) -> None:
    """Raise for a pattern that the engine does not take, before any data is read."""
    try:
        text.replace(pa.array([""], pa.large_string()), pattern, "")
    except pa.ArrowInvalid as error:
        raise step.error(f"the pattern cannot be read: {error}", code="invalid_pattern") from None


@dataclass(frozen=True)
class MapValues(Step):
    """Puts other values in the place of some; numbers and truths are looked up as they are written."""

    kind: ClassVar[str] = "map_values"
    column: str
    mapping: dict[str, Any]
    otherwise: str
    value: Any

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        kind = plan.column(self.column).type
        made = mapped_type(kind, self.parameters)
        how = {"mapping": self.mapping, "otherwise": self.otherwise, "value": self.value}
        function = functools.partial(text.map_values, kind=kind, how=how)
        plan.change({self.column: by_batch(function, self.column, kind, made)}, outcome.changed, made)
        self.learned.update(column=self.column, type=kind, how=how)
        return outcome


@dataclass(frozen=True)
class ParseQuantities(Step):
    """Makes numbers in one unit of texts that have units."""

    kind: ClassVar[str] = "parse_quantities"
    columns: list[str]
    unit: str
    factors: dict[str, float]
    decimal: str
    thousands: str | None
    on_error: str

    def apply(self, plan: Plan) -> Outcome:
        how = {name: value for name, value in self.parameters.items() if name not in ("columns", "on_error")}
        function = functools.partial(quantities.read, how=how)
        made = {name: by_batch(function, name, "string", "float64") for name in self.columns}
        self.learned.update(columns=self.columns, how=how)
        return convert(self, plan, made, "float64", self.on_error)
