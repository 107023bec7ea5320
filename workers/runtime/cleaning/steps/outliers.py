"""Values that lie far from the others, and what becomes of them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col, lit

from workers.contracts.recipes.kinds.outliers import FACTORS, FLAG
from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.quantiles import quantiles
from workers.runtime.cleaning.reading import Flags, Floats
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.moments import ZERO_SPREAD, learned_from, moments, number
from workers.runtime.cleaning.steps.odd_rows import OddRows

NORMAL = 1.4826
"""Times the MAD it is the standard deviation, where values are normal."""


@dataclass(frozen=True)
class Outliers(Step):
    """Finds what lies beyond bounds that the training rows have, or rows that an isolation forest has soon alone.

    Bounds, of the finite values of the training rows: `iqr`: the quartiles and `factor` times their distance beyond;
    `zscore`: the mean and `factor` standard deviations (of the population); `mad`: the median and `factor` times 1.4826
    times the median distance from it; `percentile`: the quantiles at `share` and at 1 - `share`. Quantiles are exact,
    linear between neighbours. A column whose bounds would be equal is skipped with a warning: every other value would
    be an outlier. A missing value is none.

    An outlier becomes the median of the training rows, the mean of those within bounds (the median where none is), a
    missing value, or the bound it is beyond (`winsorise`); or a column `…_outlier` of 0 and 1 says where one is
    (`flag`); or its row is left out, of the training rows once there is a split (`drop`).
    """

    kind: ClassVar[str] = "outliers"
    method: str
    factor: float | None
    share: float
    replace: str
    columns: list[str] | None
    seed: int

    def apply(self, plan: Plan) -> Outcome:
        chosen = plan.numbers if self.columns is None else self.columns
        if self.method == "isolation_forest":
            return OddRows(self.share, self.replace, self.seed, self.learned).apply(plan, chosen)
        outcome = Outcome()
        bounds: dict[str, list[float]] = {}  # lowest and highest that is no outlier, and what replaces one
        held: dict[str, tuple[Floats, Flags]] = {}
        holds = self.replace not in ("drop", "flag") and plan.may_hold(len(chosen))
        look = self._look_and_keep if holds else self._look_only
        for name, (found, count, kept) in plan.learn(chosen, look):
            if kept is not None:
                held[name] = kept
            if not found:
                outcome.has_none(name)
            elif len(found) == 1:
                self._warn(outcome, name, f"{found[0]:g}")
            else:
                bounds[name] = found
                outcome.changed(name, count)
        self.learned.update(columns=bounds, replace=self.replace)
        self._act(plan, bounds, chosen, outcome)
        plan.held = held
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        if "forest" in self.learned:
            return [{"column": name, "fill": value} for name, value in self.learned["fill"].items()]
        is_value = self.replace in ("median", "mean")
        return [
            {"column": name, "low": low, "high": high, **({"replacement": value} if is_value else {})}
            for name, (low, high, value) in self.learned["columns"].items()
        ]

    # Bounds -------------------------------------------------------------------------------------------------

    def _look_only(self, values: Floats, train: Flags) -> tuple[list[float], int, None]:
        return *self._look(values, train), None

    def _look_and_keep(self, values: Floats, train: Flags) -> tuple[list[float], int, tuple[Floats, Flags]]:
        """And the values as they are after the step, for the next one: what `_bounded` makes of them."""
        found, count = self._look(values, train)
        if len(found) > 1:
            low, high, _ = found
            below, above = self._instead(found)
            highest = values > high
            np.copyto(values, np.nan if below is None else below, where=values < low)
            np.copyto(values, np.nan if above is None else above, where=highest)
        values += 0.0  # one zero, as `number` has it
        return found, count, (values, train)

    def _look(self, values: Floats, train: Flags) -> tuple[list[float], int]:
        """Bounds and replacement, and how many values lie beyond; without a spread the middle alone; or nothing."""
        known = learned_from(values, train)
        if not len(known):
            return [], 0
        low, middle, high = self._bounds(known)
        if low == high:
            return [significant(middle)], 0
        low, high = significant(low), significant(high)
        count = int(np.count_nonzero((values < low) | (values > high)))
        return [low, high, self._replacement(known, low, middle, high)], count

    def _bounds(self, known: Floats) -> tuple[float, float, float]:
        """The lowest value that is no outlier, the median, the highest; all equal where there is no spread."""
        if self.method in ("iqr", "percentile"):
            share = 0.25 if self.method == "iqr" else self.share
            low, median, high = quantiles(known, [share, 0.5, 1 - share], reorders=True)
            reach = 0.0 if self.method == "percentile" or low == high else self._factor * (high - low)
            return low - reach, median, high + reach
        (median,) = quantiles(known, [0.5], reorders=True)
        if self.method == "zscore":
            middle, spread = moments(known)
        else:
            middle, spread = median, NORMAL * quantiles(np.abs(known - median), [0.5], reorders=True)[0]
        reach = self._factor * spread
        return middle - reach, median, middle + reach

    @property
    def _factor(self) -> float:
        return FACTORS[self.method] if self.factor is None else self.factor

    def _warn(self, outcome: Outcome, name: str, value: str) -> None:
        if self.method == "iqr":
            detail = f"the quartiles of the training rows are both {value}"
            outcome.warn(ZERO_SPREAD, name, detail, quartile=value)
            return
        what = {"zscore": "every training row has", "mad": "most training rows have"}.get(self.method)
        detail = f"{what} {value}" if what else f"both percentiles of the training rows are {value}"
        outcome.warn(ZERO_SPREAD, name, detail, **{"value" if self.method == "zscore" else "most": value})

    def _replacement(self, known: Floats, low: float, median: float, high: float) -> float:
        within = known[(known >= low) & (known <= high)] if self.replace == "mean" else known[:0]
        return moments(within)[0] if len(within) else significant(median)

    # Action -------------------------------------------------------------------------------------------------

    def _act(self, plan: Plan, bounds: Mapping[str, list[float]], chosen: list[str], outcome: Outcome) -> None:
        if self.replace == "drop":
            self._drop(plan, bounds)
            outcome.cells_changed.clear()
        elif self.replace == "flag":
            outcome.cells_changed.clear()
            add_flags(plan, {name + FLAG: beyond(name, bounds[name]) if name in bounds else None for name in chosen})
            self.learned["flags"] = list(chosen)
        else:
            made = {name: self._replaced(name, bounds[name]) if name in bounds else number(name) for name in chosen}
            plan.replace(made, kind="float64")

    def _replaced(self, name: str, limits: list[float]) -> Expression:
        below, above = self._instead(limits)
        bound = functools.partial(_bounded, low=limits[0], high=limits[1], below=below, above=above)
        return by_batch(bound, name, "float64", "float64")

    def _instead(self, limits: list[float]) -> tuple[float | None, float | None]:
        """What stands for a value below the bounds, and for one above."""
        low, high, value = limits
        instead = None if self.replace == "null" else value
        return (low, high) if self.replace == "winsorise" else (instead, instead)

    def _drop(self, plan: Plan, bounds: Mapping[str, list[float]]) -> None:
        if not bounds:
            return
        flags = [beyond(name, limits).alias(name) for name, limits in bounds.items()]
        part = [(col(SPLIT) == lit("train")).alias(SPLIT)] if plan.is_split else []
        table = plan.read([ORDINAL, *flags, *part])
        odd = np.logical_or.reduce([table.column(name).to_numpy() for name in bounds])
        if plan.is_split:
            odd &= table.column(SPLIT).to_numpy()
        plan.remove(np.sort(table.column(ORDINAL).to_numpy()[odd]))

    def sources(self) -> dict[str, Collection[str]]:
        if self.replace != "flag":
            return {}
        if "forest" in self.learned:
            return {self.learned["flag"]: list(self.learned["fill"])}
        return {name + FLAG: [name] for name in self.learned["flags"]}


def _bounded(values: pa.Array, low: float, high: float, below: float | None, above: float | None) -> pa.Array:
    """By Arrow, see `number`."""
    kind = pa.float64()
    if above == below:
        return pc.if_else(pc.or_(pc.greater(values, high), pc.less(values, low)), pa.scalar(above, kind), values)
    capped = pc.if_else(pc.greater(values, high), pa.scalar(above, kind), values)
    return pc.if_else(pc.less(values, low), pa.scalar(below, kind), capped)


def beyond(name: str, limits: list[float]) -> Expression:
    """Whether a value lies beyond its bounds; false where it is missing."""
    values = number(name)
    return ((values < lit(limits[0])) | (values > lit(limits[1]))).fill_null(lit(False))


def add_flags(plan: Plan, flags: Mapping[str, Expression | None]) -> None:
    """New columns of 0 and 1; of None: 0 everywhere."""
    kind = DataType.float64()
    plan.compute({name: (lit(0.0) if flag is None else flag).cast(kind) for name, flag in flags.items()})
    plan.columns = [*plan.columns, *(Column(name, "float64", nullable=False) for name in flags)]
