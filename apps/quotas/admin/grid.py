"""Quotas of a pool as a grid: projects down, resources across; what is typed there and what of it is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from apps.common.panel.cells import number
from apps.quotas.models import Queue
from apps.quotas.selectors.usage import Amount, QueueUsage
from apps.quotas.services.quota_grid import QuotaChange
from apps.quotas.services.quotas import NOMINAL_MOST
from apps.quotas.states import Resource

GIB = 1 << 30
UNITS = {"": GIB, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": GIB, "TIB": 1 << 40, "PIB": 1 << 50}
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)")
NONE = "none"
"""In a cell's name: there was no quota when the page was made."""


@dataclass(frozen=True, slots=True)
class Column:
    """One resource; for GPUs all kinds together, or one."""

    resource: str
    flavor: str
    capacity: int
    simulated: bool = False

    @property
    def title(self) -> str:
        if self.resource == Resource.GPUS:
            return self.flavor or _("GPUs of all kinds")
        return _("CPU") if self.resource == Resource.CPU_MILLIS else _("Memory")

    @property
    def unit(self) -> str:
        if self.resource == Resource.GPUS:
            return _("devices")
        return _("cores") if self.resource == Resource.CPU_MILLIS else "GiB"

    @property
    def capacity_text(self) -> str:
        return text_of(self.resource, self.capacity)


@dataclass(slots=True)
class Cell:
    """One quota: what it is, what of it is in use, what was typed."""

    column: Column
    queue_id: UUID
    amount: Amount
    typed: str | None = None
    error: str = ""

    @property
    def was(self) -> int | None:
        return self.amount.nominal

    @property
    def name(self) -> str:
        """Of its input: it says what the page showed, so that a change by somebody else is seen."""
        was = NONE if self.was is None else str(self.was)
        return f"q|{self.queue_id}|{self.column.resource}|{was}|{self.column.flavor}"

    @property
    def text(self) -> str:
        return self.typed if self.typed is not None else text_of(self.column.resource, self.was)

    @property
    def reserved_text(self) -> str:
        return text_of(self.column.resource, self.amount.reserved)

    @property
    def used_text(self) -> str:
        return text_of(self.column.resource, self.amount.used)

    @property
    def most(self) -> int:
        return self.was or 0

    @property
    def over(self) -> bool:
        """More is held than the quota allows: it was lowered, and what was admitted stays."""
        return self.was is not None and self.amount.reserved > self.was

    @property
    def beyond(self) -> bool:
        """More than the whole pool has."""
        return (self.was or 0) > self.column.capacity


@dataclass(slots=True)
class Row:
    """One project's queue."""

    queue: Queue
    cells: list[Cell]
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Total:
    """All projects together against what the pool has."""

    column: Column
    nominal: int
    reserved: int
    used: int

    @property
    def nominal_text(self) -> str:
        return text_of(self.column.resource, self.nominal)

    @property
    def reserved_text(self) -> str:
        return text_of(self.column.resource, self.reserved)

    @property
    def times(self) -> str:
        """`1.5`: by how much it is over-committed; empty: it is not."""
        if self.nominal <= self.column.capacity or not self.nominal:
            return ""
        return number(round(self.nominal / self.column.capacity, 2)) if self.column.capacity else "∞"


@dataclass(slots=True)
class Typed:
    """What came with the form."""

    changes: list[QuotaChange] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """By the cells' places."""
    errors: dict[str, str] = field(default_factory=dict)


def place_of(queue_id: UUID | str, resource: str, flavor: str) -> str:
    """A cell, whatever was in it."""
    return f"{queue_id} {resource} {flavor}".rstrip()


def text_of(resource: str, value: int | None) -> str:
    """An amount as the grid shows it, without its unit: cores, GiB, devices."""
    if value is None:
        return ""
    if resource == Resource.CPU_MILLIS:
        return number(value / 1000)
    return number(round(value / GIB, 2)) if resource == Resource.MEMORY_BYTES else str(value)


def amount_of(resource: str, text: str) -> int:
    """The inverse, in the unit of the resource; memory may name another unit: `512 MiB`.

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


def typed_of(posted: Mapping[str, str], queues: Mapping[UUID, str], columns: Sequence[Column]) -> Typed:
    """What of the form differs from what its page showed, and what of that is wrong.

    Args:
        queues: id → name of the queues that the form may be about.
    """
    found = Typed()
    known = {(column.resource, column.flavor): column for column in columns}
    for name, text in posted.items():
        parts = name.split("|", 4)
        if len(parts) != 5 or parts[0] != "q":
            continue
        queue_id, column = _uuid(parts[1]), known.get((parts[2], parts[4]))
        if queue_id not in queues or queue_id is None or column is None:
            continue
        was = int(parts[3]) if parts[3].isdecimal() else None
        _take(found, queues[queue_id], queue_id, column, was, text.strip())
    return found


def _take(found: Typed, project: str, queue_id: UUID, column: Column, was: int | None, text: str) -> None:
    if text == text_of(column.resource, was):
        return
    place = place_of(queue_id, column.resource, column.flavor)
    found.texts[place] = text
    try:
        if not text:
            raise ValueError(_("A quota is set to 0, never removed."))
        nominal = amount_of(column.resource, text)
    except ValueError as error:
        found.errors[place] = f"{project} · {column.title}: {error}"
        return
    if nominal != was:
        found.changes.append(QuotaChange(queue_id, column.resource, column.flavor, was, nominal))


def rows_of(usages: Sequence[QueueUsage], columns: Sequence[Column], typed: Typed) -> list[Row]:
    """The grid's rows, with what was typed where something was."""
    return [
        Row(usage.queue, [_cell(usage, column, typed) for column in columns], usage.running, usage.waiting)
        for usage in usages
    ]


def _cell(usage: QueueUsage, column: Column, typed: Typed) -> Cell:
    amounts = {(one.resource, one.flavor): one for one in usage.amounts}
    amount = amounts.get((column.resource, column.flavor)) or _without_quota(usage, column)
    place = place_of(usage.queue.pk, column.resource, column.flavor)
    return Cell(column, usage.queue.pk, amount, typed.texts.get(place), typed.errors.get(place, ""))


def _without_quota(usage: QueueUsage, column: Column) -> Amount:
    """What is held of something that has no quota of its own; all kinds of GPU are the sum of each."""
    of_kinds = [one for one in usage.amounts if one.resource == column.resource and one.flavor and not column.flavor]
    reserved, used = sum(one.reserved for one in of_kinds), sum(one.used for one in of_kinds)
    return Amount(column.resource, column.flavor, None, reserved, used)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
