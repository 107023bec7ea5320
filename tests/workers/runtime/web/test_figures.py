"""The window that counts, by a clock that the test moves."""

from __future__ import annotations

import pytest

from workers.contracts.latencies import bucket_of, pack, unpacked
from workers.runtime.web.figures import SECONDS_KEPT, Window

A, B = ("endpoint-a", "revision-1"), ("endpoint-a", "")


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.25)


@pytest.fixture
def window(clock: Clock) -> Window:
    return Window(clock)


def told(window: Window) -> list[tuple[int, dict[tuple[str, str], tuple[int, int, int]]]]:
    """What is closed: number, and per key requests, errors of callers, errors of the server."""
    return [
        (
            second.number,
            {key: (one.requests, one.caller_errors, one.server_errors) for key, one in second.counts.items()},
        )
        for second in window.closed
    ]


def test_requests_are_counted_by_second_key_and_class(window: Window, clock: Clock) -> None:
    for status in (200, 204, 400, 422, 499, 500, 503):
        window.add(A, status, 0.01)
    window.add(B, 503, 5.0)
    assert told(window) == []
    clock.now = 1000.999
    window.add(A, 200, 0.02)
    clock.now = 1001.0
    window.add(A, 200, 0.02)
    assert told(window) == [(1000, {A: (8, 3, 2), B: (1, 0, 1)})]
    assert unpacked(window.closed[0].counts[A].packed()) == {bucket_of(0.01): 7, bucket_of(0.02): 1}
    assert window.closed[0].counts[B].packed() == pack([(bucket_of(5.0), 1)])


def test_a_key_that_falls_silent_is_told_of_twice_more_with_zeros(window: Window, clock: Clock) -> None:
    window.add(A, 200, 0.01)
    clock.now = 1007.5
    window.roll()
    assert told(window) == [(1000, {A: (1, 0, 0)}), (1001, {A: (0, 0, 0)}), (1002, {A: (0, 0, 0)})]
    window.add(A, 200, 0.01)
    clock.now = 1008.1
    window.add(A, 200, 0.01)
    window.close()
    assert told(window)[3:] == [(1007, {A: (1, 0, 0)}), (1008, {A: (1, 0, 0)})]


def test_one_key_may_be_silent_while_another_is_not(window: Window, clock: Clock) -> None:
    window.add(A, 200, 0.01)
    window.add(B, 500, 0.01)
    for now in (1001.0, 1002.0, 1003.0, 1004.0):
        clock.now = now
        window.add(A, 200, 0.01)
    assert [sorted(counts) for _, counts in told(window)] == [[B, A], [B, A], [B, A], [A]]
    assert [counts[B] for _, counts in told(window)[:3]] == [(1, 0, 1), (0, 0, 0), (0, 0, 0)]


def test_nothing_asked_is_nothing_told(window: Window, clock: Clock) -> None:
    clock.now = 1e9
    window.roll()
    window.close()
    assert told(window) == []


def test_closing_tells_the_running_second_and_what_still_comes_counts_in_the_next(window: Window, clock: Clock) -> None:
    window.add(A, 200, 0.01)
    window.close()
    window.add(A, 500, 0.01)
    window.roll()
    assert told(window) == [(1000, {A: (1, 0, 0)})]
    clock.now = 1002.0
    window.roll()
    assert told(window) == [(1000, {A: (1, 0, 0)}), (1001, {A: (1, 0, 1)})]


def test_a_clock_that_is_put_back_makes_no_number_twice(window: Window, clock: Clock) -> None:
    for now in (1001.0, 900.0, 1001.5, 1002.0):
        window.add(A, 200, 0.01)
        clock.now = now
    window.roll()
    assert told(window) == [(1000, {A: (1, 0, 0)}), (1001, {A: (3, 0, 0)})]


def test_what_nobody_takes_is_bounded(window: Window, clock: Clock) -> None:
    for number in range(SECONDS_KEPT + 50):
        clock.now = 1000.0 + number
        window.add(A, 200, 0.01)
    assert len(window.closed) == SECONDS_KEPT
    assert window.closed[-1].number == 1000 + SECONDS_KEPT + 48


def test_the_clock_of_a_process_starts_at_the_walls_and_goes_on() -> None:
    window = Window()
    first, second = window.clock(), window.clock()
    assert 1_700_000_000 < first <= second
