"""Steps that make numbers of what a model cannot read: the label and categories."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, lit
from daft.functions import when

from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.reading import text_of
from workers.runtime.cleaning.schema import COLUMNS_MOST, Column
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.converting import convert
from workers.runtime.transforms.arrays import texts_of
from workers.runtime.transforms.text import merged, ordinal

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
        counted = pc.value_counts(plan.read([text.alias("value")]).column("value"))
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
class MergeRare(Step):
    """Makes one value of those that few training rows have; values that none has are rare, too.

    Kept is a value that has `least_ratio` of the rows with a value, `least_rows` of them, and is among the
    `most_values` most frequent, of equally frequent ones the smaller.
    """

    kind: ClassVar[str] = "merge_rare"
    columns: list[str] | None
    least_ratio: float
    least_rows: int | None
    most_values: int | None
    into: str

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        chosen = plan.texts if self.columns is None else self.columns
        kept: dict[str, list[str]] = {}
        for name, _, training in plan.read_texts(chosen):
            counted = pc.value_counts(training.drop_null())
            if not len(counted):
                outcome.has_none(name)
                continue
            kept[name] = self._often(counted, len(training) - training.null_count)
        made = {
            name: by_batch(functools.partial(merged, kept=found, into=self.into), name, "string", "string")
            for name, found in kept.items()
        }
        plan.change(made, outcome.changed)
        self.learned.update(columns=kept, into=self.into)
        return outcome

    def _often(self, counted: pa.StructArray, rows: int) -> list[str]:
        least = max(self.least_ratio * rows, self.least_rows or 0)
        found = counted.filter(pc.greater_equal(counted.field("counts"), least)).to_pylist()
        found.sort(key=lambda each: (-each["counts"], each["values"]))
        return sorted(each["values"] for each in found[: self.most_values])

    def fitted(self) -> list[dict[str, Any]]:
        return [
            {"column": name, "kept": list(map(plain, found[:CATEGORIES_SHOWN])), "kept_count": len(found)}
            for name, found in self.learned["columns"].items()
        ]


@dataclass(frozen=True)
class OrdinalEncode(Step):
    """Replaces values that have an order by 0, 1, 2 and so on."""

    kind: ClassVar[str] = "ordinal_encode"
    column: str
    order: list[str]
    otherwise: str

    def apply(self, plan: Plan) -> Outcome:
        kind = plan.column(self.column).type
        made = by_batch(functools.partial(_placed, kind=kind, order=self.order), self.column, kind, "float64")
        self.learned.update(column=self.column, type=kind, order=self.order)
        return convert(self, plan, {self.column: made}, "float64", self.otherwise)


def _placed(array: pa.Array, kind: str, order: list[str]) -> pa.Array:
    return ordinal(texts_of(array, kind), order)


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

    def sources(self) -> dict[str, Collection[str]]:
        found: dict[str, list[str]] = self.learned["columns"]
        return {one_hot_name(name, value): [name] for name, values in found.items() for value in values}

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
                # A condition that is missing stays missing
                is_it = (text_of(column.name, column.type) == lit(value)).fill_null(False)
                expressions[name] = is_it.cast(DataType.float64())
        self._check_names([column.name for column in columns])
        plan.compute(expressions)
        plan.columns = columns
        if not plan.features:
            raise self.error("no feature is left", code="no_columns")

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


def one_hot_name(column: str, value: str) -> str:
    return f"{column}={value}"


def _count_unseen(values: pa.ChunkedArray, found: list[str]) -> int:
    known = pc.is_in(values.drop_null(), value_set=pa.array(found, type=values.type))
    return len(known) - int(pc.sum(known).as_py() or 0)
