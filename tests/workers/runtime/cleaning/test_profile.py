"""Profiles: exact figures of the real loans, checked by NumPy, and the edges of small columns."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.contracts.recipes.checks import recipe_fit
from workers.runtime.cleaning.rounding import significant


@pytest.fixture(scope="module")
def found(credit: Done, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return Jobs(tmp_path_factory.mktemp("profile")).profile(credit.files)


def column(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["columns"] if each["name"] == name)


def test_every_column_but_the_ordinals_is_there(found: dict[str, Any]) -> None:
    assert found["row_count"] == 4454
    assert [(each["name"], each["type"], each["null_count"], each["distinct_count"]) for each in found["columns"]] == [
        ("Status", "string", 0, 2),
        ("Seniority", "int64", 0, 47),
        ("Home", "string", 6, 6),
        ("Time", "int64", 0, 11),
        ("Age", "int64", 0, 50),
        ("Marital", "string", 1, 5),
        ("Records", "string", 0, 2),
        ("Job", "string", 2, 4),
        ("Expenses", "int64", 0, 94),
        ("Income", "float64", 381, 351),
        ("Assets", "float64", 47, 159),
        ("Debt", "float64", 18, 182),
        ("Amount", "int64", 0, 285),
        ("Price", "int64", 0, 1419),
    ]
    assert sum(each["null_count"] for each in found["columns"]) == 455


@pytest.mark.parametrize("name", ["Seniority", "Income", "Debt", "Price"])
def test_figures_of_numbers_are_those_of_numpy(credit: Done, found: dict[str, Any], name: str) -> None:
    values = credit.table[name].drop_null().to_numpy().astype(float)
    profile = column(found, name)

    assert (profile["minimum"], profile["maximum"]) == (values.min(), values.max())
    assert profile["mean"] == pytest.approx(values.mean(), rel=1e-11)
    assert profile["std"] == pytest.approx(values.std(), rel=1e-11)
    assert profile["quantiles"] == {
        level: significant(float(np.quantile(values, float(level))))
        for level in ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
    }
    histogram = profile["histogram"]
    counts = np.histogram(values, histogram["edges"])[0]
    assert histogram["counts"] == list(counts)
    assert histogram["below"] + sum(histogram["counts"]) + histogram["above"] == len(values)
    assert np.ptp(np.diff(histogram["edges"])) == pytest.approx(0, abs=1e-9)
    fences = profile["fences"]
    lower, upper = np.quantile(values, [0.25, 0.75])
    assert (fences["low"], fences["high"]) == pytest.approx((2.5 * lower - 1.5 * upper, 2.5 * upper - 1.5 * lower))
    assert (fences["below"], fences["above"]) == ((values < fences["low"]).sum(), (values > fences["high"]).sum())


def test_exact_figures(found: dict[str, Any]) -> None:
    income = column(found, "Income")

    assert (income["mean"], income["std"], income["minimum"], income["maximum"]) == (
        141.687699484,
        80.7384843877,
        6.0,
        959.0,
    )
    assert income["top_values"][:2] == [{"value": 100.0, "count": 153}, {"value": 150.0, "count": 114}]
    assert column(found, "Home")["top_values"] == [
        {"value": "owner", "count": 2107},
        {"value": "rent", "count": 973},
        {"value": "parents", "count": 783},
        {"value": "other", "count": 319},
        {"value": "priv", "count": 246},
        {"value": "ignore", "count": 20},
    ]


def test_text_has_no_figures_of_numbers(found: dict[str, Any]) -> None:
    home = column(found, "Home")

    assert [home[key] for key in ("minimum", "maximum", "mean", "std", "quantiles", "histogram")] == [None] * 6


def test_edges_of_small_columns(jobs: Jobs) -> None:
    files = jobs.parquet(
        {
            "same": [3, 3, None],
            "none": np.array([np.nan, np.nan, np.nan], dtype=float),
            "huge": [-1.7e308, 0.0, 1.7e308],
            "flag": [True, False, True],
            "day": [datetime.date(2024, 1, 2), None, datetime.date(2023, 1, 2)],
        }
    )
    found = jobs.profile(files)

    none = column(found, "none")
    assert (none["null_count"], none["distinct_count"], none["mean"], none["top_values"]) == (3, 0, None, [])
    same = column(found, "same")
    assert (same["mean"], same["std"]) == (3.0, 0.0)
    assert same["histogram"] == {"edges": [3.0, 3.0], "counts": [2], "below": 0, "above": 0, "is_discrete": False}
    huge = column(found, "huge")["histogram"]
    assert (huge["edges"][0] <= -1.7e308, huge["edges"][-1] >= 1.7e308, sum(huge["counts"])) == (True, True, 3)
    flag = column(found, "flag")
    assert (flag["minimum"], flag["maximum"], flag["top_values"][0]) == (False, True, {"value": True, "count": 2})
    day = column(found, "day")
    assert (day["minimum"], day["maximum"]) == ("2023-01-02", "2024-01-02")


def test_lengths_of_text_are_in_characters(jobs: Jobs) -> None:
    found = jobs.profile(jobs.parquet({"s": ["数据", "a", "", None, "abc"], "none": pa.array([None] * 5, pa.string())}))

    length = column(found, "s")["text_length"]
    assert (length["minimum"], length["maximum"], length["mean"]) == (0, 3, 1.5)
    assert length["histogram"] == {
        "edges": [-0.5, 0.5, 1.5, 2.5, 3.5],
        "counts": [1, 1, 1, 1],
        "below": 0,
        "above": 0,
        "is_discrete": True,
    }
    assert column(found, "none")["text_length"] is None


def test_few_whole_numbers_have_a_bin_each(jobs: Jobs) -> None:
    found = jobs.profile(jobs.parquet({"n": [1, 2, 2, 4]}))

    histogram = column(found, "n")["histogram"]
    assert (histogram["edges"], histogram["counts"]) == ([0.5, 1.5, 2.5, 3.5, 4.5], [1, 2, 0, 1])
    assert histogram["is_discrete"]


def test_values_that_differ_by_the_same_step_have_a_bin_each(jobs: Jobs) -> None:
    found = jobs.profile(jobs.parquet({"months": [12, 24, 24, 60], "n": list(range(0, 4000, 1000))}))

    histogram = column(found, "months")["histogram"]
    assert (histogram["edges"], histogram["counts"], histogram["is_discrete"]) == (
        [6.0, 18.0, 30.0, 42.0, 54.0, 66.0],
        [1, 2, 0, 0, 1],
        True,
    )


def test_times_have_a_histogram_in_seconds(jobs: Jobs) -> None:
    days = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 21), None]
    found = jobs.profile(jobs.parquet({"day": days, "at": pa.array(days, pa.date32()).cast(pa.timestamp("us"))}))

    first = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).timestamp()
    for name in ("day", "at"):
        histogram = column(found, name)["histogram"]
        assert histogram["edges"][:2] == [first, first + 43_200]
        assert (histogram["edges"][-1] - first) / 86_400 == 20
        assert (histogram["counts"][0], histogram["counts"][-1], sum(histogram["counts"])) == (1, 1, 2)


DAYS = [f"2024-01-{day:02}" for day in range(1, 29)]
FINDINGS: dict[str, tuple[list[Any], list[tuple[str, dict[str, float], str | None]]]] = {
    "nothing": ([1.5, 2.0, 2.5, 1.0] * 10, []),
    "some_missing": ([1.5, 2.0, 2.5, None] * 10, [("some_missing", {"ratio": 0.25}, "impute")]),
    "mostly_missing": ([1, 2, None, None], [("mostly_missing", {"ratio": 0.5}, "drop_columns")]),
    "constant": ([7, 7, 7], [("constant", {}, "drop_columns")]),
    "likely_key": ([3, *range(4, 22), 1], [("likely_key", {}, None)]),
    "ordered": ([*range(25)] * 1 + [24], [("ordered", {}, None)]),
    "too few for a key": (list(range(19)), []),
    "measurements are no key": ([number % 7 + number / 100 for number in range(20)], []),
    "numbers_as_text": (
        ["1", " 2", "NA"],
        [("numbers_as_text", {"count": 2}, "missing_values"), ("blanks_around", {"count": 1}, "normalise_text")],
    ),
    "numbers_alone": (["1", "2"], [("numbers_as_text", {"count": 2}, "cast")]),
    "missing_markers": (["a", "n/a", "b", "?"], [("missing_markers", {"count": 2}, "missing_values")]),
    "spelling_variants": (["Rome", "rome", "Oslo"], [("spelling_variants", {"count": 1}, "normalise_text")]),
    "far_extreme": (
        [1, 2] * 50 + [99_999_999] * 2,
        [("far_extreme", {"extreme": 99_999_999, "near": 2, "count": 2}, "missing_values")],
    ),
    "outside_fences": (
        [1, 2, 3, 4] * 10 + [40],
        [("outside_fences", {"count": 1, "ratio": 0.02439, "low": -1.0, "high": 7.0}, "outliers")],
    ),
    "dates_as_text": (DAYS * 2, [("dates_as_text", {"ratio": 1}, "parse_dates")]),
    "personal_data": (["a@b.org", "c@d.org", "x"], [("personal_data", {"ratio": 0.666667}, "redact")]),
    "one_value_dominates": (["a"] * 99 + ["b"], [("one_value_dominates", {"ratio": 0.99}, "drop_columns")]),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_what_catches_the_eye(jobs: Jobs, name: str) -> None:
    values, expected = FINDINGS[name]
    findings = column(jobs.profile(jobs.parquet({"c": values})), "c")["findings"]

    said = [(each["code"], each["figures"], (each["suggestion"] or {}).get("kind")) for each in findings]
    assert said == expected
    assert all(each["detail"] and each["severity"] in ("info", "warning") for each in findings)
    steps = [each["suggestion"] for each in findings if each["suggestion"]]
    kind = "string" if isinstance(values[0], str) else "float64" if isinstance(values[0], float) else "int64"
    assert [recipe_fit([step], [{"name": "c", "type": kind}, {"name": "d", "type": kind}]) for step in steps] == [
        [] for _ in steps
    ]


def test_a_column_without_a_value_has_one_finding(jobs: Jobs) -> None:
    found = jobs.profile(jobs.parquet({"c": pa.array([None, None], pa.string())}))

    assert [each["code"] for each in column(found, "c")["findings"]] == ["all_missing"]


def test_ties_of_top_values_are_in_order(jobs: Jobs) -> None:
    found = jobs.profile(jobs.parquet({"s": ["b", "a", "c", "c", None]}))

    assert column(found, "s")["top_values"] == [
        {"value": "c", "count": 2},
        {"value": "a", "count": 1},
        {"value": "b", "count": 1},
    ]
