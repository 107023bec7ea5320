"""Amounts as the grid of quotas shows and takes them: cores, GiB, devices."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

from apps.common.panel.cells import number
from apps.quotas.services.quotas import NOMINAL_MOST
from apps.quotas.states import Resource

GIB = 1 << 30
UNITS = {"": GIB, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": GIB, "TIB": 1 << 40, "PIB": 1 << 50}
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)")
UNLIMITED: Final = "∞"


def text_of(resource: str, value: int | None) -> str:
    """An amount as the grid shows it, without its unit: cores, GiB, devices."""
    if value is None:
        return ""
    if resource == Resource.CPU_MILLIS:
        return number(value / 1000)
    return number(round(value / GIB, 2)) if resource == Resource.MEMORY_BYTES else str(value)


def held_text(resource: str, value: float) -> str:
    """As `text_of`; of devices also parts."""
    return number(round(value, 3)) if resource == Resource.GPUS else text_of(resource, round(value))


def limit_text(letter: str, resource: str, value: float | None) -> str:
    """A limit, or a weight, as the grid shows it."""
    if letter == "w":
        return "" if value is None else f"{value:g}"
    return UNLIMITED if value is None else text_of(resource, int(value))


def amount_of(resource: str, text: str) -> int:
    """The inverse of `text_of`, in the unit of the resource; memory may name another unit: `512 MiB`.

    Raises:
        ValueError: with a sentence for people.
    """
    found = _NUMBER.fullmatch(text.strip().replace(",", ""))
    if found is None:
        raise ValueError(_("“%(text)s” is no amount.") % {"text": text.strip()})
    count, unit = found[1], found[2].upper()
    if resource == Resource.MEMORY_BYTES:
        if unit not in UNITS:
            raise ValueError(_("“%(unit)s” is no unit; there are MiB, GiB and TiB.") % {"unit": found[2]})
        value = round(float(count) * UNITS[unit])
    elif unit:
        raise ValueError(_("“%(text)s” is no number.") % {"text": text.strip()})
    elif resource == Resource.CPU_MILLIS:
        value = round(float(count) * 1000)
    elif "." in count:
        raise ValueError(_("Devices are whole: “%(text)s”.") % {"text": count})
    else:
        value = int(count)
    if value > NOMINAL_MOST:
        raise ValueError(_("“%(text)s” is more than can be counted.") % {"text": text.strip()})
    return value
