"""Steps about columns, against plain statements of the same."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied
from workers.runtime.cleaning.errors import RecipeError

FEW = settings(max_examples=12, deadline=None)
DATA = {
    "a": ("int64", [1, None, 3]),
    "b": ("string", ["x", None, "z"]),
    "c": ("bool", [True, False, None]),
    "y": ("string", ["good", "bad", "good"]),
}
LABEL = {"kind": "encode_label", "column": "y", "mapping": {"good": 0, "bad": 1}}


def test_columns_are_kept_renamed_and_put_first() -> None:
    done = applied(
        DATA,
        {"kind": "rename_columns", "columns": {"a": "b", "b": "a", "y": "Y z"}},
        {"kind": "reorder_columns", "columns": ["c", "a"]},
        {"kind": "keep_columns", "columns": ["a", "c"]},
        {**LABEL, "column": "Y z"},
    )

    assert list(done.types) == ["c", "a", "Y z"]
    assert done["a"] == ["x", None, "z"]
    assert done["Y z"] == [0, 1, 0]
    assert done.label == "Y z"


def test_what_is_dropped_is_gone_and_the_rest_as_it_was() -> None:
    done = applied(DATA, {"kind": "drop_columns", "columns": ["a", "y"]})

    assert done.types == {"b": "string", "c": "bool"}
    assert done["c"] == [True, False, None]


def plain_whole(text: str | None) -> int | None:
    """A whole number of 64 bits that a text says."""
    try:
        number = float(text.strip()) if text is not None and text.isascii() and "_" not in text else None
    except ValueError:
        return None
    if number is None or not math.isfinite(number) or any(sign in str(text) for sign in "eE"):
        return None
    return int(number) if number == int(number) and abs(number) < 2**53 else None


texts = st.none() | st.sampled_from(["", "NA", "1e3", "-0", "+7", ".5", "5.", "1_0", "0x1", "٣", "inf", "nan", "1 2"])
numbers = texts | st.integers(-(10**6), 10**6).map(str) | st.floats(-1e6, 1e6).map(lambda each: f" {each:.3f} ")


@FEW
@given(values=st.lists(numbers, max_size=12))
def test_text_becomes_whole_numbers(values: list[str | None]) -> None:
    done = applied({"x": ("string", values)}, {"kind": "cast", "columns": ["x"], "to": "int64"})

    assert done["x"] == [plain_whole(value) for value in values]
    lost = sum(value is not None and plain_whole(value) is None for value in values)
    assert done.entry["cells_changed"] == ({"x": lost} if lost else {})
    assert [each["code"] for each in done.entry["warnings"]] == (["not_converted"] if lost else [])


@FEW
@given(values=st.lists(st.none() | st.floats(-1e17, 1e17) | st.integers(-5, 5).map(float), max_size=12))
def test_numbers_become_whole_numbers_and_back(values: list[float | None]) -> None:
    whole = {"kind": "cast", "columns": ["x"], "to": "int64"}

    expected = [None if value is None or value != math.floor(value) else int(value) for value in values]
    assert applied({"x": ("float64", values)}, whole)["x"] == expected
    back = applied({"x": ("float64", values)}, whole, {"kind": "cast", "columns": ["x"], "to": "float64"})
    assert back["x"] == [None if value is None else float(value) for value in expected]


CASES: list[tuple[str, list[Any], str, list[Any]]] = [
    ("string", ["yes", "F", "1", " True ", "2", "", None], "bool", [True, False, True, True, None, None, None]),
    ("int64", [0, 1, 2, None], "bool", [False, True, None, None]),
    ("bool", [True, False, None], "float64", [1.0, 0.0, None]),
    ("bool", [True, False, None], "string", ["true", "false", None]),
    ("int64", [-5, None], "string", ["-5", None]),
    ("float64", [2.0, 0.5, None], "string", ["2", "0.5", None]),
    ("date", [date(2024, 2, 29), None], "timestamp", [datetime(2024, 2, 29), None]),
    ("timestamp", [datetime(1969, 12, 31, 23, 59), None], "date", [date(1969, 12, 31), None]),
    ("timestamp", [datetime(2024, 2, 29, 5, 6, 7, 500000), None], "string", ["2024-02-29 05:06:07.5", None]),
    ("string", ["2024-02-29", "2023-02-29", "29.2.2024", None], "date", [date(2024, 2, 29), None, None, None]),
    (
        "string",
        ["2024-02-29T05:06+02:00", "2024-02-29 05:06:07.123456Z", "2024-02-29", "x"],
        "timestamp",
        [datetime(2024, 2, 29, 3, 6), datetime(2024, 2, 29, 5, 6, 7, 123456), datetime(2024, 2, 29), None],
    ),
    (
        "string",
        ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "00012"],
        "int64",
        [2**63 - 1, None, -(2**63), None, 12],
    ),
    ("string", [], "int64", []),
    ("string", [None, None], "float64", [None, None]),
]


@pytest.mark.parametrize("kind, values, to, expected", CASES)
def test_a_type_becomes_another(kind: str, values: list[Any], to: str, expected: list[Any]) -> None:
    exact = to != "int64" or all(value is None or abs(value) < 2**53 for value in expected)
    step = {"kind": "cast", "columns": ["x"], "to": to}
    if exact:
        assert applied({"x": (kind, values)}, step)["x"] == expected
    else:  # a record holds no number of 64 bits exactly: as a label it is not served
        label = {"kind": "split", "stratify": "x"}
        assert applied({"x": (kind, values), "y": ("int64", list(range(len(values))))}, step, label)["x"] == expected


def test_what_cannot_be_converted_ends_the_run_or_takes_its_row_along() -> None:
    data = {"x": ("string", ["1", "one", None, "two"]), "y": ("int64", [1, 2, 3, 4])}
    step = {"kind": "cast", "columns": ["x"], "to": "float64"}

    with pytest.raises(RecipeError) as caught:
        applied(data, {**step, "on_error": "fail"})
    assert (caught.value.code, caught.value.column) == ("not_converted", "x")
    assert "2 values of column 'x' cannot be converted: 'one' (row 1), 'two' (row 3)" in caught.value.detail
    dropped = applied(data, {**step, "on_error": "drop"})
    assert (dropped["y"], dropped.entry["rows_out"]) == ([1, 3], 2)
    assert dropped.entry["warnings"][0]["params"] == {"rows": 2}
