"""Operations on numbers, in NumPy."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from workers.contracts.expressions.typed import Typed
from workers.runtime.expressions.cells import Array, Cells, Flags, any_missing, finite

_LEAST, _MOST = -(2**63), 2**63 - 1
_SURE: Final = 9.2e18
"""Below it, computed in floats, the result of whole numbers is within 64 bits."""


def _arithmetic(exact: Callable[[Any, Any], Any]) -> Callable[..., Cells]:
    def computed(found: Typed, first: Cells, second: Cells) -> Cells:
        missing = any_missing(first, second)
        if found.type == "float64":
            return finite(exact(first.values, second.values), missing)
        estimate = exact(first.values.astype(np.float64), second.values.astype(np.float64))
        values = exact(first.values, second.values)  # beyond 64 bits it wraps; those are computed again
        unsure = np.flatnonzero(~(np.abs(estimate) < _SURE) & ~missing)
        return _whole(values, missing, unsure, exact, first, second)

    return computed


def _whole(
    values: Array, missing: Flags, again: Array, exact: Callable[[int, int], int], first: Cells, second: Cells
) -> Cells:
    """The values, those of the places `again` computed by Python's whole numbers, null beyond 64 bits."""
    missing = missing.copy()
    for place in again.tolist():
        value = exact(int(first.values[place]), int(second.values[place]))
        missing[place] = not _LEAST <= value <= _MOST
        values[place] = 0 if missing[place] else value
    return Cells(values, missing)


def _floor_divide(_found: Typed, first: Cells, second: Cells) -> Cells:
    """Rounded towards zero."""
    missing = any_missing(first, second) | (second.values == 0)
    divisor = np.where(second.values == 0, 1, second.values)
    remainder = np.fmod(first.values, np.where(divisor == -1, 1, divisor))
    values = (first.values - remainder) // divisor
    unsure = np.flatnonzero((first.values == _LEAST) & (divisor == -1) & ~missing)
    return _whole(values, missing, unsure, lambda a, b: a // b, first, second)


def _remainder(found: Typed, first: Cells, second: Cells) -> Cells:
    """It has the sign of what is divided."""
    missing = any_missing(first, second)
    if found.type == "float64":
        return finite(np.fmod(first.values, second.values), missing)
    divisor = np.where((second.values == 0) | (second.values == -1), 1, second.values)
    return Cells(np.fmod(first.values, divisor), missing | (second.values == 0))


def _negate(found: Typed, value: Cells) -> Cells:
    if found.type == "int64":
        return Cells(-value.values, value.missing | (value.values == _LEAST))
    return finite(-value.values, value.missing)


def _abs(found: Typed, value: Cells) -> Cells:
    if found.type == "int64":
        return Cells(np.abs(value.values), value.missing | (value.values == _LEAST))
    return finite(np.abs(value.values), value.missing)


def _round(found: Typed, value: Cells) -> Cells:
    scale = 10.0 ** (found.settings[0] if found.settings else 0)
    scaled = value.values * scale if found.settings else value.values
    whole = np.trunc(scaled)
    rounded = whole + np.where(np.abs(scaled - whole) >= 0.5, np.sign(scaled), 0.0)
    return finite(rounded / scale if found.settings else rounded, value.missing)


def _number(function: Callable[[Array], Array]) -> Callable[..., Cells]:
    return lambda _found, value: finite(function(value.values), value.missing)


def _by_libm(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """The C library's function, as the other engines call it: NumPy has its own, which differ in the last digit."""

    def one(value: float) -> float:
        try:
            return function(value)
        except (ValueError, OverflowError):
            return math.nan

    return lambda values: np.array([one(value) for value in values.tolist()], dtype=np.float64)


def _to_float(_found: Typed, value: Cells) -> Cells:
    return Cells(value.values.astype(np.float64), value.missing)


NUMBERS: Final[dict[str, Callable[..., Cells]]] = {
    "to_float": _to_float,
    "negate": _negate,
    "add": _arithmetic(operator.add),
    "subtract": _arithmetic(operator.sub),
    "multiply": _arithmetic(operator.mul),
    "divide": _arithmetic(operator.truediv),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "abs": _abs,
    "round": _round,
    "floor": _number(np.floor),
    "ceil": _number(np.ceil),
    "sqrt": _number(np.sqrt),
    "exp": _number(_by_libm(math.exp)),
    "log": _number(_by_libm(math.log)),
}
