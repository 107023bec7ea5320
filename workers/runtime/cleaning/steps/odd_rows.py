"""Whole rows that are unlike the others, found by an isolation forest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from daft import DataType, Expression, col, lit
from daft.functions import when

from workers.contracts.recipes.kinds.outliers import ROW_FLAG
from workers.runtime.cleaning.among import Ordinals, among
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.reading import Flags, Floats
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.sampled import sampled
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.cleaning.steps.base import Outcome
from workers.runtime.cleaning.steps.moments import learned_from, moments, number
from workers.runtime.isolation import TREE_ROWS, TREES, Forest, grown

SAMPLE_ROWS = TREES * TREE_ROWS
"""Training rows out of which the rows of the trees are drawn, and that say which score is an outlier's."""


@dataclass(frozen=True)
class OddRows:
    """Rows whose score in the forest is above the one that `share` of the sampled training rows is above.

    A missing value counts as the median of the training rows. What becomes of the rows is done to all chosen columns.
    """

    share: float
    replace: str
    seed: int
    learned: dict[str, Any]
    """Filled in."""

    def apply(self, plan: Plan, chosen: list[str]) -> Outcome:
        outcome = Outcome()
        medians, means = self._middles(plan, chosen, outcome)
        names = list(medians)
        odd = np.zeros(0, dtype=np.int64)
        self.learned.update(columns={}, replace=self.replace, fill=medians, flag=ROW_FLAG)
        if names:
            fill = np.array(list(medians.values()))
            rows = filled(sampled(plan, names, SAMPLE_ROWS, self.seed).columns, fill)
            forest = grown(rows, self.seed)
            limit = float(np.quantile(forest.scores(rows), 1 - self.share))
            values = means if self.replace == "mean" else medians
            self.learned.update(forest=forest.to_json(), limit=limit, values=values)
            odd = self._found(plan, forest, fill, names, limit)
        self._act(plan, odd, chosen, names, outcome)
        return outcome

    def _middles(self, plan: Plan, chosen: list[str], outcome: Outcome) -> tuple[dict[str, float], dict[str, float]]:
        medians, means = {}, {}
        for name, found in plan.learn(chosen, _look):
            if found is None:
                outcome.has_none(name)
            else:
                medians[name], means[name] = found
        return medians, means

    def _found(self, plan: Plan, forest: Forest, fill: Floats, names: list[str], limit: float) -> Ordinals:
        """Ordinals, sorted: of training rows only where rows are left out after a split."""
        plan.settle()
        only_training = self.replace == "drop" and plan.is_split
        found: list[Ordinals] = []
        for batch in plan.stream([*names, *([SPLIT] if only_training else [])]):
            odd = forest.scores(filled([batch.column(name) for name in names], fill)) > limit
            if only_training:
                odd &= np.array(batch.column(SPLIT).to_pylist()) == "train"
            found.append(batch.column(ORDINAL).to_numpy()[odd])
        return np.sort(np.concatenate([*found, np.zeros(0, dtype=np.int64)]))

    def _act(self, plan: Plan, odd: Ordinals, chosen: list[str], names: list[str], outcome: Outcome) -> None:
        if self.replace == "drop":
            plan.remove(odd)
            return
        if self.replace == "flag":
            plan.compute({ROW_FLAG: among(odd).cast(DataType.float64())})
            plan.columns = [*plan.columns, Column(ROW_FLAG, "float64", nullable=False)]
            return
        values = self.learned.get("values", {})
        plan.replace({name: number(name) for name in chosen}, kind="float64")
        made: dict[str, Expression] = {}
        for name in names:
            instead = lit(None) if self.replace == "null" else lit(values[name])
            made[name] = when(among(odd), instead.cast(DataType.float64())).otherwise(col(name))
            outcome.changed(name, len(odd))
        plan.replace(made)


def _look(values: Floats, train: Flags) -> tuple[float, float] | None:
    """Median and mean; None where there is nothing to learn from."""
    known = learned_from(values, train)
    return (significant(float(np.median(known))), moments(known)[0]) if len(known) else None


def filled(columns: list[pa.Array] | list[npt.NDArray[np.float64]], fill: Floats) -> Floats:
    """Columns as rows, shape (rows, columns), with these values where one is missing or not finite."""
    rows = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        values = column if isinstance(column, np.ndarray) else column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        rows[:, place] = np.where(np.isfinite(values), values, fill[place])
    return rows
