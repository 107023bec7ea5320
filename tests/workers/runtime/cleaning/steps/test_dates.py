"""Steps on dates and times, against Python's datetime."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied
from workers.contracts.recipes import problems

FEW = settings(max_examples=12, deadline=None)
FORMATS = ("%d/%m/%Y %H:%M:%S.%f", "%Y%m%d%H%M%S", "%b %d, %y %I:%M %p", "%Y-%j", "%d. %B %Y %H:%M%z", "%m-%d-%Y")
times = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31))


def python_reads(text: str, formats: tuple[str, ...]) -> datetime | None:
    for each in formats:
        try:
            found = datetime.strptime(text, each)
        except ValueError:
            continue
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return None


@FEW
@given(
    values=st.lists(st.tuples(times, st.integers(0, len(FORMATS) - 1), st.integers(-840, 840)), max_size=8),
    chosen=st.sets(st.sampled_from(FORMATS), min_size=1),
)
def test_dates_are_read_by_formats(values: list[tuple[datetime, int, int]], chosen: set[str]) -> None:
    formats = tuple(sorted(chosen))
    texts = [
        (time.replace(tzinfo=UTC) + timedelta(minutes=offset)).astimezone(ZoneInfo("UTC")).strftime(FORMATS[place])
        for time, place, offset in values
    ]
    data = {"x": ("string", [*texts, "31/02/2024 00:00:00.5", None, ""])}

    done = applied(data, {"kind": "parse_dates", "columns": ["x"], "formats": list(formats)})

    assert done["x"] == [*(python_reads(text, formats) for text in texts), None, None, None]


USUAL: list[tuple[str, datetime | None]] = [
    ("2024-03-04", datetime(2024, 3, 4)),
    ("2024-03-04T05:06:07.25Z", datetime(2024, 3, 4, 5, 6, 7, 250000)),
    ("2024-03-04 05:06:07+05:30", datetime(2024, 3, 3, 23, 36, 7)),
    ("03/04/2024", datetime(2024, 3, 4)),
    ("3/4/2024 5:06 PM", datetime(2024, 3, 4, 17, 6)),
    ("4.3.2024 05:06", datetime(2024, 3, 4, 5, 6)),
    ("20240304", datetime(2024, 3, 4)),
    (" 4 Mar 2024 ", datetime(2024, 3, 4)),
    ("March  4, 2024", datetime(2024, 3, 4)),
    ("13/04/2024", None),
    ("2024-13-04", None),
    ("2024-02-30", None),
    ("2024-03-04 25:00", None),
    ("yesterday", None),
]


def test_the_usual_ways_of_writing_are_known() -> None:
    done = applied({"x": ("string", [text for text, _ in USUAL])}, {"kind": "parse_dates", "columns": ["x"]})

    assert dict(zip([text for text, _ in USUAL], done["x"], strict=True)) == dict(USUAL)
    assert done.entry["warnings"] == [
        {
            **{"code": "not_converted", "column": "x", "params": {"rows": 5}},
            "detail": "5 values could not be converted",
        }
    ]


def test_two_digits_are_a_year_near_to_ours() -> None:
    step = {"kind": "parse_dates", "columns": ["x"], "formats": ["%d.%m.%y"], "to": "date"}

    assert applied({"x": ("string", ["1.2.68", "1.2.69", "1.2.2024"])}, step)["x"] == [
        date(2068, 2, 1), date(1969, 2, 1), None,
    ]  # fmt: skip


def test_the_day_may_come_first_and_a_date_is_kept_as_it_is_written() -> None:
    step = {"kind": "parse_dates", "columns": ["x"], "day_first": True, "to": "date", "zone": "Asia/Shanghai"}

    done = applied({"x": ("string", ["03/04/2024", "13/04/2024", "2024-03-04T23:00:00-05:00"])}, step)

    assert done["x"] == [date(2024, 4, 3), date(2024, 4, 13), date(2024, 3, 4)]


ZONES: list[tuple[str, datetime]] = [
    ("2024-01-15 12:00", datetime(2024, 1, 15, 11)),
    ("2024-07-15 12:00", datetime(2024, 7, 15, 10)),
    ("2024-10-27 02:30", datetime(2024, 10, 27, 0, 30)),  # twice: the first
    ("2024-03-31 02:30", datetime(2024, 3, 31, 1)),  # never: when clocks go on
    ("2024-07-15T12:00:00Z", datetime(2024, 7, 15, 12)),  # says it itself
]


def test_times_without_an_offset_are_of_the_zone() -> None:
    step = {"kind": "parse_dates", "columns": ["x"], "zone": "Europe/Berlin"}

    assert applied({"x": ("string", [text for text, _ in ZONES])}, step)["x"] == [time for _, time in ZONES]


def test_dates_become_times_and_times_dates() -> None:
    data = {"d": ("date", [date(2024, 7, 1), None]), "t": ("timestamp", [datetime(1969, 12, 31, 23), None])}
    done = applied(
        data,
        {"kind": "parse_dates", "columns": ["d"], "zone": "Europe/Berlin"},
        {"kind": "parse_dates", "columns": ["t"], "to": "date"},
    )

    assert (done["d"], done["t"]) == ([datetime(2024, 6, 30, 22), None], [date(1969, 12, 31), None])


@FEW
@given(values=st.lists(st.none() | times, max_size=8))
def test_dates_are_taken_apart(values: list[datetime | None]) -> None:
    parts: dict[str, Any] = {
        "year": lambda time: time.year,
        "quarter": lambda time: (time.month + 2) // 3,
        "month": lambda time: time.month,
        "day": lambda time: time.day,
        "weekday": lambda time: time.isoweekday(),
        "day_of_year": lambda time: time.timetuple().tm_yday,
        "hour": lambda time: time.hour,
        "minute": lambda time: time.minute,
        "second": lambda time: time.second,
    }
    data = {"x": ("timestamp", values), "y": ("int64", [1] * len(values))}

    done = applied(data, {"kind": "date_parts", "column": "x", "parts": list(parts), "drop": True})

    assert list(done.types) == ["y", *(f"x_{name}" for name in parts)]
    for name, part in parts.items():
        assert done[f"x_{name}"] == [None if value is None else part(value) for value in values]


@pytest.mark.parametrize("bad", ["%d/%m", "%Y-%m", "%Y-%m-%d %M", "%Q", "%Y %Y %m %d", "%Y-%m-%d %I:%M", "%j %d %Y"])
def test_formats_of_which_no_date_comes_are_refused(bad: str) -> None:
    found = problems([{"kind": "parse_dates", "columns": ["x"], "formats": [bad]}])

    assert list(found) == ["steps[0].formats"]
    assert f"The format {bad!r} cannot be read" in found["steps[0].formats"][0]
