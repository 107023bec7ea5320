"""Steps about missing values."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from daft import DataType, Expression, col, lit
from daft.functions import abs as absolute
from daft.functions import count, regexp, strip, when
from daft.functions import sum as total

from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import SPLIT
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.number_text import NUMBER

LARGEST = 1.7976931348623157e308


@dataclass(frozen=True)
class MissingValues(Step):
    """Turns markers into missing values; a text column whose other values are all numbers becomes one of numbers.

    A field is compared without the blanks around it, so that `""` also means blanks.
    """

    kind: ClassVar[str] = "missing_values"
    markers: list[str]
    columns: list[str] | None
    """None means every text column for markers, and every numeric feature for sentinels."""
    sentinels: list[float]
    numbers: bool

    def apply(self, plan: Plan) -> Outcome:
        texts = [
            column.name
            for column in plan.columns
            if column.type == "string" and column.name != SPLIT and self._is_chosen(column.name)
        ]
        marked = {name: self._marked(name) for name in texts}
        if self.sentinels:
            marked |= {name: self._unlike(name) for name in plan.numbers if self._is_chosen(name)}
        counts = self._count(plan, texts, marked)
        outcome = Outcome()
        for name in marked:
            outcome.changed(name, counts[f"before {name}"] - counts[f"after {name}"])
        outcome.cells_missing = {
            column.name: plan.row_count - counts[f"after {column.name}"]
            for column in plan.columns
            if counts[f"after {column.name}"] < plan.row_count
        }
        plan.replace({name: each for name, each in marked.items() if name not in texts or self.markers})
        numeric = [
            name for name in texts if name != plan.label and 0 < counts[f"after {name}"] == counts[f"numbers {name}"]
        ]
        numeric = numeric if self.numbers else []
        plan.replace({name: strip(col(name)).cast(DataType.float64()) for name in numeric}, kind="float64")
        self.learned.update(
            markers=self.markers,
            columns=texts,
            numbers=numeric,
            sentinels=self.sentinels,
            sentinel_columns=[name for name in marked if name not in texts],
        )
        return outcome

    def _is_chosen(self, name: str) -> bool:
        return self.columns is None or name in self.columns

    def _count(self, plan: Plan, texts: list[str], marked: dict[str, Expression]) -> dict[str, int]:
        """In one pass: values before, values after, and values that are finite numbers, per column."""
        wanted = []
        for column in plan.columns:
            name = column.name
            after = marked.get(name, col(name))
            wanted.append(count(after).alias(f"after {name}"))
            if name in marked:
                wanted.append(count(col(name)).alias(f"before {name}"))
            if name in texts:
                wanted.append(_sum(_is_number(after)).alias(f"numbers {name}"))
        found = plan.frame.agg(*wanted).to_pydict()
        return {name: int(values[0] or 0) for name, values in found.items()}

    def _marked(self, name: str) -> Expression:
        if not self.markers:
            return col(name)
        # Not `is_in`: on a computed column it makes Daft 0.7 panic.
        stripped = strip(col(name))
        marks: Iterator[Expression] = (stripped == lit(marker.strip()) for marker in self.markers)
        return when(~functools.reduce(operator.or_, marks), col(name))

    def _unlike(self, name: str) -> Expression:
        """The number unless it is a sentinel."""
        number = col(name).cast(DataType.float64())
        # To Daft -0.0 is not equal to 0.0.
        alike = (absolute(number) == lit(0.0) if each == 0 else number == lit(float(each)) for each in self.sentinels)
        return when(~functools.reduce(operator.or_, alike), col(name))


def _is_number(text: Expression) -> Expression:
    value = when(regexp(strip(text), NUMBER), strip(text)).cast(DataType.float64())
    return (value >= lit(-LARGEST)) & (value <= lit(LARGEST))


def _sum(flags: Expression) -> Expression:
    return total(flags.cast(DataType.int64()))
