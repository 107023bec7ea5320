"""Pseudonyms, masks and coarser values, against Python's own."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections import Counter
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import KEY, applied
from workers.runtime.cleaning.errors import UserError

FEW = settings(max_examples=12, deadline=None)
PSEUDONYMS = {"kind": "pseudonymise", "columns": ["x"], "secret": "key"}


@FEW
@given(values=st.lists(st.none() | st.text(max_size=6), max_size=8), length=st.integers(16, 64))
def test_a_pseudonym_is_a_keyed_hash(values: list[str | None], length: int) -> None:
    values = [None if value is None else value.replace("\ud800", "") for value in values]

    done = applied({"x": ("string", values)}, {**PSEUDONYMS, "length": length})

    assert done["x"] == [
        None if value is None else hmac.new(KEY, value.encode(), hashlib.sha256).hexdigest()[:length]
        for value in values
    ]


def test_equal_values_meet_across_columns_types_and_datasets_and_only_under_one_key() -> None:
    data = {"a": ("int64", [7, None]), "b": ("string", ["7", "8"])}
    both = {**PSEUDONYMS, "columns": ["a", "b"]}

    done = applied(data, both)
    other = applied(data, {**both, "secret": "other"})

    assert done["a"][0] == done["b"][0] == applied({"x": ("string", ["7"])}, PSEUDONYMS)["x"][0]
    assert other["a"][0] != done["a"][0]
    assert done.types == {"a": "string", "b": "string"}
    assert [each["key"] for each in done.told] == ["key", "key"]
    assert done.told[0]["key_id"] != other.told[0]["key_id"]


def test_nothing_of_the_key_is_in_what_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    done = applied({"x": ("string", ["a"])}, PSEUDONYMS)

    told = json.dumps([done.reports[0].entry, done.reports[0].beside(), done.recipe.to_json()]) + repr(done)
    out, err = capfd.readouterr()
    for text in (told, out, err, done.told[0]["key_id"]):
        assert KEY.decode() not in text
        assert KEY.hex() not in text
    assert [each["code"] for each in done.entry["warnings"]] == ["not_served"]


def test_a_key_that_is_short_or_not_there_is_refused() -> None:
    def nothing(name: str) -> bytes:
        raise UserError("no_secret", f"the secret {name!r} was not given to this job")

    with pytest.raises(UserError, match="weak_key"):
        applied({"x": ("string", ["a"])}, PSEUDONYMS, secrets=lambda _: b"short")
    with pytest.raises(UserError, match="no_secret"):
        applied({"x": ("string", ["a"])}, PSEUDONYMS, secrets=nothing)


@FEW
@given(values=st.lists(st.none() | st.text("ab12é", max_size=6), max_size=8), keep=st.integers(0, 4))
def test_text_is_redacted(values: list[str | None], keep: int) -> None:
    data = {"x": ("string", values)}
    step = {"kind": "redact", "columns": ["x"]}

    constant = applied(data, {**step, "text": "?"})
    last = applied(data, {**step, "method": "keep_last", "keep": keep})
    pattern = applied(data, {**step, "method": "pattern", "pattern": r"\d+", "text": r"\1#"})

    assert constant["x"] == [None if value is None else "?" for value in values]
    assert last["x"] == [
        None if value is None else "***" + (value[-keep:] if keep and len(value) > keep else "") for value in values
    ]
    assert pattern["x"] == [None if value is None else re.sub(r"[0-9]+", lambda _: r"\1#", value) for value in values]


@FEW
@given(values=st.lists(st.none() | st.floats(-500, 500), max_size=10), width=st.sampled_from([0.5, 10, 25]))
def test_numbers_become_bands_and_the_smallest_group_is_counted(values: list[float | None], width: float) -> None:
    done = applied({"x": ("float64", values)}, {"kind": "generalise", "column": "x", "method": "bands", "width": width})

    def band(value: float) -> str:
        low = math.floor(value / width) * width
        return f"[{low:.12g}, {low + width:.12g})".replace("[-0,", "[0,").replace(" -0)", " 0)")

    expected = [None if value is None else band(value) for value in values]
    groups = Counter(expected)
    assert done["x"] == expected
    assert done.told == [
        {"column": "x", "smallest_group": min(groups.values(), default=0), "groups": len(groups), "of": ["x"]}
    ]


CASES: list[tuple[str, list[Any], dict[str, Any], list[str | None]]] = [
    ("int64", [1, 5, 20, 25, None], {"method": "edges", "edges": [5, 20]}, ["< 5", "[5, 20)", ">= 20", ">= 20", None]),
    ("date", [date(2024, 2, 29), None], {"method": "month"}, ["2024-02", None]),
    ("timestamp", [datetime(1969, 12, 31, 23), None], {"method": "quarter"}, ["1969-Q4", None]),
    ("timestamp", [datetime(987, 1, 1)], {"method": "year"}, ["0987"]),
    ("string", ["10115", "é1", "", None], {"method": "prefix", "length": 2}, ["10", "é1", "", None]),
    ("int64", [10115, 7], {"method": "prefix", "length": 2}, ["10", "7"]),
]


@pytest.mark.parametrize("kind, values, options, expected", CASES)
def test_values_become_coarser(kind: str, values: list[Any], options: dict[str, Any], expected: list[Any]) -> None:
    assert applied({"x": (kind, values)}, {"kind": "generalise", "column": "x", **options})["x"] == expected


def test_the_smallest_group_is_of_all_coarse_columns_together() -> None:
    data = {"age": ("int64", [1, 2, 11, 12, 13]), "zip": ("string", ["10", "11", "10", "20", "21"])}

    done = applied(
        data,
        {"kind": "generalise", "column": "age", "method": "bands", "width": 10},
        {"kind": "generalise", "column": "zip", "method": "prefix", "length": 1},
    )

    assert done.told == [{"column": "zip", "smallest_group": 1, "groups": 3, "of": ["age", "zip"]}]
