"""Steps about which columns there are, in which order, under which names, of which types."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import SPLIT
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.converting import convert
from workers.runtime.transforms.casts import cast


@dataclass(frozen=True)
class DropColumns(Step):
    """Leaves columns out: identifiers, times, whatever a model must not see."""

    kind: ClassVar[str] = "drop_columns"
    columns: list[str]

    def apply(self, plan: Plan) -> Outcome:
        plan.columns = [column for column in plan.columns if column.name not in self.columns]
        return Outcome()


@dataclass(frozen=True)
class KeepColumns(Step):
    """Leaves out all columns but these, the label and the split."""

    kind: ClassVar[str] = "keep_columns"
    columns: list[str]

    def apply(self, plan: Plan) -> Outcome:
        kept = {*self.columns, SPLIT, plan.label}
        plan.columns = [column for column in plan.columns if column.name in kept]
        return Outcome()


@dataclass(frozen=True)
class RenameColumns(Step):
    """Gives columns other names; two may change theirs."""

    kind: ClassVar[str] = "rename_columns"
    columns: dict[str, str]

    def apply(self, plan: Plan) -> Outcome:
        plan.rename(self.columns)
        self.learned.update(columns=self.columns)
        return Outcome()

    def sources(self) -> dict[str, Collection[str]]:
        return {new: [old] for old, new in self.columns.items()}


@dataclass(frozen=True)
class ReorderColumns(Step):
    """Puts some columns before the others."""

    kind: ClassVar[str] = "reorder_columns"
    columns: list[str]

    def apply(self, plan: Plan) -> Outcome:
        first = [plan.column(name) for name in self.columns]
        plan.columns = [*first, *(column for column in plan.columns if column.name not in self.columns)]
        return Outcome()


@dataclass(frozen=True)
class Cast(Step):
    """Makes columns of another type. What text is a number, a truth or a time is said in `transforms/casts.py`."""

    kind: ClassVar[str] = "cast"
    columns: list[str]
    to: str
    on_error: str

    def apply(self, plan: Plan) -> Outcome:
        types = {name: plan.column(name).type for name in self.columns}
        made = {
            name: by_batch(functools.partial(cast, kind=kind, to=self.to), name, kind, self.to)
            for name, kind in types.items()
            if kind != self.to
        }
        self.learned.update(columns=types, to=self.to)
        return convert(self, plan, made, self.to, self.on_error) if made else Outcome()
