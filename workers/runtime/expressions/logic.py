"""Comparisons, three-valued logic and choice, in NumPy."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Final

import numpy as np

from workers.contracts.expressions.typed import Typed
from workers.runtime.expressions.cells import Array, Cells, Flags, any_missing


def _compared(compare: Callable[[Array, Array], Array]) -> Callable[..., Cells]:
    def computed(_found: Typed, first: Cells, second: Cells) -> Cells:
        return Cells(compare(first.values, second.values).astype(np.bool_), any_missing(first, second))

    return computed


def _and(_found: Typed, *flags: Cells) -> Cells:
    false = functools.reduce(operator.or_, (~each.values & ~each.missing for each in flags))
    return Cells(~false, any_missing(*flags) & ~false)


def _or(_found: Typed, *flags: Cells) -> Cells:
    true = functools.reduce(operator.or_, (each.values & ~each.missing for each in flags))
    return Cells(true, any_missing(*flags) & ~true)


def _not(_found: Typed, flag: Cells) -> Cells:
    return Cells(~flag.values, flag.missing)


def _is_null(_found: Typed, value: Cells) -> Cells:
    return Cells(value.missing, np.zeros_like(value.missing))


def _chosen(flags: Flags, first: Cells, second: Cells) -> Cells:
    return Cells(np.where(flags, first.values, second.values), np.where(flags, first.missing, second.missing))


def _choice(_found: Typed, condition: Cells, first: Cells, second: Cells) -> Cells:
    return _chosen(condition.values & ~condition.missing, first, second)


def _coalesce(_found: Typed, *values: Cells) -> Cells:
    return functools.reduce(lambda first, second: _chosen(~first.missing, first, second), values)


def _extreme(before: Callable[[Array, Array], Array]) -> Callable[..., Cells]:
    def of_two(first: Cells, second: Cells) -> Cells:
        better = before(second.values, first.values).astype(np.bool_)
        return _chosen(~(first.missing | (better & ~second.missing)), first, second)

    return lambda _found, *values: functools.reduce(of_two, values)


LOGIC: Final[dict[str, Callable[..., Cells]]] = {
    "equal": _compared(operator.eq),
    "less": _compared(operator.lt),
    "less_equal": _compared(operator.le),
    "and": _and,
    "or": _or,
    "not": _not,
    "is_null": _is_null,
    "if": _choice,
    "coalesce": _coalesce,
    "least": _extreme(operator.lt),
    "greatest": _extreme(operator.gt),
}
