"""How dates are written, by the signs of strptime, as far as one of them means the same everywhere.

%Y year, four digits   %y year, two digits (00-68 is 20…)   %m month   %d day   %j day of the year
%b %B name of the month in English, short or whole   %H hour (0-23)   %I hour (1-12)   %p am or pm
%M minute   %S second   %f fraction of a second, one to nine digits, kept to microseconds
    %z offset (+02:00, +0200, Z)   %% the sign
A blank stands for one or more blanks; names and am/pm in any case.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SHORT = "|".join(name[:3] for name in MONTHS)
_LONG = "|".join(MONTHS)
_SIGNS: Final = {
    "Y": ("year", "[0-9]{4}"),
    "y": ("short_year", "[0-9]{2}"),
    "m": ("month", "[0-9]{1,2}"),
    "d": ("day", "[0-9]{1,2}"),
    "j": ("day_of_year", "[0-9]{1,3}"),
    "b": ("short_name", f"(?:{_SHORT})"),
    "B": ("long_name", f"(?:{_LONG})"),
    "H": ("hour", "[0-9]{1,2}"),
    "I": ("hour12", "[0-9]{1,2}"),
    "p": ("half", "[ap]\\.?m\\.?"),
    "M": ("minute", "[0-9]{1,2}"),
    "S": ("second", "[0-9]{1,2}"),
    "f": ("fraction", "[0-9]{1,9}"),
    "z": ("offset", "z|[+-][0-9]{2}:?[0-9]{2}"),
}
_SPECIAL = frozenset(r".^$*+?{}[]\|()-/")


class FormatError(ValueError):
    """A format that is wrong; what is wrong, as a clause."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format as a regular expression (RE2) over lower-case text, one named group for each of `fields`."""

    pattern: str
    fields: frozenset[str]

    @property
    def has_offset(self) -> bool:
        return "offset" in self.fields


@functools.lru_cache(maxsize=512)  # where a model is served, the usual ones are read for every request
def read_format(text: str) -> Format:
    """Raises FormatError for a sign that is not known, that stands twice, or where no date can come of it."""
    parts: list[str] = []
    fields: list[str] = []
    index = 0
    while index < len(text):
        sign = text[index]
        if sign == "%":
            index += 1
            tight = text[index + 1 : index + 2] == "%" or (index >= 3 and text[index - 3] == "%")
            parts.append(_field(text[index : index + 1], fields, tight=tight))
        elif sign.isspace():
            if not parts or parts[-1] != r"\s+":
                parts.append(r"\s+")
        else:
            lower = sign.lower()
            parts.append(f"\\{lower}" if lower in _SPECIAL else lower)
        index += 1
    _check(set(fields))
    return Format(f"^{''.join(parts)}$", frozenset(fields))


def _field(sign: str, fields: list[str], *, tight: bool) -> str:
    """`tight`: another field stands directly beside it, so that it has all its digits."""
    if sign == "%":
        return "%"
    if sign not in _SIGNS:
        raise FormatError(f"%{sign} is not known; known are {', '.join('%' + each for each in _SIGNS)} and %%")
    name, pattern = _SIGNS[sign]
    if name in fields:
        raise FormatError(f"%{sign} stands twice")
    fields.append(name)
    if tight and name != "fraction":
        pattern = pattern.replace("{1,2}", "{2}").replace("{1,3}", "{3}")
    return f"(?P<{name}>{pattern})"


def _check(fields: set[str]) -> None:
    years, months = fields & {"year", "short_year"}, fields & {"month", "short_name", "long_name"}
    if len(years) != 1:
        raise FormatError("it has one of %Y and %y")
    if "day_of_year" in fields:
        if months or "day" in fields:
            raise FormatError("beside %j there is no month and no day")
    elif len(months) != 1 or "day" not in fields:
        raise FormatError("it has one of %m, %b and %B, and %d")
    if len(fields & {"hour", "hour12"}) > 1:
        raise FormatError("it has %H or %I, not both")
    if ("hour12" in fields) != ("half" in fields):
        raise FormatError("%I and %p go together")
    if "minute" in fields and not fields & {"hour", "hour12"}:
        raise FormatError("%M needs an hour")
    if "second" in fields and "minute" not in fields:
        raise FormatError("%S needs %M")
    if "fraction" in fields and "second" not in fields:
        raise FormatError("%f needs %S")


def usual_formats(*, day_first: bool) -> list[str]:
    """What is tried when nobody said a format; the first that fits a text counts."""
    days = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", *(["%d/%m/%Y", "%d-%m-%Y"] if day_first else ["%m/%d/%Y", "%m-%d-%Y"])]
    days += ["%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"]
    times = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p"]
    zoned = [f"%Y-%m-%d{between}%H:%M:%S{rest}" for between in ("T", " ") for rest in ("", ".%f", "%z", ".%f%z")]
    return [f"{day}{time}" for day in days for time in times] + [*zoned, "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"]
