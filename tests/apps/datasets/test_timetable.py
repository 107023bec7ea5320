"""When a schedule comes next: figures, time zones and the two days a year on which clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.services.timetable import BadTimes, cron_of, next_after

FROM = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC)  # a Monday


def _next(cron: str, moment: datetime = FROM, zone: str = "UTC") -> datetime:
    return next_after(moment, cron=cron, every_seconds=None, time_zone=zone)


@pytest.mark.parametrize(
    "cron, wanted",
    [
        ("* * * * *", "2026-03-02T09:31"),
        ("30 9 * * *", "2026-03-03T09:30"),
        ("*/15 * * * *", "2026-03-02T09:45"),
        ("5/20 * * * *", "2026-03-02T09:45"),
        ("0 0 1 * *", "2026-04-01T00:00"),
        ("0 6 * * 1-5", "2026-03-03T06:00"),
        ("0 6 * * sat,sun", "2026-03-07T06:00"),
        ("0 6 * * 7", "2026-03-08T06:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 0 13 * fri", "2026-03-06T00:00"),
        ("0 0 * dec *", "2026-12-01T00:00"),
        ("59 23 31 12 *", "2026-12-31T23:59"),
        ("0 0 31 */2 *", "2026-03-31T00:00"),
    ],
)
def test_the_next_time(cron: str, wanted: str) -> None:
    assert _next(cron) == datetime.fromisoformat(f"{wanted}:00+00:00")


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
        "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *", "1, * * * *", "1/ * * * *", "-1 * * * *",
        "0 0 30 2 *", "0 0 31 4,6,9,11 *", "² * * * *",
    ],
)  # fmt: skip
def test_what_is_no_cron(cron: str) -> None:
    with pytest.raises(BadTimes):
        _next(cron)


def test_intervals_and_zones_have_bounds() -> None:
    assert next_after(FROM, cron="", every_seconds=90, time_zone="UTC") == FROM + timedelta(seconds=90)
    for seconds in (59, 400 * 86400):
        with pytest.raises(BadTimes):
            next_after(FROM, cron="", every_seconds=seconds, time_zone="UTC")
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(BadTimes):
            _next("0 6 * * *", zone=zone)


def test_a_time_zone_is_that_of_the_wall() -> None:
    assert _next("0 6 * * *", zone="Asia/Shanghai") == datetime(2026, 3, 2, 22, tzinfo=UTC)
    assert _next("0 6 1 7 *", zone="Europe/Berlin") == datetime(2026, 7, 1, 4, tzinfo=UTC)


def test_a_time_that_the_clock_leaves_out_comes_right_after() -> None:
    """In Berlin it goes from 2:00 to 3:00 on the 29th of March 2026, which is 1:00 UTC."""
    eve = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert _next("30 2 * * *", eve, "Europe/Berlin") == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert _next("30 2 * * *", datetime(2026, 3, 29, 2, tzinfo=UTC), "Europe/Berlin") == datetime(
        2026, 3, 30, 0, 30, tzinfo=UTC
    )


def test_a_time_that_comes_twice_comes_once() -> None:
    """In Berlin 2:30 is there twice on the 25th of October 2026: at 0:30 and 1:30 UTC."""
    first = _next("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), "Europe/Berlin")
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert _next("30 2 * * *", first, "Europe/Berlin") == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@settings(max_examples=15, deadline=None)
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["*", "1", "15", "*/10"]),
    st.sampled_from(["*", "1-5", "0"]),
)
def test_it_is_the_first_minute_that_fits(moment: datetime, minute: int, hour: int, day: str, weekday: str) -> None:
    text = f"{minute} {hour} {day} * {weekday}"
    found, cron = _next(text, moment.replace(tzinfo=UTC)), cron_of(text)
    assert found > moment.replace(tzinfo=UTC)
    assert (found.minute, found.hour, found.second) == (minute, hour, 0)
    assert cron.has(found.date())
    earlier = found - timedelta(days=1)
    while earlier > moment.replace(tzinfo=UTC):
        assert not cron.has(earlier.date())
        earlier -= timedelta(days=1)
