"""What was typed into the grid of quotas: what of it differs from what its page showed, and what of that is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from apps.quotas.admin.grid import ALL, LIMITS, NONE, Column, Typed, place_of
from apps.quotas.admin.grid_text import UNLIMITED, amount_of, limit_text, text_of
from apps.quotas.models.cohort import WEIGHT_MOST
from apps.quotas.services.quota_grid import Limit, QuotaChange

LETTERS = {"q": "", **{f"q{letter}": letter for letter in LIMITS}}


@dataclass(slots=True)
class _Cell:
    """The inputs of one quota that differ from what was shown: by letter what was, as named, and the text now."""

    owner_id: UUID
    column: Column
    was: str = ""
    """Of its nominal, as named."""
    inputs: dict[str, tuple[str, str]] = field(default_factory=dict)


def typed_of(posted: Mapping[str, str], owners: Mapping[UUID, str], columns: Sequence[Column]) -> Typed:
    """What of the form differs from what its page showed.

    Args:
        owners: id → name of the queues and cohorts that the form may be about.
    """
    found = Typed()
    known = {(column.resource, column.flavor): column for column in columns}
    cells: dict[str, _Cell] = {}
    for name, text in posted.items():
        parts = name.split("|", 4)
        if len(parts) != 5 or parts[0] not in LETTERS:
            continue
        owner_id, column = _uuid(parts[1]), known.get((parts[2], parts[4]))
        if owner_id not in owners or owner_id is None or column is None:
            continue
        cell = cells.setdefault(place_of(owner_id, column.resource, column.flavor), _Cell(owner_id, column))
        _enter(cell, LETTERS[parts[0]], parts[3], text.strip())
    for place, cell in cells.items():
        if cell.inputs:
            _take(found, place, cell, owners[cell.owner_id])
    return found


def _enter(cell: _Cell, letter: str, was: str, text: str) -> None:
    resource = cell.column.resource
    if not letter:
        cell.was = was
        shown = text_of(resource, _whole(was))
    else:
        shown = limit_text(letter, resource, _limit(was)) if was == ALL or _limit(was) is not None else ""
    if text != shown:
        cell.inputs[letter] = (was, text)


def _take(found: Typed, place: str, cell: _Cell, owner: str) -> None:
    found.texts[place] = {letter: text for letter, (_was, text) in cell.inputs.items()}
    was, resource = _whole(cell.was), cell.column.resource
    try:
        nominal = _nominal(cell, was)
        limits = {
            LIMITS[letter]: Limit(_limit(before), _wanted(letter, resource, text))
            for letter, (before, text) in cell.inputs.items()
            if letter
        }
    except ValueError as error:
        found.errors[place] = f"{owner} · {cell.column.title}: {error}"
        return
    limits = {name: limit for name, limit in limits.items() if limit.was != limit.wanted or was is None}
    if nominal != was or limits:
        found.changes.append(QuotaChange(cell.owner_id, resource, cell.column.flavor, was, nominal, limits))


def _nominal(cell: _Cell, was: int | None) -> int:
    if "" not in cell.inputs:
        if was is None:
            raise ValueError(_("Say first how much it is guaranteed; 0 is an amount, too."))
        return was
    text = cell.inputs[""][1]
    if not text:
        raise ValueError(_("A quota is set to 0, never removed."))
    return amount_of(cell.column.resource, text)


def _wanted(letter: str, resource: str, text: str) -> float | None:
    if letter != "w":
        return None if text in ("", UNLIMITED) else amount_of(resource, text)
    if not text:
        return None
    try:
        weight = float(text)
    except ValueError as error:
        raise ValueError(_("“%(text)s” is no number.") % {"text": text}) from error
    if not (math.isfinite(weight) and 0 <= weight <= WEIGHT_MOST):
        raise ValueError(_("A weight is between 0 and %(most)s.") % {"most": f"{WEIGHT_MOST:g}"})
    return weight


def _whole(was: str) -> int | None:
    return int(was) if was.isdecimal() else None


def _limit(was: str) -> float | None:
    """Of a limit that was named in an input: none where there was none, or no quota."""
    if was in (ALL, NONE):
        return None
    try:
        found = int(was) if was.isdecimal() else float(was)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
