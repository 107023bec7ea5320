"""Steps that are told by an expression over the columns of a row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from workers.contracts.expressions import Typed, expression
from workers.runtime.cleaning.expression_daft import to_daft
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps.base import Outcome, Step


def _read(text: str, plan: Plan) -> Typed:
    return expression(text, {column.name: column.type for column in plan.columns})


@dataclass(frozen=True)
class FilterRows(Step):
    """Keeps the rows for which the expression is true."""

    kind: ClassVar[str] = "filter_rows"
    expression: str

    def apply(self, plan: Plan) -> Outcome:
        plan.filter(to_daft(_read(self.expression, plan)))
        return Outcome()


@dataclass(frozen=True)
class Derive(Step):
    """Computes a column, new or in the place of one."""

    kind: ClassVar[str] = "derive"
    name: str
    expression: str

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        found = _read(self.expression, plan)
        made = to_daft(found)
        if any(column.name == self.name for column in plan.columns):
            plan.change({self.name: made}, outcome.changed, found.type)
        else:
            plan.compute({self.name: made})
            plan.columns = [*plan.columns, Column(self.name, found.type)]
        self.learned.update(name=self.name, expression=self.expression, types=found.columns, type=found.type)
        return outcome

    def sources(self) -> dict[str, Collection[str]]:
        return {self.name: list(self.learned["types"])}
