"""When a schedule comes next: five fields of cron in a time zone, or every so many seconds. Pure.

Minute, hour, day of the month, month, day of the week (0 or 7 is Sunday); `*`, lists, ranges, steps, and names of
months and days. As cron has it, when both days are restricted either will do. A time that a change of the clock leaves
out comes at the first minute after it; one that comes twice comes once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

LEAST_SECONDS: Final = 60
MOST_SECONDS: Final = 366 * 86400
DAYS_AHEAD: Final = 366 * 8 + 2
"""The 29th of February comes within eight years, also around a year that leaves it out."""
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
RANGES: Final = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


class BadTimes(ValueError):
    """The text is for people."""


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both kinds of day are restricted."""

    def has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


def cron_of(text: str) -> Cron:
    """Read five fields.

    Raises:
        BadTimes: they cannot be read, or never come.
    """
    fields = text.lower().split()
    if len(fields) != len(RANGES):
        raise BadTimes("has five fields: minute, hour, day, month, weekday")
    found = {name: _values(name, field) for (name, _), field in zip(RANGES.items(), fields, strict=True)}
    weekdays = frozenset(0 if day == 7 else day for day in found["weekday"])
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    months, days = frozenset(found["month"]), frozenset(found["day"])
    if not either and not any(day <= _longest(month) for month in months for day in days):
        raise BadTimes("names a day that no month has")
    return Cron(tuple(sorted(found["minute"])), tuple(sorted(found["hour"])), days, months, weekdays, either)


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name; raises BadTimes."""
    if name not in available_timezones():
        raise BadTimes(f"{name!r} is no time zone; one is Europe/Berlin, another Asia/Shanghai")
    return ZoneInfo(name)


def next_after(moment: datetime, *, cron: str, every_seconds: int | None, time_zone: str) -> datetime:
    """The first time after `moment` (aware), in UTC.

    Raises:
        BadTimes: the times cannot be read.
    """
    if every_seconds:
        if not LEAST_SECONDS <= every_seconds <= MOST_SECONDS:
            raise BadTimes(f"comes every {LEAST_SECONDS} to {MOST_SECONDS} seconds")
        return moment.astimezone(UTC) + timedelta(seconds=every_seconds)
    times, zone = cron_of(cron), zone_of(time_zone)
    local = moment.astimezone(zone)
    for ahead in range(DAYS_AHEAD):
        day = local.date() + timedelta(days=ahead)
        if times.has(day):
            for hour in times.hours:
                for minute in times.minutes:
                    found = _real(datetime.combine(day, time(hour, minute)), zone)
                    if found > moment:
                        return found
    raise BadTimes("names a time that does not come")


def _real(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a clock on the wall shows this, or, where it is passed over, next shows more."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first if first.astimezone(zone).replace(tzinfo=None) == wall else _gap_end(wall, zone)


def _gap_end(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first minute of the clock after a gap."""
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while low.astimezone(zone).replace(tzinfo=None) < wall:
        low += timedelta(minutes=1)
    return low


@cache
def _longest(month: int) -> int:
    return 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31


def _values(name: str, field: str) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        found |= _part(name, part)
    return found


def _part(name: str, part: str) -> set[int]:
    low, high = RANGES[name]
    span, _, step = part.partition("/")
    begin, dash, end = span.partition("-")
    try:
        every = int(step) if step else 1
        if span == "*":
            first, last = low, high if name != "weekday" else 6
        else:
            first = _number(name, begin)
            last = _number(name, end) if dash else (high if step else first)
    except ValueError:
        raise BadTimes(f"{part!r} is no {name}") from None
    if every < 1 or ("/" in part and not step) or not low <= first <= last <= high:
        raise BadTimes(f"{part!r} is no {name}: those go from {low} to {high}")
    return set(range(first, last + 1, every))


def _number(name: str, text: str) -> int:
    names = {"month": MONTHS, "weekday": WEEKDAYS}.get(name, ())
    if text in names:
        return names.index(text) + (name == "month")
    if not text.isdecimal() or not text.isascii() or len(text) > 2:
        raise ValueError(text)
    return int(text)
