"""What a job that compares two versions leaves, checked before it is believed."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from apps.datasets.services.results import BadResult, ColumnName, Count
from workers.contracts.sentences import say


class RowCounts(Struct, frozen=True):
    before: Count
    after: Count
    added: Count
    removed: Count
    same: Count
    changed: Count | None = None
    """None where no key tells rows apart."""


class ChangedCells(Struct, frozen=True):
    name: ColumnName
    changed: Count


class Examples(Struct, frozen=True):
    added: list[dict[str, Any]]
    removed: list[dict[str, Any]]
    changed: list[dict[str, Any]]


class Comparison(Struct, frozen=True):
    key: list[ColumnName]
    schema: dict[str, list[dict[str, Any]]]
    rows: RowCounts
    columns: list[ChangedCells]
    examples: Examples
    drift: dict[str, Any]


def comparison_of(result: dict[str, Any] | None, *, before_rows: int, after_rows: int) -> dict[str, Any]:
    """The result of `compare`, for versions of so many rows.

    Raises:
        BadResult: it is not of the agreed form, or about other data.
    """
    if result is None:
        raise BadResult(say("result_none"))
    try:
        found = msgspec.convert(result, Comparison)
    except msgspec.ValidationError as error:
        raise BadResult(say("result_form", error=error)) from None
    rows = found.rows
    kept = rows.same + (rows.changed or 0)
    for side, said, held in (("before", before_rows, kept + rows.removed), ("after", after_rows, kept + rows.added)):
        if not said == held == getattr(rows, side):
            raise BadResult(say("result_compared", said=held, rows=said))
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain
