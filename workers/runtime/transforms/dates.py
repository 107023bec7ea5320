"""Dates and times: read from text, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workers.contracts.recipes.formats import MONTHS, Format, read_format, usual_formats

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_STRING: Final = pa.large_string()
_SHORT: Final = pa.array([name[:3] for name in MONTHS], _STRING)
_LONG: Final = pa.array(MONTHS, _STRING)
_DAY: Final = 86_400_000_000
_PARTS: Final = {
    "year": pc.year,
    "quarter": pc.quarter,
    "month": pc.month,
    "day": pc.day,
    "weekday": lambda times: pc.day_of_week(times, count_from_zero=False, week_start=1),
    "day_of_year": pc.day_of_year,
    "hour": pc.hour,
    "minute": pc.minute,
    "second": pc.second,
}


def parse(array: pa.Array, kind: str, how: Mapping[str, Any]) -> pa.Array:
    """timestamp[us] in UTC, or date32 as it is written; null where no format fits, or there is no such day.

    `how`: the options of the step `parse_dates`. A time without an offset is of the zone; of an hour that clocks show
    twice it is the first, and one that they leave out is that at which they go on.
    """
    if kind != "string":
        return _between(array, kind, how)
    formats = [read_format(text) for text in how["formats"] or usual_formats(day_first=how["day_first"])]
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(array))
    made = np.zeros(len(texts), dtype=np.int64)
    left = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
    is_read = np.zeros(len(texts), dtype=np.bool_)
    for each in formats:
        if not len(left):
            break
        rows = texts.take(pa.array(left))
        found = pc.extract_regex(rows, each.pattern)
        fits = pc.is_valid(found).to_numpy(zero_copy_only=False)
        if not fits.any():
            continue
        places = left[fits]
        micros, good = _moments(found.filter(pa.array(fits)), each, how)
        made[places[good]] = micros[good]
        is_read[places[good]] = True
        left = left[~np.isin(left, places[good], assume_unique=True)]
    if how["to"] == "date":
        return pa.array((made // _DAY).astype(np.int32), pa.int32(), mask=~is_read).cast(pa.date32())
    return pa.array(made, pa.int64(), mask=~is_read).cast(pa.timestamp("us"))


def _between(array: pa.Array, kind: str, how: Mapping[str, Any]) -> pa.Array:
    """From a date or a time to the other."""
    if how["to"] == "date":
        return array if kind == "date" else pc.cast(pc.floor_temporal(array, unit="day"), pa.date32(), safe=False)
    return array if kind == "timestamp" else _to_utc(pc.cast(array, pa.timestamp("us")), how["zone"])


def _to_utc(times: pa.Array, zone: str) -> pa.Array:
    """Naive times of a zone as naive times of UTC."""
    if zone == "UTC":
        return times
    aware = pc.assume_timezone(times, zone, ambiguous="earliest", nonexistent="latest")
    return pc.local_timestamp(pc.cast(aware, pa.timestamp("us", "UTC")))


def _moments(found: pa.Array, how_written: Format, how: Mapping[str, Any]) -> tuple[Whole, Flags]:
    """Microseconds since 1970, and which of them are real."""
    fields = _Fields(found, how_written)
    days, good = fields.days()
    micros, in_day = fields.time_of_day()
    made = days * _DAY + micros
    good &= in_day
    if how["to"] == "date":
        return made, good
    if how_written.has_offset:
        minutes, real = fields.offset()
        return made - minutes * 60_000_000, good & real
    times = pa.array(np.where(good, made, 0), pa.int64()).cast(pa.timestamp("us"))
    return _to_utc(times, how["zone"]).cast(pa.int64()).to_numpy(zero_copy_only=False), good


class _Fields:
    """What a format found in texts that fit it."""

    def __init__(self, found: pa.Array, how_written: Format) -> None:
        self._found = found
        self._names = how_written.fields
        self._count = len(found)

    def _text(self, name: str) -> pa.Array:
        return pc.cast(pc.struct_field(self._found, name), _STRING)

    def _number(self, name: str) -> Whole:
        if name not in self._names:
            return np.zeros(self._count, dtype=np.int64)
        numbers: Whole = pc.cast(self._text(name), pa.int64()).to_numpy(zero_copy_only=False)
        return numbers

    def days(self) -> tuple[Whole, Flags]:
        """Days since 1970, and which of them are in the calendar."""
        year = self._number("year")
        if "short_year" in self._names:
            short = self._number("short_year")
            year = short + np.where(short <= 68, 2000, 1900)
        real: Flags = (year >= 1) & (year <= 9999)
        year = np.where(real, year, 1970)
        if "day_of_year" in self._names:
            first = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
            after = (year - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
            place = self._number("day_of_year")
            return first + place - 1, real & (place >= 1) & (place <= after - first)
        month, day = self._month(), self._number("day")
        real &= (month >= 1) & (month <= 12)
        months = (year - 1970) * 12 + np.where(real, month, 1) - 1
        first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        return first + day - 1, real & (day >= 1) & (day <= after - first)

    def _month(self) -> Whole:
        for name, known in (("short_name", _SHORT), ("long_name", _LONG)):
            if name in self._names:
                places: Whole = pc.index_in(self._text(name), known).to_numpy(zero_copy_only=False)
                return places.astype(np.int64) + 1
        return self._number("month")

    def time_of_day(self) -> tuple[Whole, Flags]:
        """Microseconds since midnight, and which of them a clock shows."""
        hour, minute, second = (self._number(name) for name in ("hour", "minute", "second"))
        real: Flags = (hour <= 23) & (minute <= 59) & (second <= 59)
        if "hour12" in self._names:
            shown = self._number("hour12")
            real &= (shown >= 1) & (shown <= 12)
            late = pc.starts_with(self._text("half"), "p").to_numpy(zero_copy_only=False)
            hour = shown % 12 + np.where(late, 12, 0)
        fraction = np.zeros(self._count, dtype=np.int64)
        if "fraction" in self._names:
            padded = pc.utf8_slice_codeunits(pc.utf8_rpad(self._text("fraction"), 6, "0"), 0, 6)
            fraction = pc.cast(padded, pa.int64()).to_numpy(zero_copy_only=False)
        return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction, real

    def offset(self) -> tuple[Whole, Flags]:
        """Minutes east of Greenwich."""
        text = self._text("offset")
        digits = pc.replace_substring_regex(text, "[^0-9]", "")
        number = pc.cast(pc.if_else(pc.equal(digits, ""), "0", digits), pa.int64()).to_numpy(zero_copy_only=False)
        west = pc.starts_with(text, "-").to_numpy(zero_copy_only=False)
        hours, minutes = number // 100, number % 100
        real: Flags = (hours <= 23) & (minutes <= 59)
        return np.where(west, -1, 1) * (hours * 60 + minutes), real


def part(array: pa.Array, name: str) -> pa.Array:
    """One part of dates or times as int64."""
    return pc.cast(_PARTS[name](array), pa.int64())
