"""Metric series: superseding, order, thinning. No database."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.experiments.models.packing import columns_of, pack, unpack
from apps.experiments.selectors.series import (
    Span,
    by_step,
    counting,
    downsample,
    last_step_that_counts,
    number_read,
    number_said,
    said,
    thinned,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ANY_FLOATS = st.one_of(FLOATS, st.sampled_from([math.nan, math.inf, -math.inf]))


@given(st.lists(FLOATS, max_size=400), st.integers(4, 60))
def test_thinning_keeps_ends_minimum_and_maximum_and_stays_within_the_budget(values: list[float], most: int) -> None:
    kept = downsample(np.array(values, float), most).tolist()
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert all(0 <= position < len(values) for position in kept)
    if values:
        shown = [values[position] for position in kept]
        assert (min(shown), max(shown)) == (min(values), max(values))
        assert (kept[0], kept[-1]) == (0, len(values) - 1)
    if len(values) <= most:
        assert kept == list(range(len(values)))


@given(st.integers(5, 2000), st.integers(4, 100), st.data())
def test_thinning_never_loses_a_spike(count: int, most: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, count - 1))
    values = np.zeros(count)
    values[at] = -1.0 if at % 2 else 1.0
    assert at in downsample(values, most)


def test_thinning_keeps_the_least_and_the_greatest_of_each_bucket() -> None:
    #            first | bucket 1  | bucket 2  | last
    values = np.array([0.0, 5, 1, 3, 9, 4, 7, 2])
    assert list(downsample(values, 6)) == [0, 1, 2, 4, 5, 7]


@given(st.lists(ANY_FLOATS, min_size=1, max_size=200), st.integers(4, 40))
def test_thinning_shows_where_a_curve_breaks_and_hides_no_peak_behind_it(values: list[float], most: int) -> None:
    kept = downsample(np.array(values), most).tolist()
    shown = [values[position] for position in kept]
    assert len(kept) <= most
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        seen = [value for value in shown if math.isfinite(value)]
        assert (min(seen), max(seen)) == (min(finite), max(finite))
    if len(finite) < len(values) and most >= 5:
        assert not all(map(math.isfinite, shown))


@given(st.lists(st.integers(-5, 5), max_size=60))
def test_order_is_by_step_and_then_by_arrival(steps: list[int]) -> None:
    arrived = columns_of(steps, range(len(steps)), range(len(steps)))
    order = by_step(arrived)[1].tolist()
    assert order == sorted(range(len(steps)), key=lambda position: (steps[position], position))


@pytest.mark.parametrize(
    "span, expected",
    [
        (Span(), [1, 2, 3, 4]),
        (Span(from_step=2), [2, 3, 4]),
        (Span(to_step=2), [1, 2]),
        (Span(from_step=2, to_step=3), [2, 3]),
        (Span(from_time=20.0, to_time=30.0), [2, 3]),
        (Span(from_step=3, to_time=30.0), [3]),
        (Span(from_step=9), []),
    ],
)
def test_a_span_has_both_of_its_ends(span: Span, expected: list[int]) -> None:
    columns = columns_of([1, 2, 3, 4], [0.0] * 4, [10.0, 20.0, 30.0, 40.0])
    assert span.within(columns)[0].tolist() == expected


def test_a_thinned_curve_is_in_order_and_keeps_its_points_together() -> None:
    steps, values, times = thinned(columns_of([3, 1, 2, 5, 4], [30, 10, 20, 50, 40], [3, 1, 2, 5, 4]), 4)
    assert (steps.tolist(), values.tolist(), times.tolist()) == ([1, 2, 4, 5], [10, 20, 40, 50], [1, 2, 4, 5])


def test_what_json_has_no_number_for_is_said_as_text() -> None:
    numbers = [0.5, math.nan, math.inf, -math.inf, -0.0]
    told = said(np.array(numbers))
    assert told == [0.5, "NaN", "Infinity", "-Infinity", 0.0]
    assert [repr(number_read(each)) for each in told] == [repr(each) for each in numbers]
    assert [number_said(each) for each in numbers] == told


@pytest.mark.parametrize(
    "starts, number, expected",
    [
        ({}, 1, math.inf),
        ({"1": None}, 1, math.inf),
        ({"1": None, "2": None}, 1, -math.inf),
        ({"1": None, "2": 10}, 1, 10),
        ({"1": None, "2": 10}, 2, math.inf),
        ({"1": None, "2": 10, "3": 4}, 1, 4),
        ({"1": None, "2": 10, "3": 4}, 2, 4),
        ({"1": None, "2": 10, "3": 12}, 1, 10),
        ({"1": None, "2": 10, "3": None}, 1, -math.inf),
        ({"1": None, "10": 0}, 9, 0),
    ],
)
def test_points_after_the_step_a_later_attempt_began_from_are_superseded(
    starts: dict[str, int | None], number: int, expected: float
) -> None:
    assert last_step_that_counts(starts, number) == expected


def test_points_that_count_go_up_to_a_step() -> None:
    columns = columns_of([1, 5, 3], [1, 5, 3], [0, 0, 0])
    assert counting(columns, math.inf) is columns
    assert counting(columns, 5) is columns
    assert counting(columns, 4)[1].tolist() == [1, 3]
    assert counting(columns, -math.inf)[0].tolist() == []


def test_nothing_takes_the_place_of_what_no_attempt_sent() -> None:
    assert last_step_that_counts({"1": None, "2": 3}, None) == math.inf


def test_packed_numbers_are_little_endian_and_come_back() -> None:
    assert pack("q", [1, -2]) == b"\x01" + b"\x00" * 7 + b"\xfe" + b"\xff" * 7
    assert pack("d", [1.0]) == b"\x00" * 6 + b"\xf0\x3f"
    assert unpack("q", pack("q", [2**53, -(2**53)])).tolist() == [2**53, -(2**53)]
    assert unpack("d", memoryview(pack("d", [0.1]))).tolist() == [0.1]
    with pytest.raises(OverflowError):
        pack("q", [2**63])
