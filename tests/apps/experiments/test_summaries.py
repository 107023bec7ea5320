"""The summary of a run's metrics. No database."""

from __future__ import annotations

import json
import math
import sys
from array import array

from hypothesis import given
from hypothesis import strategies as st

from apps.experiments.services.summaries import Summary, summary_add


def test_a_first_batch_makes_the_whole_entry() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [1, 2, 3], [0.5, 0.25, 0.75])
    assert summary == {
        "loss": {
            "last": 0.75,
            "last_step": 3,
            "min": 0.25,
            "min_step": 2,
            "max": 0.75,
            "max_step": 3,
            "mean": 0.5,
            "sum": 1.5,
            "count": 3,
        }
    }


def test_a_later_batch_is_folded_in() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [1, 2], [4.0, 2.0])
    summary_add(summary, "loss", [3, 4], [1.0, 5.0])
    assert summary["loss"] == {
        "last": 5.0, "last_step": 4, "min": 1.0, "min_step": 3, "max": 5.0, "max_step": 4,
        "mean": 3.0, "sum": 12.0, "count": 4,
    }  # fmt: skip


def test_values_that_are_no_number_are_counted_and_only_the_last_one_is_shown() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [1, 2, 3], [2.0, math.inf, math.nan])
    assert summary["loss"] == {
        "last": "NaN", "last_step": 3, "min": 2.0, "min_step": 1, "max": 2.0, "max_step": 1,
        "mean": 2.0, "sum": 2.0, "count": 3, "not_finite": 2,
    }  # fmt: skip
    summary_add(summary, "loss", [4], [4.0])
    entry = summary["loss"]
    assert (entry["last"], entry["max_step"], entry["mean"], entry["count"], entry["not_finite"]) == (4.0, 4, 3.0, 4, 2)


def test_a_metric_without_any_number_has_no_ends() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [1], [-math.inf])
    assert summary["loss"] == {
        "last": "-Infinity", "last_step": 1, "min": None, "min_step": None, "max": None, "max_step": None,
        "mean": None, "sum": 0.0, "count": 1, "not_finite": 1,
    }  # fmt: skip
    summary_add(summary, "loss", [2], [0.5])
    assert (summary["loss"]["min"], summary["loss"]["min_step"], summary["loss"]["mean"]) == (0.5, 2, 0.5)


def test_a_summary_from_before_steps_were_noted_is_folded_on() -> None:
    summary: Summary = {"k": {"last": 1.0, "last_step": 1, "min": 1.0, "max": 1.0, "mean": 1.0, "sum": 1.0, "count": 1}}
    summary_add(summary, "k", [2], [3.0])
    entry = summary["k"]
    assert (entry["min"], entry["min_step"], entry["max"], entry["max_step"], entry["count"]) == (1.0, None, 3.0, 2, 2)


def test_a_batch_that_comes_late_does_not_take_the_last_value() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [10], [1.0])
    summary_add(summary, "loss", [9], [2.0])
    assert (summary["loss"]["last"], summary["loss"]["last_step"], summary["loss"]["max"]) == (1.0, 10, 2.0)


def test_of_equal_steps_the_value_that_came_last_is_the_last() -> None:
    summary: Summary = {}
    summary_add(summary, "loss", [3, 3], [1.0, 2.0])
    assert summary["loss"]["last"] == 2.0
    summary_add(summary, "loss", [3], [3.0])
    assert summary["loss"]["last"] == 3.0


def test_a_sum_that_overflows_stays_a_number() -> None:
    most = sys.float_info.max
    summary: Summary = {}
    summary_add(summary, "loss", [1, 2], [most, most])
    assert (summary["loss"]["sum"], summary["loss"]["mean"]) == (most, most / 2)
    summary_add(summary, "loss", [3, 4], [-most, -most])
    assert math.isfinite(summary["loss"]["sum"])


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 50), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=10
        ),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_folding_by_batches_says_the_same_as_all_points_at_once(batches: list[list[tuple[int, float]]]) -> None:
    summary: Summary = {}
    for batch in batches:
        summary_add(summary, "k", array("q", [step for step, _ in batch]), array("d", [value for _, value in batch]))
    points = [point for batch in batches for point in batch]
    entry = summary["k"]
    highest = max(step for step, _ in points)
    assert entry["count"] == len(points)
    assert (entry["min"], entry["max"]) == (min(v for _, v in points), max(v for _, v in points))
    assert entry["last_step"] == highest
    assert entry["last"] == [value for step, value in points if step == highest][-1]
    json.dumps(summary, allow_nan=False)
