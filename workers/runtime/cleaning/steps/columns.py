"""Steps that make columns other columns: the label, one-hot, and leaving some out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, lit
from daft.functions import when

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.plan import Plan, text_of
from workers.runtime.cleaning.schema import COLUMNS_MOST, Column
from workers.runtime.cleaning.steps.base import Outcome, Step

NAMED_VALUES = 5
CATEGORIES_SHOWN = 50


@dataclass(frozen=True)
class EncodeLabel(Step):
    """Makes the label whole numbers by a mapping; every row must have one of its values."""

    kind: ClassVar[str] = "encode_label"
    column: str
    mapping: dict[str, int]

    def apply(self, plan: Plan) -> Outcome:
        text = text_of(self.column, plan.column(self.column).type)
        table = plan.frame.select(text.alias("value")).to_arrow()
        counted = pc.value_counts(table.column("value"))
        found = {value.as_py(): count.as_py() for value, count in zip(*counted.flatten(), strict=True)}
        unmapped = {value: count for value, count in found.items() if value not in self.mapping}
        if unmapped:
            raise self.error(self._unmapped(unmapped), self.column, "unmapped_label")
        code: Expression = lit(None).cast(DataType.int64())
        for value, number in self.mapping.items():
            code = when(text == value, lit(number)).otherwise(code)
        plan.replace({self.column: code.cast(DataType.int64())}, kind="int64")
        self.learned.update(mapping=self.mapping)
        outcome = Outcome()
        outcome.changed(self.column, plan.row_count)
        return outcome

    def _unmapped(self, unmapped: dict[Any, int]) -> str:
        shown = sorted(unmapped.items(), key=lambda pair: (-pair[1], str(pair[0])))[:NAMED_VALUES]
        named = ", ".join(
            f"{'a missing value' if value is None else repr(value)} ({count} rows)" for value, count in shown
        )
        return f"column {self.column!r} has values outside of the mapping: {named}"


@dataclass(frozen=True)
class OneHot(Step):
    """Replaces a text column by one column of 0 and 1 per value of the training rows, sorted: `Home=rent`.

    A value that no training row has, and a missing one, are 0 in all of them.
    """

    kind: ClassVar[str] = "one_hot"
    columns: list[str] | None
    max_categories: int

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        categories: dict[str, list[str]] = {}
        for name, values, training in plan.read_texts(plan.categories if self.columns is None else self.columns):
            found = sorted(pc.unique(training.drop_null()).to_pylist())
            if len(found) > self.max_categories:
                detail = f"column {name!r} has {len(found)} values in the training rows; at most {self.max_categories}"
                raise self.error(detail, name, "too_many_categories")
            categories[name] = found
            unseen = _count_unseen(values, found)
            if unseen:
                detail = f"{unseen} test rows have a value that no training row has"
                outcome.warn("unseen_category", name, detail, rows=unseen)
            outcome.changed(name, plan.row_count)
        self._replace(plan, categories)
        self.learned.update(columns=categories)
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        return [
            {"column": name, "categories": list(map(plain, found[:CATEGORIES_SHOWN])), "category_count": len(found)}
            for name, found in self.learned["columns"].items()
        ]

    def _replace(self, plan: Plan, categories: dict[str, list[str]]) -> None:
        columns: list[Column] = []
        expressions: dict[str, Expression] = {}
        for column in plan.columns:
            if column.name not in categories:
                columns.append(column)
                continue
            for value in categories[column.name]:
                name = one_hot_name(column.name, value)
                columns.append(Column(name, "float64", nullable=False))
                is_it = (text_of(column.name, column.type) == lit(value)).fill_null(
                    False
                )  # a condition that is missing stays missing
                expressions[name] = is_it.cast(DataType.float64())
        self._check_names([column.name for column in columns])
        plan.compute(expressions)
        plan.columns = columns
        self.require_some(plan)

    def _check_names(self, names: list[str]) -> None:
        """What a column is called must tell it from all others, also where case does not count."""
        if len(names) > COLUMNS_MOST:
            raise self.error(f"there would be {len(names)} columns; at most {COLUMNS_MOST}", code="too_many_columns")
        seen: dict[str, str] = {}
        for name in names:
            other = seen.setdefault(name.lower(), name)
            if other is not name:
                how = (
                    f"two columns {name!r}" if other == name else f"columns {other!r} and {name!r}, equal but for case"
                )
                raise self.error(f"there would be {how}", name, "duplicate_column_names")
            if "\0" in name:
                raise self.error(f"a column cannot be named {name!r}", name, "wrong_column_name")


@dataclass(frozen=True)
class DropColumns(Step):
    """Leaves columns out: identifiers, times, whatever a model must not see."""

    kind: ClassVar[str] = "drop_columns"
    columns: list[str]

    def apply(self, plan: Plan) -> Outcome:
        plan.columns = [column for column in plan.columns if column.name not in self.columns]
        self.require_some(plan)
        return Outcome()


def one_hot_name(column: str, value: str) -> str:
    return f"{column}={value}"


def _count_unseen(values: pa.ChunkedArray, found: list[str]) -> int:
    known = pc.is_in(values.drop_null(), value_set=pa.array(found, type=values.type))
    return len(known) - int(pc.sum(known).as_py() or 0)
