"""Reading the columns of a plan: whole, in the order of the rows, each read computing only what it asks for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col
from daft.functions import when

from workers.runtime.cleaning.digest import hashes_of
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int64]
Seen = TypeVar("Seen")
Trained = TypeVar("Trained")
Found = TypeVar("Found")
AT_ONCE = 4
"""Columns that are looked at beside each other; each may be copied meanwhile."""
GROUP_BYTES = 1 << 30
"""Columns are fitted in groups of about this size, so that memory is bounded by it, or by one column."""
HELD_BYTES = 256 << 20
"""What one step may leave in memory for the next, so that what it read and changed is not computed once more."""
_ORDER = "__order"


class Reading(ABC):
    """The half of a plan that reads."""

    __slots__ = ()
    row_count: int
    is_scattered: bool
    held: dict[str, tuple[Floats, Flags]]
    """Columns of numbers as `read_numbers` gives them: as the rows stand, so that what is done to them empties it."""

    @property
    @abstractmethod
    def frame(self) -> daft.DataFrame:
        """The rows."""

    @property
    @abstractmethod
    def is_split(self) -> bool:
        """Whether the rows are told apart as training rows and others."""

    @abstractmethod
    def column(self, name: str) -> Column:
        """The column of that name."""

    def _selected(self, expressions: Sequence[Expression | str], frame: daft.DataFrame | None = None) -> daft.DataFrame:
        frame = self.frame if frame is None else frame
        if not self.is_scattered:
            return frame.select(*expressions)
        ordered = frame.select(*expressions, col(ORDINAL).alias(_ORDER)).sort(col(_ORDER))
        return ordered.exclude(_ORDER)

    def read(self, expressions: Sequence[Expression | str]) -> pa.Table:
        """Run the plan for these columns only; the rows in the order of their ordinals, as by all that reads here."""
        return self._selected(expressions).to_arrow()

    def read_keys(self, names: Sequence[str]) -> tuple[Keys, Keys, Ordinals]:
        """128 bits per row that are equal where these columns are, and the ordinals: 24 bytes a row in memory."""
        keys, others = np.empty(self.row_count, dtype=np.uint64), np.empty(self.row_count, dtype=np.uint64)
        ordinals = np.empty(self.row_count, dtype=np.int64)
        for start, rows in self._batches([ORDINAL, *names]):
            place = slice(start, start + rows.num_rows)
            keys[place], others[place] = hashes_of(rows, names)
            ordinals[place] = rows.column(ORDINAL).to_numpy(zero_copy_only=False)
        return keys, others, ordinals

    def read_numbers(self, names: Sequence[str]) -> Iterator[tuple[str, Floats, Flags]]:
        """Per column: its values (NaN where missing) and which rows are training rows: all, where there is no split.

        Whole columns in NumPy, because Daft 0.7 computes an exact percentile by keeping a copy of the column per
        percentile (six times slower), and a standard deviation by a sum of squares (NaN for 1e9 ± 1e-3).
        """
        if names and self.held.keys() >= set(names):
            yield from ((name, *self.held[name]) for name in names)
            return
        kind = DataType.float64()
        for group in self._groups(names):
            columns = {name: np.empty(self.row_count) for name in group}
            train = np.ones(self.row_count, dtype=np.bool_)
            wanted: list[Expression | str] = [*self._part(), *(col(name).cast(kind).alias(name) for name in group)]
            for start, rows in self._batches(wanted):
                place = slice(start, start + rows.num_rows)
                for name, values in columns.items():
                    _copy(rows.column(name), values[place])
                if self.is_split:
                    train[place] = pc.equal(rows.column(SPLIT), "train").to_numpy(zero_copy_only=False)
            for name in group:
                yield name, columns.pop(name), train

    def may_hold(self, count: int) -> bool:
        """Whether so many columns of numbers are few enough to be held."""
        return count * 8 * self.row_count <= HELD_BYTES

    def _batches(self, expressions: Sequence[Expression | str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows in their order, some at a time, each time with the number of those before."""
        start = 0
        for rows in self._selected(expressions).to_arrow_iter():
            yield start, rows
            start += rows.num_rows
        if start != self.row_count:
            raise RuntimeError(f"{start} rows came of {self.row_count}")

    def learn(self, names: Sequence[str], look: Callable[[Floats, Flags], Found]) -> Iterator[tuple[str, Found]]:
        """Per column what `look` finds in its values and in which of them are training rows; see `read_numbers`.

        Several columns at a time, each in a thread: NumPy frees the interpreter while it sorts. `look` must not
        change what it is given, unless its step gives the columns other values at once.
        """
        yield from _side_by_side(self.read_numbers(names), look)

    def learn_texts(
        self, names: Sequence[str], look: Callable[[pa.ChunkedArray, pa.ChunkedArray], Found]
    ) -> Iterator[tuple[str, Found]]:
        """As `learn`, of what `read_texts` gives."""
        yield from _side_by_side(self.read_texts(names), look)

    def read_texts(self, names: Sequence[str]) -> Iterator[tuple[str, pa.ChunkedArray, pa.ChunkedArray]]:
        """Per column of text, or of true and false as text: all its values, and those of the training rows."""
        for group in self._groups(names):
            spelled = [text_of(name, self.column(name).type).alias(name) for name in group]
            table = self.read([*self._part(), *spelled])
            train = pc.equal(table.column(SPLIT), "train") if self.is_split else None
            for name in group:
                column = table.column(name)
                yield name, column, column if train is None else column.filter(train)

    def _part(self) -> list[str]:
        return [SPLIT] if self.is_split else []

    def _groups(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Every column is read once; all of them in one pass of the plan where they fit."""
        width = max(1, GROUP_BYTES // max(1, self.row_count * 16))
        for start in range(0, len(names), width):
            yield list(names[start : start + width])


def _side_by_side(
    columns: Iterator[tuple[str, Seen, Trained]], look: Callable[[Seen, Trained], Found]
) -> Iterator[tuple[str, Found]]:
    """Look at some columns at a time, each in a thread; in their order."""
    with ThreadPoolExecutor() as threads:
        waiting: deque[tuple[str, Future[Found]]] = deque()
        for name, values, train in columns:
            waiting.append((name, threads.submit(look, values, train)))
            if len(waiting) >= AT_ONCE:
                yield waiting[0][0], waiting.popleft()[1].result()
        for name, found in waiting:
            yield name, found.result()


def _copy(column: pa.Array, values: Floats) -> None:
    """The numbers of a column, NaN where one is missing; nothing is made of them on the way."""
    values[:] = np.frombuffer(column.buffers()[1], dtype=np.float64, count=len(column), offset=8 * column.offset)
    if column.null_count:
        values[column.is_null().to_numpy(zero_copy_only=False)] = np.nan


def text_of(name: str, kind: str) -> Expression:
    """A column as text: `true` and `false`, a time in ISO 8601."""
    column = col(name)
    if kind == "string":
        return column
    return when(column, "true").when(~column, "false") if kind == "bool" else column.cast(DataType.string())
