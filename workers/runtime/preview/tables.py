"""Two looks at the same rows as one table for people: what is there after a step, and what was there before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.schema import ORDINAL, Column
from workers.runtime.cleaning.watch import Flags, differences

ROWS = 40
COLUMNS = 60
"""Shown at most; columns in which something changed come before others, in the order of the data."""


def table_of(
    before: pa.Table, after: pa.Table, columns_before: Sequence[Column], columns_after: Sequence[Column]
) -> dict[str, Any]:
    """`{"columns": […], "column_count", "rows": […]}`.

    A column is `{"name", "type", "type_before", "change"}`, `change` one of `none`, `added`, `removed`. A row is
    `{"ordinal", "change", "values", "before"}`: `change` as of a column, `before` maps the place of a changed column
    to what stood there.
    Rows that changed come first in the choice, so that a rare change is seen; they are shown by ordinal.
    """
    olds, news = {column.name: column for column in columns_before}, {column.name: column for column in columns_after}
    place, left = _places(before, after)
    differ = differences(before.take(pa.array(place[place >= 0])), after.filter(pa.array(place >= 0)))
    names = _chosen_columns([*news, *(name for name in olds if name not in news)], news, olds, differ)
    rows = _chosen_rows(place, left, differ, names)
    looks = _cells(before, names), _cells(after, names)
    return {
        "columns": [_column(name, olds, news) for name in names],
        "column_count": len(news),
        "rows": [_row(*looks, names, place, kind, index) for kind, index in rows],
    }


Cells = dict[str, pa.ChunkedArray]
Chosen = tuple[str, int]
"""`removed` and a place in the look before; else `none` or `added`, and a place in the look after."""


def _places(before: pa.Table, after: pa.Table) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[int]]:
    """Per row after, its place before (-1: it was not there); and the places before of those that left."""
    old, new = (table.column(ORDINAL).combine_chunks() for table in (before, after))
    place = pc.fill_null(pc.index_in(new, value_set=old), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    gone = np.setdiff1d(np.arange(len(old)), place, assume_unique=False)
    return place, gone.tolist()


def _chosen_columns(
    names: list[str], news: dict[str, Column], olds: dict[str, Column], differ: dict[str, Flags]
) -> list[str]:
    changed = [name for name in names if name in differ or name not in olds or name not in news]
    others = [name for name in names if name not in changed]
    chosen = set([*changed, *others][:COLUMNS])
    return [name for name in names if name in chosen]


def _chosen_rows(
    place: np.ndarray[Any, np.dtype[np.int64]], left: list[int], differ: dict[str, Flags], names: list[str]
) -> list[Chosen]:
    kept = np.flatnonzero(place >= 0)
    firsts = [int(kept[np.argmax(differ[name])]) for name in names if name in differ and differ[name].any()]
    flags = [differ[name] for name in names if name in differ]
    changed = kept[np.logical_or.reduce(flags)].tolist() if flags else []
    added = np.flatnonzero(place < 0).tolist()
    half = ROWS // 2
    picked = list(dict.fromkeys([*firsts[:half], *changed[:half], *added[: half // 2]]))[
        : ROWS - min(len(left), half // 2)
    ]
    more = [row for row in range(len(place)) if row not in set(picked)]
    removed = left[: max(half // 2, ROWS - len(picked) - len(more))][:half]
    picked = sorted([*picked, *more[: max(0, ROWS - len(picked) - len(removed))]])
    return [*(("added" if place[row] < 0 else "none", row) for row in picked), *(("removed", row) for row in removed)]


def _column(name: str, olds: dict[str, Column], news: dict[str, Column]) -> dict[str, Any]:
    now = news.get(name) or olds[name]
    change = "removed" if name not in news else "added" if name not in olds else "none"
    return {"name": name, "type": now.type, "type_before": (olds.get(name) or now).type, "change": change}


def _row(
    before: Cells,
    after: Cells,
    names: list[str],
    place: np.ndarray[Any, np.dtype[np.int64]],
    kind: str,
    index: int,
) -> dict[str, Any]:
    if kind == "removed":
        values = [_cell(before, name, index) for name in names]
        return {"ordinal": before[ORDINAL][index].as_py(), "change": kind, "values": values, "before": {}}
    values = [_cell(after, name, index) for name in names]
    told: dict[str, Any] = {}
    if kind == "none":
        olds = [_cell(before, name, int(place[index])) for name in names]
        both = zip(names, olds, values, strict=True)
        told = {str(at): old for at, (name, old, new) in enumerate(both) if _is_other(before, after, name, old, new)}
    return {"ordinal": after[ORDINAL][index].as_py(), "change": kind, "values": values, "before": told}


def _is_other(before: Cells, after: Cells, name: str, old: Any, new: Any) -> bool:
    """Of a column that was added or removed, no cell changed: the column did."""
    if name not in before or name not in after:
        return False
    if type(old) is type(new) or old is None or new is None:
        return bool(old != new)
    return str(old).strip() != str(new) and _number(old) != _number(new)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _cells(rows: pa.Table, names: Sequence[str]) -> Cells:
    """The ordinals, and those of the columns that are there."""
    there = {ORDINAL, *names}
    return {name: rows.column(name) for name in rows.column_names if name in there}


def _cell(rows: Cells, name: str, row: int) -> Any:
    return plain(rows[name][row].as_py()) if name in rows else None
