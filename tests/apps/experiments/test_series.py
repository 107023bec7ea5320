"""Metric series: superseding, order, thinning. No database."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.experiments.models.metric import pack, unpack
from apps.experiments.selectors.series import chosen, downsample, last_step_that_counts, order_of, picked

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FLOATS, max_size=400), st.integers(4, 60))
def test_thinning_keeps_ends_minimum_and_maximum_and_stays_within_the_budget(values: list[float], most: int) -> None:
    kept = list(downsample(array("d", values), most))
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
    values = array("d", bytes(8 * count))
    values[at] = -1.0 if at % 2 else 1.0
    assert at in downsample(values, most)


def test_thinning_keeps_the_least_and_the_greatest_of_each_bucket() -> None:
    #            first | bucket 1  | bucket 2  | last
    values = array("d", [0, 5, 1, 3, 9, 4, 7, 2])
    assert list(downsample(values, 6)) == [0, 1, 2, 4, 5, 7]


@given(st.lists(st.integers(-5, 5), max_size=60))
def test_order_is_by_step_and_then_by_arrival(steps: list[int]) -> None:
    order = list(order_of(array("q", steps)))
    assert order == sorted(range(len(steps)), key=lambda position: (steps[position], position))


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


def test_chosen_says_none_when_nothing_is_left_out() -> None:
    steps = array("q", [1, 5, 3])
    assert chosen(steps, math.inf) is None
    assert chosen(steps, 5) is None
    assert chosen(steps, 4) == [0, 2]
    assert chosen(steps, -math.inf) == []
    assert chosen(array("q"), -math.inf) is None


def test_picked_keeps_kind_and_order() -> None:
    assert picked("q", array("q", [7, 8, 9]), [2, 0]) == array("q", [9, 7])


def test_packed_numbers_are_little_endian_and_come_back() -> None:
    assert pack("q", [1, -2]) == b"\x01" + b"\x00" * 7 + b"\xfe" + b"\xff" * 7
    assert pack("d", [1.0]) == b"\x00" * 6 + b"\xf0\x3f"
    assert unpack("q", pack("q", [2**53, -(2**53)])) == array("q", [2**53, -(2**53)])
    assert unpack("d", memoryview(pack("d", [0.1]))) == array("d", [0.1])
