"""Drift: the figures against SciPy's, and what two tables say of each other."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any

import duckdb
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
import scipy  # its parts are loaded on first use: a second and a half in every worker otherwise
from hypothesis import given, settings

from workers.runtime.cleaning import drift_figures
from workers.runtime.cleaning.drift import drift
from workers.runtime.cleaning.schema import Column

bins = st.integers(1, 12).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 60), min_size=size, max_size=size) for _ in range(2)))
)
values = st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), max_size=40)

CONNECTION = duckdb.connect(config={"threads": 1})


def compared(
    reference: Sequence[Any], current: Sequence[Any], kind: str = "float64", arrow: Any = None
) -> dict[str, Any]:
    return both({"c": pa.array(reference, arrow)}, {"c": pa.array(current, arrow)}, [Column("c", kind)])


def both(reference: dict[str, Any], current: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    CONNECTION.register("before", pa.table(reference))
    CONNECTION.register("after", pa.table(current))
    return drift(CONNECTION, "before", "after", columns)


@settings(max_examples=30, deadline=None)
@given(bins)
def test_tests_over_counts_are_those_of_scipy(pair: tuple[list[int], list[int]]) -> None:
    reference, current = pair
    found = drift_figures.chi_square(reference, current)
    if not sum(reference) or not sum(current):
        assert found is None
        assert drift_figures.psi(*pair) is None
        assert drift_figures.jensen_shannon(*pair) is None
        return
    table = np.array(pair)[:, np.array(pair).sum(axis=0) > 0]
    expected = scipy.stats.chi2_contingency(table, correction=False)
    assert found == pytest.approx((expected.statistic, expected.dof, expected.pvalue), rel=1e-9, abs=1e-12)
    assert drift_figures.jensen_shannon(*pair) == pytest.approx(
        scipy.spatial.distance.jensenshannon(*(np.array(side) / sum(side) for side in pair), base=2), abs=1e-7
    )
    shares = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
    assert drift_figures.psi(*pair) == pytest.approx(
        scipy.stats.entropy(*shares) + scipy.stats.entropy(*shares[::-1]), abs=1e-12
    )


@pytest.mark.parametrize("statistic", [1e-9, 0.3, 4.0, 40.0, 900.0])
@pytest.mark.parametrize("degrees", [1, 2, 9, 300])
def test_tail_of_chi_square(statistic: float, degrees: int) -> None:
    expected = scipy.stats.chi2.sf(statistic, degrees)
    assert drift_figures.chi_square_tail(statistic, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@settings(max_examples=30, deadline=None)
@given(values, values)
def test_numbers_are_told_apart_as_numpy_and_scipy_do(reference: list[float], current: list[float]) -> None:
    column = compared(reference, current, arrow=pa.float64())["columns"][0]
    if not reference or not current:
        assert (column["psi"], column["ks"], column["bins"], column["level"]) == (None, None, None, "none")
        return
    below = [np.mean(np.array(side)[:, None] <= np.array(reference + current), axis=0) for side in (reference, current)]
    expected = np.abs(below[0] - below[1]).max()
    size = len(reference) * len(current) / (len(reference) + len(current))
    assert column["ks"]["statistic"] == pytest.approx(expected, abs=1e-11)
    assert column["ks"]["p_value"] == pytest.approx(scipy.stats.kstwobign.sf(math.sqrt(size) * expected), abs=1e-11)
    edges = np.unique(np.quantile(reference, np.arange(1, 10) / 10, method="inverted_cdf"))
    counts = [
        [int(np.count_nonzero(np.searchsorted(edges, side, side="left") == number)) for number in range(len(edges) + 1)]
        for side in (reference, current)
    ]
    assert [column["bins"]["reference"], column["bins"]["current"]] == counts
    assert column["psi"] == pytest.approx(drift_figures.psi(*counts), rel=1e-11, abs=1e-12)
    for side, given_values in (("reference", reference), ("current", current)):
        assert len(given_values) * 0.98 - 1 <= sum(column["overlay"][side]) <= len(given_values)


@settings(max_examples=15, deadline=None)
@given(*(st.lists(st.none() | st.sampled_from("abcdef"), max_size=30),) * 2)
def test_categories_are_counted_on_both_sides(reference: list[str | None], current: list[str | None]) -> None:
    column = compared(reference, current, "string", pa.string())["columns"][0]
    there = [[value for value in side if value is not None] for side in (reference, current)]
    shown = {each["value"]: (each["reference"], each["current"]) for each in column["categories"]["values"]}
    assert shown == {value: (there[0].count(value), there[1].count(value)) for value in set(there[0] + there[1])}
    assert column["categories"]["new"]["count"] == len(set(there[1]) - set(there[0]))
    assert column["categories"]["vanished"]["rows"] == sum(value not in there[1] for value in there[0])
    assert column["missing"]["reference"] == (reference.count(None) / len(reference) if reference else None)


def test_what_moved_is_named_and_what_did_not_is_not() -> None:
    random = np.random.default_rng(7)
    rows = 2000
    before = {
        "same": random.normal(size=rows),
        "moved": random.normal(size=rows),
        "gone": random.normal(size=rows),
        "home": random.choice(["own", "rent"], rows),
        "note": [f"note {number}" for number in range(rows)],
        "day": [datetime.date(2024, 1, 1) + datetime.timedelta(days=number % 300) for number in range(rows)],
        "old": [1] * rows,
        "kind": [1] * rows,
    }
    after = before | {
        "same": random.normal(size=rows),
        "moved": random.normal(size=rows) + 1,
        "gone": [None if number % 3 == 0 else 0.5 for number in range(rows)],
        "home": random.choice(["own", "rent", "boat"], rows),
        "note": [f"a much longer note {number}" for number in range(rows)],
        "kind": ["1"] * rows,
    }
    del after["old"]
    kinds = {"home": "string", "note": "string", "day": "date", "old": "int64", "kind": "string"}
    found = both(before, after, [Column(name, kinds.get(name, "float64")) for name in before])

    assert {column["name"]: (column["compared_by"], column["level"]) for column in found["columns"]} == {
        "same": ("value", "none"),
        "moved": ("value", "large"),
        "gone": ("value", "large"),
        "home": ("category", "large"),
        "note": ("length", "large"),
        "day": ("value", "none"),
    }
    assert found["left_out"] == [
        {"name": "old", "reason": "not_in_current"},
        {"name": "kind", "reason": "type_changed"},
    ]
    assert {name: found["summary"][name] for name in ("compared", "none", "small", "large")} == {
        "compared": 6,
        "none": 2,
        "small": 0,
        "large": 4,
    }
    assert set(found["summary"]["shifted"]) == {"moved", "gone", "home", "note"}
    home = next(column for column in found["columns"] if column["name"] == "home")
    assert [each["value"] for each in home["categories"]["new"]["values"]] == ["boat"]


def test_the_distance_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    sides = [random.normal(size=400), random.normal(size=300) + 0.2]
    expected = scipy.stats.ks_2samp(*sides, method="asymp")
    found = compared(*(side.tolist() for side in sides))["columns"][0]["ks"]

    assert found["statistic"] == pytest.approx(expected.statistic, rel=1e-11)
    assert found["p_value"] == pytest.approx(expected.pvalue, rel=0.2)  # theirs is of the finite size


def test_chance_alone_is_no_shift() -> None:
    random = np.random.default_rng(1)
    column = compared(random.normal(size=30).tolist(), random.normal(size=30).tolist())["columns"][0]

    assert column["psi"] > 0.25  # as the index of thirty values is
    assert column["level"] == "none"


@pytest.mark.parametrize(
    ("reference", "current"),
    [([], []), ([1.0], [1.0]), ([None, None], [1.0]), ([2.0] * 9, [2.0] * 9), ([1.7e308, -1.7e308], [math.inf])],
)
def test_edges(reference: list[Any], current: list[Any]) -> None:
    column = compared(reference, current, arrow=pa.float64())["columns"][0]

    assert column["level"] == "none"
    assert column["psi"] in (None, 0.0)


def test_large_tables_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.runtime.cleaning.drift.ROWS_COMPARED", 1000)
    rows = 20_000
    table = {"__ordinal": list(range(rows)), "n": [number % 97 for number in range(rows)]}
    found = both(table, table, [Column("n", "int64")])

    drawn = found["columns"][0]["ks"]["values"]
    assert drawn[0] == drawn[1]
    assert 900 < drawn[0] < 1100
    assert found["columns"][0]["psi"] == 0.0
