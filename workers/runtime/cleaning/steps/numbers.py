"""Steps on numbers: scale, and classes of size. All statistics are of the finite values of the training rows."""

from __future__ import annotations

import functools
import operator
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from daft import DataType, Expression, lit
from daft.functions import abs as absolute
from daft.functions import log1p, when

from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.quantiles import quantiles
from workers.runtime.cleaning.reading import Flags, Floats
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.moments import ZERO_SPREAD, learned_from, moments, number


@dataclass(frozen=True)
class _Numbers(Step):
    """Learns some numbers of each column, and makes it anew from them; a column without a spread is left alone."""

    columns: list[str] | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        learned: dict[str, list[float]] = {}
        names = plan.numbers if self.columns is None else self.columns
        for name, (found, spreads, count) in plan.learn(names, self._look):
            if not found:
                outcome.has_none(name)
            elif not spreads:
                self._warn(outcome, name, f"{found[0]:g}")
            else:
                learned[name] = found
                outcome.changed(name, count)
        made = {name: self._made(name, learned[name]) if name in learned else number(name) for name in names}
        plan.replace(made, kind="float64")
        self.learned.update(columns=learned)
        return outcome

    def _look(self, values: Floats, train: Flags) -> tuple[list[float], bool, int]:
        """What is learned, whether there is a spread (else its middle alone), and how many values there are."""
        known = learned_from(values, train)
        if not len(known):
            return [], False, 0
        found = self._learn(known)
        if found is None:
            return [significant(quantiles(known, [0.5])[0])], False, 0
        return found, True, int(np.count_nonzero(~np.isnan(values)))

    @abstractmethod
    def _learn(self, known: Floats) -> list[float] | None:
        """Of values, at least one; None where they have no spread."""

    def _made(self, name: str, found: list[float]) -> Expression:
        """The column anew: its distance from the first of the numbers, in so many of the second."""
        return (number(name) - found[0]) / found[1]

    def _warn(self, outcome: Outcome, name: str, value: str) -> None:
        outcome.warn(ZERO_SPREAD, name, f"every training row has {value}", value=value)


@dataclass(frozen=True)
class Standardise(_Numbers):
    """Subtracts the mean of the training rows and divides by their standard deviation (of the population: ddof 0)."""

    kind: ClassVar[str] = "standardise"

    def _learn(self, known: Floats) -> list[float] | None:
        mean, std = moments(known)
        return None if std == 0 else [mean, std]

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": name, "mean": mean, "std": std} for name, (mean, std) in self.learned["columns"].items()]


@dataclass(frozen=True)
class Scale(_Numbers):
    """`min_max`: the least value of the training rows becomes 0, the largest 1; `robust`: the median 0, and the
    distance of the quartiles 1; `log1p`: the logarithm of 1 + the value, of a negative one that of its amount, below 0.
    """

    kind: ClassVar[str] = "scale"
    method: str

    def apply(self, plan: Plan) -> Outcome:
        self.learned["method"] = self.method
        if self.method != "log1p":
            return super().apply(plan)
        names = plan.numbers if self.columns is None else self.columns
        outcome = Outcome()
        plan.change({name: _logarithm(name) for name in names}, outcome.changed, kind="float64")
        self.learned["columns"] = {name: [] for name in names}
        return outcome

    def _learn(self, known: Floats) -> list[float] | None:
        if self.method == "min_max":
            start, reach = significant(float(known.min())), significant(float(known.max()) - float(known.min()))
        else:
            first, median, third = quantiles(known, [0.25, 0.5, 0.75])
            start, reach = significant(median), significant(third - first)
        return None if reach == 0 else [start, reach]

    def _warn(self, outcome: Outcome, name: str, value: str) -> None:
        if self.method == "min_max":
            super()._warn(outcome, name, value)
            return
        outcome.warn(ZERO_SPREAD, name, f"the quartiles of the training rows are both {value}", quartile=value)

    def fitted(self) -> list[dict[str, Any]]:
        if self.method == "log1p":
            return []
        return [
            {"column": name, "zero": zero, "distance": reach} for name, (zero, reach) in self.learned["columns"].items()
        ]


@dataclass(frozen=True)
class Discretise(_Numbers):
    """Makes of a number the place of its class, from 0. `quantile`: classes that hold about as many training rows each;
    `uniform`: classes of one width between the least and the largest. A class begins with its edge; equal edges are
    one, so that there may be fewer classes. A missing value stays missing.
    """

    kind: ClassVar[str] = "discretise"
    method: str
    bins: int

    def _learn(self, known: Floats) -> list[float] | None:
        least, most = float(known.min()), float(known.max())
        if least == most:
            return None
        shares = [place / self.bins for place in range(1, self.bins)]
        of_width = [least * (1 - share) + most * share for share in shares]
        return sorted(
            {significant(edge) for edge in (quantiles(known, shares) if self.method == "quantile" else of_width)}
        )

    def _made(self, name: str, found: list[float]) -> Expression:
        value = number(name)
        return functools.reduce(operator.add, ((value >= lit(edge)).cast(DataType.float64()) for edge in found))

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": name, "edges": edges} for name, edges in self.learned["columns"].items()]


def _logarithm(name: str) -> Expression:
    value = number(name)
    of_amount = log1p(absolute(value))
    return when((value < lit(0.0)).fill_null(lit(False)), lit(0.0) - of_amount).otherwise(of_amount)
