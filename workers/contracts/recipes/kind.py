"""What a kind of step is, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workers.contracts.recipes.options import Option
from workers.contracts.recipes.shape import Shape

Options = Mapping[str, Any]
"""A step without its kind, every option written out."""
Flow = Callable[[Shape, Options], Shape]
"""The columns after a step. Raises Misfit where it does not fit those before it."""


class Serving(StrEnum):
    """What becomes of a step where the model is served, which sees one record at a time."""

    NOTHING = "nothing"
    """It decides about rows, or the label: a record needs nothing done."""
    DONE = "done"
    """The same is done to a record."""
    CANNOT = "cannot"
    """It changes features by other rows, or by what a replica must not have: whoever writes the recipe is warned."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to know about a step that is not refused. `detail` says in English what `params` tell a page."""

    code: str
    detail: str
    column: str = ""
    params: Mapping[str, str | int] = field(default_factory=dict)


def same(shape: Shape, _options: Options) -> Shape:
    """The flow of a step that changes no column's name or type."""
    return shape


def _always(_options: Options) -> bool:
    return True


def _no_problem(_options: Options) -> Iterable[tuple[str, str]]:
    return ()


def _no_warning(_shape: Shape, _options: Options) -> Iterable[Warned]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step: its options, what it makes of columns, whether it learns, how often a recipe may have it."""

    options: Mapping[str, Option] = field(default_factory=dict)
    flow: Flow = same
    fitted: bool = False
    """It may learn from the data: from the training rows once there is a split, else from all."""
    learns: Callable[[Options], bool] = _always
    """Of a fitted kind: whether a step with these options does."""
    once: bool = False
    serving: Serving | Callable[[Options], Serving] = Serving.DONE
    check: Callable[[Options], Iterable[tuple[str, str]]] = _no_problem
    """Option → sentence, for options that are good each but not together; the options are written out and hold."""
    warns: Callable[[Shape, Options], Iterable[Warned]] = _no_warning
    """What to know of a step that fits the columns."""

    def is_fitted(self, options: Options) -> bool:
        return self.fitted and self.learns(options)

    def served(self, options: Options) -> Serving:
        return self.serving if isinstance(self.serving, Serving) else self.serving(options)

    def with_defaults(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a step without problems, every one written out."""
        return {name: step.get(name, option.fresh()) for name, option in self.options.items()}
