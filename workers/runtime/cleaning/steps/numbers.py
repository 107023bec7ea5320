"""Steps on numbers: outliers and scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from daft import DataType, Expression, col, lit
from daft.functions import when

from workers.runtime.cleaning.plan import Flags, Floats, Plan
from workers.runtime.cleaning.quantiles import quantiles
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.steps.base import Outcome, Step

ZERO_SPREAD = "zero_spread"
ALL_MISSING = "all_missing"


@dataclass(frozen=True)
class Outliers(Step):
    """Replaces what lies beyond the quartiles by more than `factor` times their distance.

    Quartiles and median are those of the training rows, exact, linear between neighbours. A column whose
    quartiles are equal is skipped with a warning: every value but one would be an outlier.
    """

    kind: ClassVar[str] = "outliers"
    method: str
    factor: float
    replace: str
    columns: list[str] | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        bounds: dict[str, list[float]] = {}
        names = plan.numbers if self.columns is None else self.columns
        for name, (found, beyond) in plan.learn(names, self._look):
            if not found:
                outcome.warn(ALL_MISSING, name, "no training row has a value")
            elif len(found) == 1:
                both = f"{found[0]:g}"
                detail = f"the quartiles of the training rows are both {both}"
                outcome.warn(ZERO_SPREAD, name, detail, quartile=both)
            else:
                bounds[name] = found
                outcome.changed(name, beyond)
        plan.replace({name: _bounded(name, *limits) for name, limits in bounds.items()}, kind="float64")
        self.learned.update(columns=bounds)
        return outcome

    def _look(self, values: Floats, train: Flags) -> tuple[list[float], int]:
        """Low, high and median, and how many values lie beyond; one figure where the quartiles are equal, or none."""
        known = values[train & ~np.isnan(values)]
        if not len(known):
            return [], 0
        first, median, third = quantiles(known, [0.25, 0.5, 0.75])
        if third == first:
            return [significant(first)], 0
        reach = self.factor * (third - first)
        low, high = significant(first - reach), significant(third + reach)
        return [low, high, significant(median)], int(np.count_nonzero((values < low) | (values > high)))

    def fitted(self) -> list[dict[str, Any]]:
        return [
            {"column": name, "low": low, "high": high, "replacement": median}
            for name, (low, high, median) in self.learned["columns"].items()
        ]


@dataclass(frozen=True)
class Standardise(Step):
    """Subtracts the mean of the training rows and divides by their standard deviation (of the population: ddof 0)."""

    kind: ClassVar[str] = "standardise"
    columns: list[str] | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        scales: dict[str, list[float]] = {}
        for name, values, train in plan.read_numbers(plan.numbers if self.columns is None else self.columns):
            known = values[train & ~np.isnan(values)]
            if not len(known):
                outcome.warn(ALL_MISSING, name, "no training row has a value")
                continue
            mean, std = moments(known)
            if std == 0:
                outcome.warn(ZERO_SPREAD, name, f"every training row has {mean:g}", value=f"{mean:g}")
                continue
            scales[name] = [mean, std]
            outcome.changed(name, int(np.count_nonzero(~np.isnan(values))))
        scaled = {name: (_float(name) - mean) / std for name, (mean, std) in scales.items()}
        plan.replace(scaled, kind="float64")
        self.learned.update(columns=scales)
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": name, "mean": mean, "std": std} for name, (mean, std) in self.learned["columns"].items()]


def moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation, the same for the same values in any order: they are summed sorted."""
    ordered = np.sort(values)
    if ordered[0] == ordered[-1]:
        return significant(float(ordered[0])), 0.0
    mean = np.mean(ordered)
    deviations = ordered - mean
    rest = np.mean(deviations)  # what rounding left of the mean; it matters for 1e9 ± 1e-3
    variance = np.mean(np.sort(deviations**2)) - rest**2
    return significant(float(mean)), significant(float(np.sqrt(variance)))


def _bounded(name: str, low: float, high: float, median: float) -> Expression:
    value = _float(name)
    return when((value < lit(low)) | (value > lit(high)), lit(median)).otherwise(value)


def _float(name: str) -> Expression:
    return col(name).cast(DataType.float64())
