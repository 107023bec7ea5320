"""Columns whose values rise or fall from row to row, as the times of a log do."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence

from workers.runtime.cleaning.profiling.frame import Framed
from workers.runtime.cleaning.profiling.source import ROWS, Source
from workers.runtime.cleaning.profiling.tallies import SORTED_MOST
from workers.runtime.cleaning.schema import ORDINAL, quoted

ROWS_LEAST = 20
_BY_SQL = {"strictly_increasing": ">", "increasing": ">=", "strictly_decreasing": "<", "decreasing": "<="}


def orders(source: Source, frame: Sequence[Framed]) -> dict[str, str]:
    """Name → `strictly_increasing`, `increasing`, `strictly_decreasing` or `decreasing`, missing values passed over.

    What the rows drawn do not refute is looked at in all rows, up to eight million.
    """
    found = {}
    for column in frame:
        likely = _order(column)
        if likely and not source.is_whole and source.rows <= SORTED_MOST:
            likely = next(
                (each for each in (likely, likely.removeprefix("strictly_")) if _holds(source, column, each)), ""
            )
        if likely:
            found[column.name] = likely
    return found


def _order(column: Framed) -> str:
    values = column.values[~column.missing] if len(column.values) else column.values
    if len(values) < ROWS_LEAST or column.is_constant:
        return ""
    before, after = values[:-1], values[1:]
    if (after >= before).all():
        return "strictly_increasing" if (after > before).all() else "increasing"
    if (after <= before).all():
        return "strictly_decreasing" if (after < before).all() else "decreasing"
    return ""


def _holds(source: Source, column: Framed, order: str) -> bool:
    name = quoted(column.name)
    rows = (
        f"SELECT {name} AS value, lag({name}) OVER (ORDER BY {ORDINAL}) AS before FROM {ROWS} WHERE {name} IS NOT NULL"
    )
    query = f"SELECT coalesce(bool_and(value {_BY_SQL[order]} before), false) FROM ({rows}) WHERE before IS NOT NULL"
    return bool(source.one(query)[0])
