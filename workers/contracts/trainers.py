"""What the built-in trainers take: checked where a run is submitted, and again by the trainer."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

TEXT_CHARACTERS_MOST = 200


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

    def taken(self, value: Any) -> int | float:
        """The value as the trainer gets it."""
        return int(value) if self.whole else float(value) if isinstance(self.default, float) else value


@dataclass(frozen=True, slots=True)
class Text:
    """A text with a default: one of the choices where there are any, else the name of something."""

    default: str
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False

    def trouble(self, value: Any) -> str:
        """What is wrong with a value; empty when nothing is."""
        if not isinstance(value, str):
            return "must be text"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if len(value) > TEXT_CHARACTERS_MOST:
            return f"must have at most {TEXT_CHARACTERS_MOST} characters"
        return "" if value or self.may_be_empty else "must not be empty"

    def taken(self, value: Any) -> str:
        return str(value)


Parameters = Mapping[str, Parameter | Text]

_EPOCHS = Parameter(15, minimum=1, maximum=10_000, whole=True)
_BATCH_SIZE = Parameter(64, minimum=1, maximum=1_000_000, whole=True)
_LEARNING_RATE = Parameter(1e-3, above=0, maximum=10)
_HIDDEN = Parameter(256, minimum=1, maximum=8192, whole=True)
_LAYERS = Parameter(1, minimum=1, maximum=8, whole=True)
_DROPOUT = Parameter(0.0, minimum=0, below=1)
_SHARE = Parameter(0.1, above=0, below=1)
_LOOP: Final[dict[str, Parameter | Text]] = {
    "weight_decay": Parameter(0.0, minimum=0, maximum=1),
    "patience": Parameter(0, minimum=0, maximum=10_000, whole=True),
    "precision": Text("auto", choices=("auto", "float32", "bfloat16", "float16")),
}
_SEED = Parameter(0, minimum=0, maximum=2**31 - 1, whole=True)

TABULAR_CLASSIFIER: Final[dict[str, Parameter | Text]] = {
    "epochs": _EPOCHS,
    "batch_size": _BATCH_SIZE,
    "learning_rate": _LEARNING_RATE,
    "hidden": _HIDDEN,
    "layers": _LAYERS,
    "dropout": _DROPOUT,
    **_LOOP,
    "validation_ratio": _SHARE,
    "threshold": Parameter(0.5, minimum=0, maximum=1),
    "seed": _SEED,
}
"""Of `workers.runtime.training.tabular_classifier`, in the order of a form; so are the others."""

TABULAR_REGRESSOR: Final[dict[str, Parameter | Text]] = {
    "target": Text(""),
    "epochs": replace(_EPOCHS, default=30),
    "batch_size": _BATCH_SIZE,
    "learning_rate": _LEARNING_RATE,
    "hidden": replace(_HIDDEN, default=128),
    "layers": replace(_LAYERS, default=2),
    "dropout": _DROPOUT,
    **_LOOP,
    "validation_ratio": _SHARE,
    "test_ratio": replace(_SHARE, default=0.2),
    "seed": _SEED,
}

TEXT_CLASSIFIER: Final[dict[str, Parameter | Text]] = {
    "text_column": Text("text"),
    "label_column": Text("label"),
    "epochs": _EPOCHS,
    "batch_size": _BATCH_SIZE,
    "learning_rate": replace(_LEARNING_RATE, default=2e-3),
    "words": Parameter(20_000, minimum=10, maximum=1_000_000, whole=True),
    "words_a_text": Parameter(200, minimum=1, maximum=10_000, whole=True),
    "dimensions": Parameter(64, minimum=1, maximum=4096, whole=True),
    "hidden": replace(_HIDDEN, default=64),
    "dropout": replace(_DROPOUT, default=0.2),
    **_LOOP,
    "validation_ratio": _SHARE,
    "test_ratio": replace(_SHARE, default=0.2),
    "seed": _SEED,
}

IMAGE_CLASSIFIER: Final[dict[str, Parameter | Text]] = {
    "image_column": Text("image"),
    "label_column": Text("label"),
    "epochs": _EPOCHS,
    "batch_size": _BATCH_SIZE,
    "learning_rate": _LEARNING_RATE,
    "side": Parameter(64, minimum=8, maximum=512, whole=True),
    "channels": Parameter(32, minimum=1, maximum=1024, whole=True),
    "blocks": Parameter(3, minimum=1, maximum=6, whole=True),
    "dropout": replace(_DROPOUT, default=0.1),
    **_LOOP,
    "validation_ratio": _SHARE,
    "test_ratio": replace(_SHARE, default=0.2),
    "seed": _SEED,
}

TRAINERS: Final[dict[str, dict[str, Parameter | Text]]] = {
    "tabular_classifier": TABULAR_CLASSIFIER,
    "tabular_regressor": TABULAR_REGRESSOR,
    "text_classifier": TEXT_CLASSIFIER,
    "image_classifier": IMAGE_CLASSIFIER,
}
"""Kind of run → what its trainer takes; the trainer is the module of that name in `workers.runtime.training`."""


class BadParameters(ValueError):
    """Some parameters cannot be; `problems` says of each why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {text}" for name, text in problems.items()))
        self.problems = dict(problems)


def parameters_checked(known: Parameters, given: Mapping[str, Any]) -> dict[str, int | float | str]:
    """All parameters of a trainer, with defaults for those that were not given; whole numbers as integers.

    Raises:
        BadParameters: a name that the trainer does not know, a value that it cannot take, or none where there must be.
    """
    problems = {name: "is no parameter of this trainer" for name in given if name not in known}
    values = {name: given.get(name, parameter.default) for name, parameter in known.items()}
    problems |= {name: text for name, value in values.items() if (text := known[name].trouble(value))}
    if problems:
        raise BadParameters(problems)
    return {name: known[name].taken(value) for name, value in values.items()}
