"""Expressions and tables that hypothesis makes: all operations of the grammar, values that engines differ on."""

from __future__ import annotations

import functools
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

TYPES = {
    **dict.fromkeys(("i", "j"), "int64"),
    **dict.fromkeys(("x", "y"), "float64"),
    **dict.fromkeys(("s", "u"), "string"),
    **dict.fromkeys(("f", "g"), "bool"),
    **dict.fromkeys(("d", "e"), "date"),
    **dict.fromkeys(("t", "w"), "timestamp"),
}
_INTEGERS = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**63 - 1, -(2**63), 2**62, 2**53 + 1, 3037000500, -3037000500, 10**18]),
    st.integers(-(2**63), 2**63 - 1),
)
_FLOATS = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 1e308, -1e308, 5e-324, 2.675, 1e15 + 0.5]
    ),
    st.floats(-10, 10),
    st.floats(),
)
_TEXTS = st.one_of(
    st.text("aAbBßΣσςİıéÉ中 \t\n\u3000\u00a0'\"\\%_$.-+19eE😀ﬁ", max_size=8),
    st.sampled_from(["12", " 1.5 ", "-1e3", "1e999", "+.5", "1.", "0x1", "inf", "nan", "1_000", "00012"]),
)
_DATES = st.one_of(
    st.dates(), st.sampled_from([date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31), date(2024, 2, 29)])
)
_TIMESTAMPS = st.one_of(
    st.datetimes().map(lambda value: value.replace(fold=0)),
    st.sampled_from([datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1, 1, 1)]),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int64": _INTEGERS,
    "float64": _FLOATS,
    "string": _TEXTS,
    "bool": st.booleans(),
    "date": _DATES,
    "timestamp": _TIMESTAMPS,
}
ROWS_MOST = 6


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Columns of `TYPES`, of up to six rows, a fifth of the values missing."""
    count = draw(st.integers(0, ROWS_MOST))
    column = {
        kind: st.lists(st.one_of(*[each] * 4, st.none()), min_size=count, max_size=count)
        for kind, each in VALUES.items()
    }
    return {name: draw(column[kind]) for name, kind in TYPES.items()}


# Expressions, as text ---------------------------------------------------------------------------------------------

Texts = st.SearchStrategy[str]
PATTERNS = [r"^a", r"[^a]$", r"\\d+", r"\\w\\s", ".", "^$", "a|b", "(ab){2,}", "[0-9A-Z]+", "ß", r"\\."]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_WRITTEN: dict[str, Texts] = {
    "int64": _INTEGERS.map(str),
    "float64": st.one_of(st.floats(-10, 10), st.floats(allow_nan=False, allow_infinity=False)).map(repr),
    "string": _TEXTS.map(_quoted),
    "bool": st.sampled_from(["true", "false"]),
    "date": _DATES.map(lambda value: f"date('{value.isoformat()}')"),
    "timestamp": _TIMESTAMPS.map(lambda value: f"timestamp('{value.isoformat()}')"),
}
_SAME = [
    "coalesce({0}, {0})",
    "if({bool}, {0}, {0})",
    "if({bool}, null, {0})",
    "least({0}, {0})",
    "greatest({0}, {0}, {0})",
]
_ORDERED = [f"{{0}} {sign} {{0}}" for sign in ("=", "!=", "<", "<=", ">", ">=")]
_TEMPLATES: dict[str, list[str]] = {
    "int64": [
        *("{int64} + {int64}", "{int64} - {int64}", "{int64} * {int64}", "{int64} // {int64}", "{int64} % {int64}"),
        *("-{int64}", "abs({int64})", "length({string})", "year({date})", "month({timestamp})", "day({date})"),
        *("weekday({date})", "weekday({timestamp})", "hour({timestamp})", "minute({timestamp})"),
        "days_between({date}, {date})",
        "round({int64}, 3)",
    ],
    "float64": [
        *("{float64} + {int64}", "{float64} - {float64}", "{float64} * {float64}", "{int64} / {int64}"),
        *("{float64} / {float64}", "{float64} % {float64}", "-{float64}", "abs({float64})", "round({float64})"),
        *("round({float64}, 2)", "floor({float64})", "ceil({float64})", "sqrt({float64})", "exp({float64})"),
        *("log({float64})", "number({string})", "number({bool})", "seconds_between({timestamp}, {timestamp})"),
    ],
    "string": [
        *("lower({string})", "upper({string})", "trim({string})", "substring({string}, 2, 3)"),
        *("substring({string}, 1, 0)", "replace({string}, 'a', '$1')", "replace({string}, '1', '')"),
        *("concat({string}, {string})", "text({int64})", "text({bool})", "text({date})"),
    ],
    "bool": [
        *("{bool} and {bool}", "{bool} or {bool} or {bool}", "not {bool}", "{bool} = {bool}", "{bool} != {bool}"),
        *("{int64} is null", "{float64} is not null", "{string} is null", "{date} is null"),
        *(each.replace("{0}", f"{{{kind}}}") for kind in VALUES if kind != "bool" for each in _ORDERED),
        *("{int64} < {float64}", "{float64} in ({float64}, 1, null)", "{string} not in ({string}, 'a')"),
        *("{float64} between {float64} and {int64}", "{date} not between {date} and {date}"),
        *("contains({string}, {string})", "starts_with({string}, {string})", "ends_with({string}, 'a')"),
        *(f"matches({{string}}, '{each}')".replace("\\\\", "\\") for each in PATTERNS if "{" not in each),
    ],
    "date": ["date({timestamp})", "date({date})"],
    "timestamp": [],
}


@functools.cache
def expressions(kind: str, depth: int) -> Texts:
    """Text of an expression of that type."""
    columns = st.sampled_from([name for name, each in TYPES.items() if each == kind])
    if depth == 0:
        return st.one_of(columns, columns, _WRITTEN[kind])
    below = {each: expressions(each, depth - 1) for each in VALUES}
    templates = [*_TEMPLATES[kind], *(each.replace("{0}", f"{{{kind}}}") for each in _SAME)]
    if kind == "bool":
        templates = [each for each in templates if not each.startswith(("least", "greatest"))]
    return st.one_of(columns, st.sampled_from(templates).flatmap(lambda template: _filled(template, below)))


@st.composite
def _filled(draw: st.DrawFn, template: str, below: dict[str, Texts]) -> str:
    """Each place of the template by an expression of its type, in brackets."""
    text = template
    for kind, inner in below.items():
        while f"{{{kind}}}" in text:
            text = text.replace(f"{{{kind}}}", f"({draw(inner)})".replace("{", "\0"), 1)
    return text.replace("\0", "{")


def any_expression(depth: int = 3) -> Texts:
    return st.sampled_from(sorted(VALUES)).flatmap(lambda kind: expressions(kind, depth))
