"""Steps on dates and times."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from workers.contracts.recipes.kinds.dates import part_name
from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.converting import convert
from workers.runtime.transforms import dates


@dataclass(frozen=True)
class ParseDates(Step):
    """Makes dates, or times in UTC, of text."""

    kind: ClassVar[str] = "parse_dates"
    columns: list[str]
    formats: list[str]
    day_first: bool
    zone: str
    to: str
    on_error: str

    def apply(self, plan: Plan) -> Outcome:
        how = {name: value for name, value in self.parameters.items() if name not in ("columns", "on_error")}
        types = {name: plan.column(name).type for name in self.columns}
        made = {
            name: by_batch(functools.partial(dates.parse, kind=kind, how=how), name, kind, self.to)
            for name, kind in types.items()
        }
        self.learned.update(columns=types, how=how)
        return convert(self, plan, made, self.to, self.on_error)


@dataclass(frozen=True)
class DateParts(Step):
    """Adds a column of whole numbers for each part of a date."""

    kind: ClassVar[str] = "date_parts"
    column: str
    parts: list[str]
    drop: bool

    def apply(self, plan: Plan) -> Outcome:
        kind = plan.column(self.column).type
        plan.compute(
            {
                part_name(self.column, name): by_batch(
                    functools.partial(dates.part, name=name), self.column, kind, "int64"
                )
                for name in self.parts
            }
        )
        added = [Column(part_name(self.column, name), "int64") for name in self.parts]
        plan.columns = [*(each for each in plan.columns if not (self.drop and each.name == self.column)), *added]
        self.learned.update(column=self.column, type=kind, parts=self.parts)
        return Outcome()

    def sources(self) -> dict[str, Collection[str]]:
        return {part_name(self.column, name): [self.column] for name in self.parts}
