"""Checked expressions for DuckDB, as SQL that stands where a value may stand.

An operand that an operation names twice is written twice only while it is short; a long one goes through a lambda, so
that the SQL does not double at every level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workers.contracts.expressions.spelling import spelled
from workers.contracts.expressions.texts import BLANKS, LONG_CAPITALS
from workers.contracts.expressions.typed import Typed
from workers.runtime.cleaning.schema import SQL_TYPES, literal, quoted
from workers.runtime.number_text import NUMBER

SHORT: Final = 200
"""Characters of an operand that may be repeated."""


def to_sql(found: Typed) -> str:
    """SQL over the columns of a table; a missing value is NULL, and never NaN.

    Raises:
        ValueError: a type is not known.
    """
    if found.type not in SQL_TYPES:
        raise ValueError(f"an expression of type {found.type}")
    if found.operation == "column":
        return _column(quoted(str(found.value)), found.type)
    if found.operation == "literal":
        text = "NULL" if found.value is None else literal(_written(found.value))
        return f"CAST({text} AS {SQL_TYPES[found.type]})"
    return _OPERATIONS[found.operation](found, *map(to_sql, found.arguments))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)


def _column(name: str, kind: str) -> str:
    value = f"CAST({name} AS {SQL_TYPES[kind]})"
    return f"CASE WHEN NOT isnan({value}) THEN {value} + 0.0::DOUBLE END" if kind == "float64" else value


def _once(value: str, body: Callable[[str], str]) -> str:
    """SQL that names a value several times."""
    if len(value) <= SHORT:
        return f"({body(value)})"
    return f"list_transform([{value}], lambda v: {body('v')})[1]"


def _finite(value: str) -> str:
    return _once(value, lambda v: f"CASE WHEN isfinite({v}) THEN {v} + 0.0::DOUBLE END")


# Operations -----------------------------------------------------------------------------------------------------


def _arithmetic(sign: str) -> Callable[..., str]:
    def computed(found: Typed, first: str, second: str) -> str:
        if found.type == "int64":
            whole = f"({first})::HUGEINT {sign} ({second})::HUGEINT"
            return f"TRY_CAST({f'TRY({whole})' if sign in '//%' else f'({whole})'} AS BIGINT)"  # a divisor of zero
        return _finite(f"(({first}) {sign} ({second}))")

    return computed


def _negate(found: Typed, value: str) -> str:
    return f"TRY_CAST((-(({value})::HUGEINT)) AS BIGINT)" if found.type == "int64" else _finite(f"(-({value}))")


def _abs(found: Typed, value: str) -> str:
    return f"TRY_CAST(abs(({value})::HUGEINT) AS BIGINT)" if found.type == "int64" else _finite(f"abs({value})")


def _round(found: Typed, value: str) -> str:
    if not found.settings:
        return _finite(f"round({value})")
    scale = f"1e{found.settings[0]}::DOUBLE"
    return _finite(f"(round(({value}) * {scale}) / {scale})")


def _number(function: str) -> Callable[..., str]:
    return lambda _found, value: _finite(f"TRY({function}({value}))")


def _joined(sign: str) -> Callable[..., str]:
    return lambda _found, *values: f"({f' {sign} '.join(f'({value})' for value in values)})"


def _called(function: str) -> Callable[..., str]:
    return lambda _found, *values: f"{function}({', '.join(values)})"


def _choice(_found: Typed, condition: str, first: str, second: str) -> str:
    return f"(CASE WHEN {condition} THEN {first} ELSE {second} END)"


def _lower(_found: Typed, value: str) -> str:
    return f"lower(replace({value}, 'İ', 'i̇'))"


def _upper(_found: Typed, value: str) -> str:
    rare = "".join(LONG_CAPITALS)

    def body(v: str) -> str:
        changed = v
        for letter, capitals in LONG_CAPITALS.items():
            changed = f"replace({changed}, '{letter}', '{capitals}')"
        return f"CASE WHEN regexp_matches({v}, '[{rare}]') THEN upper({changed}) ELSE upper({v}) END"

    return _once(value, body)


def _trimmed(value: str) -> str:
    return f"trim({value}, {literal(BLANKS)})"


def _substring(found: Typed, value: str) -> str:
    start, count = found.settings
    return f"substring({value}, {start}, {count})"


def _replace(found: Typed, value: str) -> str:
    return f"replace({value}, {literal(found.settings[0])}, {literal(found.settings[1])})"


def _matches(found: Typed, value: str) -> str:
    return f"regexp_matches({value}, {literal(spelled(found.settings[0]))})"


def _seconds_between(_found: Typed, first: str, second: str) -> str:
    return f"((epoch_us({second}) - epoch_us({first}))::DOUBLE / 1e6::DOUBLE)"


def _to_number(found: Typed, value: str) -> str:
    if found.arguments[0].type == "bool":
        return f"CAST({value} AS DOUBLE)"
    spelling = literal(NUMBER)
    number = _once(
        _trimmed(value), lambda v: f"CASE WHEN regexp_matches({v}, {spelling}) THEN TRY_CAST({v} AS DOUBLE) END"
    )
    return _finite(number)


def _to_text(found: Typed, value: str) -> str:
    date = found.arguments[0].type == "date"
    return f"strftime({value}, '%Y-%m-%d')" if date else f"CAST({value} AS VARCHAR)"


_OPERATIONS: Final[dict[str, Callable[..., str]]] = {
    "to_float": lambda _found, value: f"CAST({value} AS DOUBLE)",
    "negate": _negate,
    "add": _arithmetic("+"),
    "subtract": _arithmetic("-"),
    "multiply": _arithmetic("*"),
    "divide": _arithmetic("/"),
    "floor_divide": _arithmetic("//"),
    "remainder": _arithmetic("%"),
    "equal": _joined("="),
    "less": _joined("<"),
    "less_equal": _joined("<="),
    "and": _joined("AND"),
    "or": _joined("OR"),
    "not": lambda _found, value: f"(NOT ({value}))",
    "is_null": lambda _found, value: f"(({value}) IS NULL)",
    "if": _choice,
    "coalesce": _called("coalesce"),
    "least": _called("least"),
    "greatest": _called("greatest"),
    "abs": _abs,
    "round": _round,
    "floor": _number("floor"),
    "ceil": _number("ceil"),
    "sqrt": _number("sqrt"),
    "exp": _number("exp"),
    "log": _number("ln"),
    "lower": _lower,
    "upper": _upper,
    "trim": lambda _found, value: _trimmed(value),
    "length": _called("length"),
    "substring": _substring,
    "replace": _replace,
    "concat": _joined("||"),
    "contains": _called("contains"),
    "starts_with": _called("starts_with"),
    "ends_with": _called("ends_with"),
    "matches": _matches,
    "year": _called("year"),
    "month": _called("month"),
    "day": _called("day"),
    "weekday": _called("isodow"),
    "hour": _called("hour"),
    "minute": _called("minute"),
    "days_between": lambda _found, first, second: f"datediff('day', {first}, {second})",
    "seconds_between": _seconds_between,
    "date": lambda _found, value: f"CAST({value} AS DATE)",
    "number": _to_number,
    "text": _to_text,
}
