"""Expectations over tables: held against plain statements of what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.contracts.expectations import normalised
from workers.runtime.cleaning.quality import counting, evaluate
from workers.runtime.cleaning.quality.rules import Rule
from workers.runtime.cleaning.quality.table import Table
from workers.runtime.cleaning.schema import Column, quoted

NOW = datetime(2026, 5, 5, 12)
ARROW = {
    "int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "bool": pa.bool_(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}  # fmt: skip
Columns = dict[str, tuple[str, Sequence[Any]]]


def table_of(columns: Columns, references: dict[str, Columns] | None = None) -> Table:
    connection = duckdb.connect()
    count = len(next(iter(columns.values()))[1])
    _register(connection, "data", columns)
    for name, other in (references or {}).items():
        _register(connection, name, other)
    named = [Column(name, kind) for name, (kind, _) in columns.items()]
    known = {name: quoted(name) for name in references or {}}
    return Table(connection, "data", named, count, NOW, NOW - timedelta(hours=1), known)


def _register(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    arrays = {key: pa.array(values, ARROW[kind]) for key, (kind, values) in columns.items()}
    ordinals = pa.array(range(len(next(iter(arrays.values())))), pa.int64())
    connection.register(name, pa.table({"__ordinal": ordinals, **arrays}))


def rule(kind: str, /, *, id: str = "", input: str | None = None, is_optional: bool = False, **parameters: Any) -> Rule:
    return Rule(id or kind, 1, kind, normalised(kind, parameters), input, is_optional)


def one(table: Table, kind: str, /, **parameters: Any) -> dict[str, Any]:
    return evaluate(table, [rule(kind, **parameters)])[0]


def counts(result: dict[str, Any]) -> tuple[str, int, int, list[int]]:
    return (
        result["outcome"], result["rows_checked"], result["rows_failed"],
        [example["ordinal"] for example in result["examples"]],
    )  # fmt: skip


NAN = float("nan")
PEOPLE: Columns = {
    "id": ("int64", [1, 2, 2, None, 5, 2]),
    "age": ("int64", [10, 20, 30, None, 200, -1]),
    "score": ("float64", [0.5, NAN, None, 2.0, float("inf"), 1.0]),
    "name": ("string", ["ada", "bob", None, "x1", "ada", ""]),
    "on": ("date", [date(2026, 1, 1), date(2026, 5, 4), None, None, date(2025, 1, 1), date(2026, 2, 2)]),
    "ok": ("bool", [True, False, None, True, True, False]),
}


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("not_null", {"column": "age"}, ("failed", 6, 1, [3])),
        ("not_null", {"column": "score"}, ("failed", 6, 3, [1, 2, 4])),
        ("not_null", {"column": "age", "mostly": 0.8}, ("passed", 6, 1, [3])),
        ("unique", {"columns": ["id"]}, ("failed", 5, 2, [5])),
        ("unique", {"columns": ["id", "name"]}, ("passed", 4, 0, [])),
        ("unique", {"columns": ["ok"], "mostly": 0.4}, ("passed", 5, 3, [4, 5])),
        ("between", {"column": "age", "minimum": 0, "maximum": 120}, ("failed", 5, 2, [4, 5])),
        ("between", {"column": "age", "minimum": -1.5}, ("passed", 5, 0, [])),
        ("between", {"column": "score", "maximum": 1}, ("failed", 3, 1, [3])),
        ("between", {"column": "on", "minimum": "2026-01-01"}, ("failed", 4, 1, [4])),
        ("in_set", {"column": "name", "values": ["ada", "bob"]}, ("failed", 5, 2, [3, 5])),
        ("in_set", {"column": "ok", "values": [True]}, ("failed", 5, 2, [1, 5])),
        ("in_set", {"column": "age", "values": [10, 20, 30, 200, -1]}, ("passed", 5, 0, [])),
        ("matches", {"column": "name", "pattern": "^[a-z]+$"}, ("failed", 5, 2, [3, 5])),
        ("matches", {"column": "name", "pattern": "a"}, ("failed", 5, 3, [1, 3, 5])),
        ("custom", {"expression": "age > 0 and score > 0"}, ("failed", 3, 1, [5])),
        ("custom", {"expression": "name is null or length(name) > 0"}, ("failed", 6, 1, [5])),
    ],
)
def test_rows_are_counted_and_shown(kind: str, parameters: dict[str, Any], expected: Any) -> None:
    result = one(table_of(PEOPLE), kind, **parameters)
    assert result["problem"] is None
    assert counts(result) == expected
    checked, failed = expected[1:3]
    assert result["ratio"] == pytest.approx((checked - failed) / checked)


def test_examples_hold_the_values_of_the_columns_that_it_is_about() -> None:
    table = table_of(PEOPLE)
    assert one(table, "custom", expression="age > 0 and ok")["examples"] == [
        {"ordinal": 1, "values": {"age": 20, "ok": False}},
        {"ordinal": 5, "values": {"age": -1, "ok": False}},
    ]
    assert one(table, "unique", columns=["id"])["examples"] == [{"ordinal": 5, "rows": 3, "values": {"id": 2}}]


@pytest.mark.parametrize(
    ("kind", "parameters", "outcome", "observed"),
    [
        ("type", {"column": "age", "type": "int64"}, "passed", {"type": "int64"}),
        ("type", {"column": "age", "type": "float64"}, "failed", {"type": "int64"}),
        ("row_count", {"minimum": 6, "maximum": 6}, "passed", {"rows": 6}),
        ("row_count", {"minimum": 7}, "failed", {"rows": 6}),
        ("row_count", {"maximum": 5}, "failed", {"rows": 6}),
        ("freshness", {"column": "on", "hours": 36}, "passed", {"newest": "2026-05-04T00:00:00", "age_hours": 36}),
        ("freshness", {"column": "on", "hours": 35.9}, "failed", {"newest": "2026-05-04T00:00:00", "age_hours": 36}),
        ("freshness", {"hours": 1}, "passed", {"newest": "2026-05-05T11:00:00", "age_hours": 1}),
        ("freshness", {"hours": 0.5}, "failed", {"newest": "2026-05-05T11:00:00", "age_hours": 1}),
    ],
)
def test_the_whole_is_measured(kind: str, parameters: dict[str, Any], outcome: str, observed: dict[str, Any]) -> None:
    result = one(table_of(PEOPLE), kind, **parameters)
    assert (result["outcome"], result["observed"], result["rows_failed"]) == (outcome, observed, None)


def test_keys_are_looked_up_in_the_other_version() -> None:
    other: Columns = {"key": ("int64", [1, 2, 2]), "word": ("string", ["ada", None, "bob"])}
    table = table_of(PEOPLE, {"reference-1": other})
    wanted = {"dataset": "d", "input": "reference-1"}
    assert counts(one(table, "foreign_key", column="id", target="key", **wanted)) == ("failed", 5, 1, [4])
    found = one(table, "foreign_key", column="name", target="word", mostly=0.6, **wanted)
    assert counts(found) == ("passed", 5, 2, [3, 5])
    lost = one(table, "foreign_key", column="id", target="gone", **wanted)
    assert (lost["outcome"], lost["problem"]["code"]) == ("error", "no_target")
    nothing = one(table, "foreign_key", column="id", target="key", dataset="d")
    assert (nothing["outcome"], nothing["problem"]["code"]) == ("error", "no_reference")


def test_a_shifted_column_is_named() -> None:
    same, moved = list(range(1000)), [one + 800 for one in range(1000)]
    table = table_of(
        {"a": ("int64", same), "b": ("int64", moved)},
        {"reference-1": {"a": ("int64", same), "b": ("int64", same)}},
    )
    both = one(table, "distribution", input="reference-1")
    assert both["outcome"] == "failed"
    assert (both["observed"]["compared"], both["observed"]["beyond"]) == (2, 1)
    assert both["observed"]["columns"][0]["column"] == "b"
    assert one(table, "distribution", columns=["a"], input="reference-1")["outcome"] == "passed"
    ks = one(table, "distribution", columns=["b"], psi_most=None, ks_most=0.9, input="reference-1")
    assert (ks["outcome"], ks["observed"]["columns"][0]["ks"]) == ("passed", 0.8)
    assert one(table, "distribution", is_optional=True)["outcome"] == "skipped"


def test_what_does_not_fit_any_more_is_an_error_of_that_rule_alone() -> None:
    rules = [
        rule("not_null", column="gone", id="a"),
        rule("matches", column="age", pattern="x", id="b"),
        rule("custom", expression="age + 1", id="c"),
        rule("not_null", column="id", id="d"),
    ]
    rules[2] = Rule("c", 3, "custom", {"expression": "nobody > 1", "mostly": 1})
    found = evaluate(table_of(PEOPLE), rules)
    assert [one["outcome"] for one in found] == ["error", "error", "error", "failed"]
    assert [one["problem"] and one["problem"]["code"] for one in found] == [*["does_not_fit"] * 3, None]
    assert (found[2]["revision"], found[3]["rows_failed"]) == (3, 1)


def test_a_rule_that_the_engine_refuses_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    real = counting.fails
    monkeypatch.setattr(counting, "fails", lambda rule, types: "no_such()" if rule.id == "bad" else real(rule, types))
    found = evaluate(
        table_of(PEOPLE), [rule("not_null", column="id", id="bad"), rule("not_null", column="age", id="good")]
    )
    assert [one["outcome"] for one in found] == ["error", "failed"]
    assert found[0]["problem"]["code"] == "not_evaluated"
    assert found[1]["rows_failed"] == 1


def test_there_are_never_more_than_twenty_examples_and_they_fit_into_a_result() -> None:
    table = table_of({"text": ("string", ["x" * 5000 + str(n) for n in range(100)])})
    rules = [rule("matches", column="text", pattern=f"^{n}$", id=str(n)) for n in range(150)]
    found = evaluate(table, rules)
    assert [one["rows_failed"] for one in found] == [100] * 150
    assert {len(one["examples"]) for one in found} == {5}
    assert len(evaluate(table, rules[:1])[0]["examples"]) == 20


@pytest.mark.parametrize("values", [[], [None, None], [7]])
def test_small_tables(values: list[Any]) -> None:
    table = table_of({"n": ("int64", values), "t": ("string", [None if one is None else str(one) for one in values])})
    rules = [
        rule("between", column="n", minimum=0, id="a"), rule("unique", columns=["n", "t"], id="b"),
        rule("matches", column="t", pattern="7", id="c"), rule("custom", expression="n = 7", id="d"),
    ]  # fmt: skip
    found = evaluate(table, rules)
    assert {one["outcome"] for one in found} == {"passed"}
    present = sum(one is not None for one in values)
    assert [one["rows_checked"] for one in found] == [present] * 4
    assert {one["ratio"] for one in found} == {1 if present else None}


cells = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-3, 3)),
        st.one_of(st.none(), st.text("ab1", max_size=2)),
        st.one_of(st.none(), st.floats(-2, 2), st.just(NAN)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(cells, st.integers(-2, 2), st.integers(0, 2), st.sampled_from([0.5, 0.9, 1]))
def test_all_at_once_are_what_each_is_alone(rows: list[Any], low: int, more: int, mostly: float) -> None:
    numbers, texts, floats = ([row[place] for row in rows] for place in range(3))
    table = table_of({"n": ("int64", numbers), "t": ("string", texts), "f": ("float64", floats)})
    high = low + more
    wanted = {
        "not_null": (rule("not_null", column="f", mostly=mostly), [one is None or one != one for one in floats]),
        "between": (
            rule("between", column="n", minimum=low, maximum=high, mostly=mostly),
            [None if one is None else not low <= one <= high for one in numbers],
        ),
        "matches": (
            rule("matches", column="t", pattern="^[ab]*$", mostly=mostly),
            [None if one is None else re.search("^[ab]*$", one) is None for one in texts],
        ),
        "in_set": (
            rule("in_set", column="t", values=["a", "b1"], mostly=mostly),
            [None if one is None else one not in ("a", "b1") for one in texts],
        ),
        "unique": (
            rule("unique", columns=["n", "t"], mostly=mostly),
            [None if None in row[:2] else row[:2] in [r[:2] for r in rows[:at]] for at, row in enumerate(rows)],
        ),
    }
    for result in evaluate(table, [each for each, _ in wanted.values()]):
        flags = wanted[result["expectation"]][1]
        checked, failed = sum(flag is not None for flag in flags), sum(flag is True for flag in flags)
        assert (result["rows_checked"], result["rows_failed"]) == (checked, failed)
        fine = failed == 0 or (checked - failed) / checked >= mostly
        assert result["outcome"] == ("passed" if fine else "failed")
        if result["expectation"] != "unique":
            assert [example["ordinal"] for example in result["examples"]] == [
                at for at, flag in enumerate(flags) if flag
            ]
