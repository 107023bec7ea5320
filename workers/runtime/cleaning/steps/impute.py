"""The step that fills gaps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col

from workers.contracts.recipes.kinds.impute import INDICATOR
from workers.runtime.cleaning.placed import placed
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.quantiles import quantiles
from workers.runtime.cleaning.reading import Flags, Floats, text_of
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, Column
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.gaps import carried, group_medians, most_frequent, most_frequent_number
from workers.runtime.cleaning.steps.moments import filled, learned_from, moments, number
from workers.runtime.cleaning.steps.similar_rows import fill_from_similar

GROUPS_MOST = 1_000
_ANY = "__any"


@dataclass(frozen=True)
class Impute(Step):
    """Fills missing numbers, texts, and true and false.

    Median, mean and mode are those of the training rows; of values that are equally frequent the smallest. The median
    of a group is that of the training rows with the same value in `by`; a group without one, and a row without a group,
    gets the median of all. `knn`: see `workers.runtime.neighbours`; the sample is `sample_rows` training rows, the
    chosen numbers are the columns, scaled by their deviation. `forward_fill` takes the value of the nearest row before,
    in the order of ordinals, of whatever part; the rows before the first value stay as they are. With `indicator` a
    column `…_missing` of 0 and 1 says where a gap was.
    """

    kind: ClassVar[str] = "impute"
    numeric: str
    categorical: str
    columns: list[str] | None
    fill_number: float | None
    fill_text: str | None
    by: str | None
    neighbours: int
    sample_rows: int
    seed: int
    indicator: bool

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        group = self.by if self.numeric == "group_median" else None
        chosen = [name for name in self.columns or [*plan.numbers, *plan.categories] if name != group]
        numbers = [name for name in chosen if plan.column(name).is_number]
        categories = [name for name in chosen if name not in numbers]
        self.learned.update(numbers={}, categories={})
        if self.indicator:
            self._indicate(plan, chosen)
        if self.numeric == "forward_fill":
            self._carry(plan, numbers, outcome)
        elif self.numeric == "knn":
            self.learned.update(fill_from_similar(plan, numbers, outcome, self))
        else:
            self._numbers(plan, numbers, outcome)
        if self.categorical == "forward_fill":
            self._carry(plan, categories, outcome)
        else:
            self._categories(plan, categories, outcome)
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        found = self.learned.get("neighbours")
        if found is not None:
            nearby = zip(found["names"], found["means"], found["stds"], strict=True)
            numbers = [{"column": name, "mean": mean, "std": std} for name, mean, std in nearby]
        else:
            groups = self.learned.get("groups", {}).get("numbers", {})
            numbers = [
                {"column": name, "fill": plain(value), **({"groups": len(groups[name])} if name in groups else {})}
                for name, value in self.learned["numbers"].items()
            ]
        texts = [{"column": name, "fill": plain(value)} for name, value in self.learned["categories"].items()]
        return [*numbers, *texts]

    def sources(self) -> dict[str, Collection[str]]:
        made: dict[str, Collection[str]] = {name + INDICATOR: [name] for name in self.learned.get("indicators", ())}
        if self.by is not None and "groups" in self.learned:
            made |= {name: [name, self.by] for name in self.learned["numbers"]}
        if "neighbours" in self.learned:
            names = self.learned["neighbours"]["names"]
            made |= dict.fromkeys(names, names)
        return made

    def _indicate(self, plan: Plan, names: list[str]) -> None:
        flags = {name: number(name) if plan.column(name).is_number else col(name) for name in names}
        kind = DataType.float64()
        plan.compute({name + INDICATOR: flag.is_null().cast(kind) for name, flag in flags.items()})
        plan.columns = [*plan.columns, *(Column(name + INDICATOR, "float64", nullable=False) for name in names)]
        self.learned["indicators"] = names

    # One value for a column ---------------------------------------------------------------------------------

    def _numbers(self, plan: Plan, names: list[str], outcome: Outcome) -> None:
        found: dict[str, float] = {}
        for name, (value, count) in plan.learn(names, self._look):
            if value is None:
                outcome.has_none(name)
                continue
            found[name] = value
            outcome.changed(name, count)
        self.learned["numbers"] = found
        if self.numeric == "group_median":
            self._by_group(plan, found)
        made = {name: filled(name, "float64", found[name]) if name in found else number(name) for name in names}
        plan.replace(made, "float64")

    def _look(self, values: Floats, train: Flags) -> tuple[float | None, int]:
        """What fills the gaps of a column, None where no training row has a value; and how many gaps there are."""
        gaps = int(np.count_nonzero(np.isnan(values)))
        if self.numeric == "constant":
            return float(self.fill_number or 0), gaps
        known = learned_from(values, train)
        if not len(known):
            return None, gaps
        if self.numeric == "mean":
            return moments(known)[0], gaps
        usual = most_frequent_number(known) if self.numeric == "mode" else quantiles(known, [0.5], reorders=True)[0]
        return (usual if self.numeric == "mode" else significant(usual)), gaps

    def _by_group(self, plan: Plan, overall: dict[str, float]) -> None:
        """Fill with the medians of groups what has one; the rest is the caller's."""
        assert self.by is not None  # noqa: S101 - the caller looked
        spelled = text_of(self.by, plan.column(self.by).type).alias(_ANY)
        table = plan.read([ORDINAL, spelled])
        encoded = pc.dictionary_encode(table.column(_ANY).combine_chunks())
        names = encoded.dictionary.to_pylist()
        if len(names) > GROUPS_MOST:
            detail = f"column {self.by!r} has {len(names)} values; at most {GROUPS_MOST} make groups"
            raise self.error(detail, self.by, "too_many_categories")
        ordinals = table.column(ORDINAL).to_numpy()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        learned: dict[str, dict[str, float]] = {}
        made: dict[str, Expression] = {}
        for name, values, train in plan.read_numbers(list(overall)):
            known = train & np.isfinite(values) & (codes >= 0)
            groups, medians = group_medians(codes[known], values[known])
            medians = np.array([significant(float(each)) for each in medians]) + 0.0  # one zero
            by_code = np.full(len(names) + 1, overall[name])
            by_code[groups] = medians
            learned[name] = {names[group]: float(each) for group, each in zip(groups, medians, strict=True)}
            gaps = np.isnan(values)
            made[name] = placed(name, "float64", ordinals[gaps], pa.array(by_code[codes[gaps]]))
        plan.replace(made, "float64")
        self.learned["groups"] = {"by": self.by, "numbers": learned}

    def _categories(self, plan: Plan, names: list[str], outcome: Outcome) -> None:
        found: dict[str, str] = {}
        for name, (value, gaps) in plan.learn_texts(names, self._look_at_texts):
            if value is None:
                outcome.has_none(name)
                continue
            found[name] = value
            outcome.changed(name, gaps)
        kinds = {name: plan.column(name).type for name in found}
        plan.replace(
            {
                name: filled(name, kind, found[name] == "true" if kind == "bool" else found[name])
                for name, kind in kinds.items()
            }
        )
        self.learned["categories"] = found

    def _look_at_texts(self, texts: pa.ChunkedArray, training: pa.ChunkedArray) -> tuple[str | None, int]:
        """As `_look`."""
        return self.fill_text if self.categorical == "constant" else most_frequent(training), texts.null_count

    # By other rows ------------------------------------------------------------------------------------------

    def _carry(self, plan: Plan, names: list[str], outcome: Outcome) -> None:
        """The value of the nearest row before that has one."""
        made: dict[str, Expression] = {}
        for name in names:
            kind = "float64" if plan.column(name).is_number else plan.column(name).type
            value = number(name) if kind == "float64" else col(name)
            table = plan.read([ORDINAL, value.alias(_ANY)]).sort_by(ORDINAL)
            column = table.column(_ANY).combine_chunks()
            missing = pc.is_null(column).to_numpy(zero_copy_only=False)
            before = carried(missing)
            gaps = np.flatnonzero(missing & (before >= 0))
            made[name] = placed(name, kind, table.column(ORDINAL).to_numpy()[gaps], column.take(pa.array(before[gaps])))
            outcome.changed(name, len(gaps))
            left = int(missing.sum()) - len(gaps)
            if left:
                outcome.warn("none_before", name, f"{left} rows have no value before them", rows=left)
        for name, expression in made.items():
            plan.replace({name: expression}, "float64" if plan.column(name).is_number else None)
