"""One expression, three engines: Daft, DuckDB, and NumPy where a model is served. They mean the same."""

from __future__ import annotations

import math
from typing import Any

import daft
import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.contracts.expressions.test_patterns import PATTERNS
from tests.workers.runtime.expressions.made import TYPES, any_expression, tables
from workers.contracts.expressions import Typed, expression
from workers.runtime.cleaning.expression_daft import to_daft
from workers.runtime.cleaning.expression_sql import to_sql
from workers.runtime.expressions import Cells, evaluate

ARROW = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
Table = dict[str, list[Any]]
Found = list[list[Any]]


def arrow(table: Table) -> pa.Table:
    return pa.table({name: pa.array(values, ARROW[TYPES[name]]) for name, values in table.items()})


def by_daft(found: list[Typed], table: Table) -> Found:
    frame = daft.from_arrow(arrow(table))
    made = frame.select(*(to_daft(each).alias(str(place)) for place, each in enumerate(found))).to_arrow()
    return [column.to_pylist() for column in made.columns]


def by_duckdb(found: list[Typed], table: Table) -> Found:
    with duckdb.connect() as connection:
        connection.register("rows", arrow(table))
        rows = connection.execute(f"SELECT {', '.join(map(to_sql, found))} FROM rows").fetchall()
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in found]


def by_records(found: list[Typed], table: Table) -> Found:
    cells = {name: Cells.of(values, TYPES[name]) for name, values in table.items()}
    return [evaluate(each, cells, len(table["i"])).to_list() for each in found]


def same(first: Any, second: Any) -> bool:
    """Equal and of one type; -0.0 is not 0.0."""
    return type(first) is type(second) and repr(first) == repr(second)


@settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), st.lists(any_expression(), min_size=1, max_size=6))
def test_all_engines_agree(table: Table, texts: list[str]) -> None:
    found = [expression(text, TYPES) for text in texts]
    engines = [engine(found, table) for engine in (by_daft, by_duckdb, by_records)]

    for text, kind, *columns in zip(texts, (each.type for each in found), *engines, strict=True):
        for row, (one, other, third) in enumerate(zip(*columns, strict=True)):
            assert same(one, other), f"row {row} of {text}: Daft {one!r}, DuckDB {other!r}"
            assert same(one, third), f"row {row} of {text}: Daft {one!r}, records {third!r}"
            assert one is None or kind != "float64" or not math.isnan(one)


@settings(max_examples=15, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=6), st.lists(st.text("ab1.\né", max_size=6), min_size=1, max_size=6))
def test_patterns_are_found_alike(patterns: list[str], subjects: list[str]) -> None:
    found = [expression(f"matches(s, '{each}')", TYPES) for each in patterns]
    table: Table = {name: [None] * len(subjects) for name in TYPES} | {"s": list(subjects)}

    assert by_daft(found, table) == by_duckdb(found, table) == by_records(found, table)


def test_the_largest_pattern_fits_every_engine() -> None:
    found = [expression(f"matches(s, '{pattern}')", TYPES) for pattern in ("^[^a]{900}$", r"(\W\d?){240}")]
    table: Table = {name: [None] for name in TYPES} | {"s": ["中" * 900]}

    assert by_daft(found, table) == by_duckdb(found, table) == by_records(found, table) == [[True], [True]]


def test_every_letter_has_one_small_and_one_capital_form() -> None:
    # Letters that Unicode got after 14.0 (2021) an older library does not know.
    new = {0x19B, 0x264, *range(0x1C89, 0x1C8B), *range(0xA7CB, 0xA7DD)}
    codes = [*range(1, 0x2FFF), *range(0xA640, 0xABC0), *range(0xFB00, 0xFB18), *range(0x10400, 0x104FC), 0x1E900]
    letters = [chr(code) for code in codes if code not in new]
    table: Table = {name: [None] * len(letters) for name in TYPES} | {"s": letters}
    found = [expression(f"{name}(s)", TYPES) for name in ("lower", "upper", "length")]

    assert by_daft(found, table) == by_duckdb(found, table) == by_records(found, table)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0", None),
        ("1 // 0", None),
        ("1 % 0", None),
        ("0.0 % 0.0", None),
        ("-7 // 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("-7.5 % 2", -1.5),
        ("9223372036854775807 + 1", None),
        ("-9223372036854775808 // -1", None),
        ("-9223372036854775808 % -1", 0),
        ("-(-9223372036854775808)", None),
        ("9223372036854775807 - 1", 9223372036854775806),
        ("1e308 * 10", None),
        ("sqrt(-1)", None),
        ("log(0)", None),
        ("-0.0", 0.0),
        ("0 * -1.5", 0.0),
        ("round(-2.5)", -3.0),
        ("round(2.675, 2)", 2.68),
        ("null is null or 1 / 0 = 1", True),
        ("1 / 0 = 1 and false", False),
        ("1 / 0 = 1 and true", None),
        ("2 in (1, null)", None),
        ("2 in (2, null)", True),
        ("'Z' < 'a'", True),
        ("'a' = 'A'", False),
        ("upper('straße')", "STRASSE"),
        ("lower('ΟΔΟΣ')", "οδοσ"),
        ("length('😀中')", 2),
        ("substring('中文字', 2, 5)", "文字"),
        ("number(' 1.5 ')", 1.5),
        ("number('0x1')", None),
        ("if(1 / 0 = 1, 'yes', 'no')", "no"),
        ("least(3, null, 2)", 2),
        ("weekday(date('2026-11-26'))", 4),
        ("days_between(date('2024-02-28'), date('2024-03-01'))", 2),
        ("matches('a\nb', '^a.b$')", False),
    ],
)
def test_what_it_means(text: str, expected: Any) -> None:
    found = [expression(text, TYPES)]
    table: Table = {name: [None] for name in TYPES}

    for engine in (by_daft, by_duckdb, by_records):
        assert same(engine(found, table)[0][0], expected), engine.__name__
