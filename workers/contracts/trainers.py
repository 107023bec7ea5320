"""What the built-in trainers take: checked where a run is submitted, and again by the trainer."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number with a default and bounds, which it may have itself unless they are `above` or `below`."""

    default: int | float
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    whole: bool = False

    def trouble(self, value: Any) -> str:
        """What is wrong with a value; empty when nothing is."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "must be a number"
        if self.whole and value != int(value):
            return "must be a whole number"
        bounds = (
            (self.minimum, "at least", operator.ge),
            (self.maximum, "at most", operator.le),
            (self.above, "more than", operator.gt),
            (self.below, "less than", operator.lt),
        )
        for limit, words, holds in bounds:
            if limit is not None and not holds(value, limit):
                return f"must be {words} {limit:g}"
        return ""


TABULAR_CLASSIFIER: Final[dict[str, Parameter]] = {
    "epochs": Parameter(15, minimum=1, maximum=10_000, whole=True),
    "batch_size": Parameter(64, minimum=1, maximum=1_000_000, whole=True),
    "learning_rate": Parameter(1e-3, above=0, maximum=10),
    "hidden": Parameter(256, minimum=1, maximum=8192, whole=True),
    "layers": Parameter(1, minimum=1, maximum=8, whole=True),
    "dropout": Parameter(0.0, minimum=0, below=1),
    "weight_decay": Parameter(0.0, minimum=0, maximum=1),
    "validation_ratio": Parameter(0.1, above=0, below=1),
    "threshold": Parameter(0.5, minimum=0, maximum=1),
    "seed": Parameter(0, minimum=0, maximum=2**31 - 1, whole=True),
}
"""Of `workers.runtime.training.tabular_classifier`, in the order of a form."""


class BadParameters(ValueError):
    """Some parameters cannot be; `problems` says of each why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {text}" for name, text in problems.items()))
        self.problems = dict(problems)


def parameters_checked(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, int | float]:
    """All parameters of a trainer, with defaults for those that were not given; whole numbers as integers.

    Raises:
        BadParameters: a name that the trainer does not know, or a value that it cannot take.
    """
    problems = {name: "is no parameter of this trainer" for name in given if name not in known}
    problems |= {name: text for name in given if name in known and (text := known[name].trouble(given[name]))}
    if problems:
        raise BadParameters(problems)
    found: dict[str, int | float] = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        found[name] = int(value) if parameter.whole else value
    return found
