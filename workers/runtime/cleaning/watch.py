"""Some rows of a cleaning run, followed through its steps, so that a report can show what a step did to them.

What is done to all rows is done to these by the same expressions; looking at them costs no pass over the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import Expression

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.projections import computed, filtered
from workers.runtime.cleaning.schema import ORDINAL

ROWS = 5_000
ROWS_LEAST = 20
CELLS = 500_000
"""Watched at most: data with very many columns has fewer rows watched."""
EXAMPLES = 10
EXAMPLE_CELLS = 12
Flags = npt.NDArray[np.bool_]


def rows_watched(width: int) -> int:
    """How many rows of data with that many columns are followed; all, where it has fewer."""
    return max(ROWS_LEAST, min(ROWS, CELLS // max(1, width)))


class Watched:
    """The rows as they stand: a small frame that follows the plan's.

    Nothing is done before somebody asks for a result, and then all that came before it. Not in a thread of its own:
    Daft 0.7 stops for good where two plans with functions of ours run at once.
    """

    def __init__(self, rows: Callable[[], pa.Table]) -> None:
        """`rows` is called at once, in a thread."""
        thread = ThreadPoolExecutor(1, "watched")
        self._rows = thread.submit(rows)
        thread.shutdown(wait=False)
        self._waiting: deque[Callable[[], None]] = deque()
        self._frame: daft.DataFrame | None = None

    @property
    def row_count(self) -> int:
        """How many there were to begin with."""
        return int(self._rows.result().num_rows)

    def compute(self, expressions: Mapping[str, Expression]) -> None:
        """As `Plan.compute`."""
        self._then(lambda frame: computed(frame, expressions))

    def remove(self, ordinals: npt.NDArray[np.int64]) -> None:
        """As `Plan.remove`."""

        def removed(frame: daft.DataFrame) -> daft.DataFrame:
            rows = frame.to_arrow()
            gone = pc.is_in(rows.column(ORDINAL), value_set=pa.array(ordinals))
            return daft.from_arrow(rows.filter(pc.invert(gone)))

        self._then(removed)

    def filter(self, kept: Expression) -> None:
        """As `Plan.filter`."""
        self._then(lambda frame: filtered(frame, kept))

    def look(self, names: Sequence[str]) -> Callable[[], pa.Table]:
        """The rows by ordinal, as they are now, for who asks later: `__ordinal` and these columns."""
        seen: list[pa.Table] = []

        def looked(frame: daft.DataFrame) -> daft.DataFrame:
            seen.append(frame.select(ORDINAL, *names).to_arrow().sort_by(ORDINAL))
            return daft.from_arrow(seen[0])  # what was computed so far is kept

        self._then(looked)

        def shown() -> pa.Table:
            while not seen:
                self._waiting.popleft()()
            return seen[0]

        return shown

    def _then(self, change: Callable[[daft.DataFrame], daft.DataFrame]) -> None:
        def done() -> None:
            frame = daft.from_arrow(self._rows.result()) if self._frame is None else self._frame
            self._frame = change(frame)

        self._waiting.append(done)


def examples(before: pa.Table, after: pa.Table) -> list[dict[str, Any]]:
    """Of two looks at the watched rows those that differ: `[{"ordinal", "is_removed", "cells": [{"column", …}]}]`.

    At most 10 rows, so chosen that many columns have one, and at most 12 cells a row. Where a step only left columns
    out there are none: every row would be one.
    """
    kept = pc.is_in(before.column(ORDINAL), value_set=after.column(ORDINAL).combine_chunks())
    removed = before.filter(pc.invert(kept))
    if removed.num_rows:
        return _removed(removed)
    return _changed(before, after)


def _removed(rows: pa.Table) -> list[dict[str, Any]]:
    names = [name for name in rows.column_names if name != ORDINAL][:EXAMPLE_CELLS]
    return [
        {
            "ordinal": row[ORDINAL],
            "is_removed": True,
            "cells": [{"column": name, "before": plain(row[name]), "after": None} for name in names],
        }
        for row in rows.slice(0, EXAMPLES).select([ORDINAL, *names]).to_pylist()
    ]


def _changed(before: pa.Table, after: pa.Table) -> list[dict[str, Any]]:
    differ = differences(before, after)
    rows = _chosen(list(differ.values()))
    ordinals = before.column(ORDINAL)
    return [
        {
            "ordinal": ordinals[row].as_py(),
            "is_removed": False,
            "cells": [
                {"column": name, "before": _cell(before, name, row), "after": _cell(after, name, row)}
                for name, flags in differ.items()
                if flags[row]
            ][:EXAMPLE_CELLS],
        }
        for row in rows
    ]


def differences(before: pa.Table, after: pa.Table) -> dict[str, Flags]:
    """Column → which rows differ in it; columns without a difference are left out."""
    old, new = set(before.column_names), set(after.column_names)
    added = [name for name in after.column_names if name not in old]
    found = {name: _differs(before.column(name), after.column(name)) for name in after.column_names if name in old}
    if added:  # instead of the ones that are gone
        found |= {name: _holds(before.column(name)) for name in before.column_names if name not in new}
        found |= {name: _holds(after.column(name)) for name in added}
    return {name: flags for name, flags in found.items() if flags.any()}


def _chosen(differ: Sequence[Flags]) -> list[int]:
    """Places of rows: the first of each column in turn, then the first of all, in their order."""
    firsts = [int(np.argmax(flags)) for flags in differ]
    others = np.flatnonzero(np.logical_or.reduce(differ)).tolist() if differ else []
    return sorted(list(dict.fromkeys([*firsts, *others]))[:EXAMPLES])


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Flags:
    """Which values are others now. Text that became the number it spells is no difference."""
    gone: Flags = np.not_equal(_missing(before), _missing(after))
    if before.type != after.type:
        spelled = pc.if_else(pc.is_valid(after), before, pa.scalar(None, before.type))
        try:
            text = pa.types.is_string(spelled.type) or pa.types.is_large_string(spelled.type)
            before = pc.cast(pc.utf8_trim_whitespace(spelled) if text else spelled, after.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a label that became a number
            return gone | ~_missing(after)
    other: Flags = pc.fill_null(pc.not_equal(before, after), False).to_numpy()
    return gone | other


def _missing(values: pa.ChunkedArray) -> Flags:
    flags: Flags = pc.is_null(values).to_numpy()
    return flags


def _holds(values: pa.ChunkedArray) -> Flags:
    """Which rows have a value worth showing; of a column of 0 and 1, the ones."""
    there: Flags = ~_missing(values)
    if pa.types.is_floating(values.type):
        there &= pc.fill_null(pc.not_equal(values, 0.0), False).to_numpy()
    return there


def _cell(rows: pa.Table, name: str, row: int) -> Any:
    return plain(rows.column(name)[row].as_py()) if name in rows.column_names else None
