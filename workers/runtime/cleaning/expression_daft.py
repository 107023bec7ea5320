"""Checked expressions for Daft.

An operand stands once in what is made of it wherever that can be had (`weight` of the contracts counts where it does
not): an expression that repeated its operands would double at every level. So a number that is not finite becomes null
by way of `% inf`, which leaves every finite number as it is, and whole numbers are computed as decimals, from which a
cast back gives null beyond 64 bits.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Final

from daft import DataType, Expression, col, lit
from daft import functions as daft

from workers.contracts.expressions.patterns import Pattern
from workers.contracts.expressions.spelling import spelled
from workers.contracts.expressions.texts import BLANKS_CLASS
from workers.contracts.expressions.typed import Typed
from workers.runtime.cleaning.batches import DAFT_TYPES
from workers.runtime.expressions.folding import folded
from workers.runtime.number_text import NUMBER

_FLOAT, _INT = DAFT_TYPES["float64"], DAFT_TYPES["int64"]
_EXACT: Final = DataType.decimal128(19, 0)


def to_daft(found: Typed) -> Expression:
    """The expression over the columns of a frame; a missing value is null, and never NaN.

    Raises:
        ValueError: a type is not known.
    """
    return _translated(folded(found))  # Daft's optimiser panics at some expressions that are constant in part


def _translated(found: Typed) -> Expression:
    if found.type not in DAFT_TYPES:
        raise ValueError(f"an expression of type {found.type}")
    if found.operation == "column":
        return _column(str(found.value), found.type)
    if found.operation == "literal":
        value = None if found.value is None else lit(found.value)
        return (lit(None) if value is None else value).cast(DAFT_TYPES[found.type])
    return _OPERATIONS[found.operation](found, *map(_translated, found.arguments))


def _column(name: str, kind: str) -> Expression:
    value = col(name).cast(DAFT_TYPES[kind])
    return _known(value + zero()) if kind == "float64" else value


def zero() -> Expression:
    """Added to -0.0, which to Daft is less than 0.0, it gives 0.0; the optimiser takes a plain `+ 0.0` away."""
    return daft.cbrt(lit(0.0))


def _known(value: Expression) -> Expression:
    """NaN is a missing value."""
    return daft.fill_nan(value, lit(None).cast(_FLOAT))


def _finite(value: Expression) -> Expression:
    return _known((value + zero()) % lit(math.inf))


# Operations -----------------------------------------------------------------------------------------------------


def _arithmetic(exact: Callable[[Expression, Expression], Expression]) -> Callable[..., Expression]:
    def computed(found: Typed, first: Expression, second: Expression) -> Expression:
        if found.type == "int64":
            return daft.try_cast(exact(first.cast(_EXACT), second.cast(_EXACT)), _INT)
        return _finite(exact(first, second))

    return computed


def _floor_divide(found: Typed, first: Expression, second: Expression) -> Expression:
    return _whole_division(found, first, second, operator.floordiv, lambda value: lit(0).cast(_INT) - value)


def _remainder(found: Typed, first: Expression, second: Expression) -> Expression:
    if found.type == "float64":
        return _finite(first % second)
    return _whole_division(found, first, second, operator.mod, lambda value: value - value)


def _whole_division(
    found: Typed,
    first: Expression,
    second: Expression,
    divided: Callable[[Expression, Expression], Expression],
    by_minus_one: Callable[[Expression], Expression],
) -> Expression:
    """Daft panics at a divisor of 0, and at the least number by -1."""
    null, one = lit(None).cast(_INT), lit(1).cast(_INT)
    divisor = found.arguments[1]
    if divisor.operation == "literal" and divisor.value not in (0, -1, None):
        return divided(first, second)
    safe = daft.when((second == lit(0)) | (second == lit(-1)), one).otherwise(second)
    opposite = by_minus_one(daft.when(first == lit(-(2**63)), null).otherwise(first))
    if found.operation == "remainder":
        opposite = by_minus_one(first)
    return daft.when(second == lit(0), null).when(second == lit(-1), opposite).otherwise(divided(first, safe))


def _negate(found: Typed, value: Expression) -> Expression:
    if found.type == "int64":
        return daft.try_cast(lit(0).cast(_EXACT) - value.cast(_EXACT), _INT)
    return _finite(lit(0.0) - value)


def _abs(found: Typed, value: Expression) -> Expression:
    if found.type == "int64":
        return daft.when(value < lit(0), _negate(found, value)).otherwise(value)
    return _finite(daft.abs(value))


def _round(found: Typed, value: Expression) -> Expression:
    scale = 10.0 ** (found.settings[0] if found.settings else 0)
    return _finite(daft.round(value * lit(scale)) / lit(scale)) if found.settings else _finite(daft.round(value))


def _number(function: Callable[[Expression], Expression]) -> Callable[..., Expression]:
    return lambda _found, value: _finite(function(value))


def _plain(function: Callable[..., Expression]) -> Callable[..., Expression]:
    return lambda _found, *values: function(*values)


def _choice(_found: Typed, condition: Expression, first: Expression, second: Expression) -> Expression:
    return daft.when(condition.fill_null(False), first).otherwise(second)  # to Daft a null there makes all null


def _extreme(before: Callable[[Expression, Expression], Expression]) -> Callable[..., Expression]:
    """Not `columns_min`: of several columns it passes over what is written out, and knows no text."""

    def of_two(first: Expression, second: Expression) -> Expression:
        better = (first.is_null() | before(second, first)).fill_null(False)
        return daft.when(better, second).otherwise(first)

    def of_all(values: Sequence[Expression]) -> Expression:
        middle = len(values) // 2  # halves, so that operands are repeated as little as can be
        return of_two(of_all(values[:middle]), of_all(values[middle:])) if middle else values[0]

    return lambda _found, *values: of_all(values)


def _lower(_found: Typed, value: Expression) -> Expression:
    return daft.lower(daft.replace(value, lit("Σ"), lit("σ")))  # at the end of a word it would become another letter


def _trimmed(value: Expression) -> Expression:
    return daft.regexp_replace(value, f"^{BLANKS_CLASS}+|{BLANKS_CLASS}+$", "")


def _substring(found: Typed, value: Expression) -> Expression:
    start, count = found.settings
    # Where nothing is left Daft gives null
    part = daft.coalesce(daft.substr(value, start - 1, count), lit(""))
    return daft.when(~value.is_null(), part)


def _replace(found: Typed, value: Expression) -> Expression:
    return daft.replace(value, lit(found.settings[0]), lit(found.settings[1]))


def _matches(found: Typed, value: Expression) -> Expression:
    pattern: Pattern = found.settings[0]
    return daft.regexp(value, spelled(pattern))


def _weekday(_found: Typed, value: Expression) -> Expression:
    return daft.day_of_week(value).cast(_INT) + lit(1).cast(_INT)


def _part(function: Callable[[Expression], Expression]) -> Callable[..., Expression]:
    return lambda _found, value: function(value).cast(_INT)


def _days_between(_found: Typed, first: Expression, second: Expression) -> Expression:
    return second.cast(_INT) - first.cast(_INT)


def _seconds_between(_found: Typed, first: Expression, second: Expression) -> Expression:
    return _finite((second.cast(_INT) - first.cast(_INT)).cast(_FLOAT) / lit(1e6))


def _to_number(found: Typed, value: Expression) -> Expression:
    if found.arguments[0].type == "bool":
        return value.cast(_FLOAT)
    trimmed = _trimmed(value)
    return _finite(daft.when(daft.regexp(trimmed, NUMBER), trimmed).cast(_FLOAT))


def _to_text(found: Typed, value: Expression) -> Expression:
    if found.arguments[0].type == "date":
        return daft.strftime(value, "%Y-%m-%d")
    return value.cast(DAFT_TYPES["string"])


def _all(joint: Callable[[Expression, Expression], Expression]) -> Callable[..., Expression]:
    return lambda _found, *flags: functools.reduce(joint, flags)


_OPERATIONS: Final[dict[str, Callable[..., Expression]]] = {
    "to_float": lambda _found, value: value.cast(_FLOAT),
    "negate": _negate,
    "add": _arithmetic(operator.add),
    "subtract": _arithmetic(operator.sub),
    "multiply": _arithmetic(operator.mul),
    "divide": _arithmetic(operator.truediv),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "equal": _plain(operator.eq),
    "less": _plain(operator.lt),
    "less_equal": _plain(operator.le),
    "and": _all(operator.and_),
    "or": _all(operator.or_),
    "not": _plain(operator.invert),
    "is_null": _plain(Expression.is_null),
    "if": _choice,
    "coalesce": _plain(daft.coalesce),
    "least": _extreme(operator.lt),
    "greatest": _extreme(operator.gt),
    "abs": _abs,
    "round": _round,
    "floor": _number(daft.floor),
    "ceil": _number(daft.ceil),
    "sqrt": _number(daft.sqrt),
    "exp": _number(daft.exp),
    "log": _number(daft.ln),
    "lower": _lower,
    "upper": _plain(daft.upper),
    "trim": _plain(_trimmed),
    "length": lambda _found, value: daft.length(value).cast(_INT),
    "substring": _substring,
    "replace": _replace,
    "concat": _all(operator.add),
    "contains": _plain(daft.contains),
    "starts_with": _plain(daft.startswith),
    "ends_with": _plain(daft.endswith),
    "matches": _matches,
    "year": _part(daft.year),
    "month": _part(daft.month),
    "day": _part(daft.day),
    "weekday": _weekday,
    "hour": _part(daft.hour),
    "minute": _part(daft.minute),
    "days_between": _days_between,
    "seconds_between": _seconds_between,
    "date": lambda _found, value: value.cast(DAFT_TYPES["date"]),
    "number": _to_number,
    "text": _to_text,
}
