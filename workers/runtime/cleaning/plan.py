"""The data of a cleaning run as it stands between two steps: one lazy Daft plan and what is known of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col, lit
from daft.functions import eq_null_safe, when
from daft.functions import sum as total

from workers.runtime.cleaning.among import among
from workers.runtime.cleaning.digest import hashes_of
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.projections import computed
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, WEIGHT, Column
from workers.runtime.cleaning.watch import Watched

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int64]

Found = TypeVar("Found")
Told = Callable[[int], None]
Change = Callable[[daft.DataFrame], daft.DataFrame]
Secrets = Callable[[str], bytes]
AT_ONCE = 4
"""Columns that are looked at beside each other; each may be copied meanwhile."""
_ORDER = "__order"
GROUP_BYTES = 1 << 30
"""Columns are fitted in groups of about this size, so that memory is bounded by it, or by one column."""


def _no_secret(name: str) -> bytes:
    raise UserError("no_secret", f"the secret {name!r} was not given to this job")


@dataclass(slots=True)
class Plan:
    """A step reads from it, and replaces `frame` and `columns` by what they are after it."""

    source: daft.DataFrame
    """The rows to begin with."""
    columns: list[Column]
    """Content columns in order: features, label, and `__split` once there is one; never `__ordinal`."""
    label: str | None
    row_count: int
    last_ordinal: int = -1
    """The highest that was ever given to a row."""
    watched: Watched | None = None
    """Some of the rows, to which is done what is done to all."""
    is_scattered: bool = False
    """The runner brings rows in any order: they are sorted by their ordinals at every read."""
    secrets: Secrets = _no_secret
    coarse: list[str] = field(default_factory=list)
    """Columns whose values were made coarser, so that rows point to nobody."""
    _counting: dict[str, Told] = field(default_factory=dict)
    """Hidden columns of the frame whose true values are still to be counted, and who wants to know."""
    _gone: dict[str, int] = field(default_factory=dict)
    """Rows that were true of each and are no more."""
    _hidden: int = 0
    _frame: daft.DataFrame | None = None
    _changes: list[Change] = field(default_factory=list)
    """What made the frame of the source."""

    # What it is ---------------------------------------------------------------------------------------------

    @property
    def frame(self) -> daft.DataFrame:
        """The rows as they stand, with hidden columns beside `columns`."""
        return self.source if self._frame is None else self._frame

    @frame.setter
    def frame(self, frame: daft.DataFrame) -> None:
        """Begin anew with other rows. What waited to be counted must be settled before."""
        self.source, self._frame, self._changes = frame, None, []

    @property
    def features(self) -> list[Column]:
        return [column for column in self.columns if column.name not in (self.label, SPLIT, WEIGHT)]

    @property
    def numbers(self) -> list[str]:
        """Names of the features that are numbers."""
        return [column.name for column in self.features if column.is_number]

    @property
    def categories(self) -> list[str]:
        """Names of the features that are text, or true and false."""
        return [column.name for column in self.features if column.type in ("string", "bool")]

    @property
    def is_split(self) -> bool:
        return any(column.name == SPLIT for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    # Change -------------------------------------------------------------------------------------------------

    def replace(self, expressions: dict[str, Expression], kind: str | None = None) -> None:
        """Give columns new values, and, with `kind`, a new type."""
        if not expressions:
            return
        self.compute(expressions)
        if kind is not None:
            self.columns = [
                Column(column.name, kind) if column.name in expressions else column for column in self.columns
            ]

    def compute(self, expressions: dict[str, Expression]) -> None:
        """Give columns of the frame values, the same to the watched rows; `columns` is the caller's."""
        if not expressions:
            return
        self._then(lambda frame: computed(frame, expressions))
        if self.watched is not None:
            self.watched.compute(expressions)

    def change(
        self, expressions: dict[str, Expression], told: Callable[[str, int], None], kind: str | None = None
    ) -> None:
        """As `replace`; how many values of each column are others now is told when all rows are written.

        Without `kind` the types stay as they are. With it, a value counts where it became missing or stopped being so,
        and where it reads otherwise as text.
        """
        if not expressions:
            return
        made = {name: f"__made {name}" for name in expressions}
        self._then(lambda frame: computed(frame, {made[name]: each for name, each in expressions.items()}))
        for name in expressions:
            old, new = col(name), col(made[name])
            if kind is not None and kind != self.column(name).type:
                old, new = text_of(name, self.column(name).type), text_of(made[name], kind)
            self.count_later(~eq_null_safe(old, new), lambda count, name=name: told(name, count))  # type: ignore[misc]
        self._then(lambda frame: frame.with_columns({name: col(each) for name, each in made.items()}))
        if self.watched is not None:
            self.watched.compute(expressions)
        if kind is not None:
            self.columns = [
                Column(column.name, kind) if column.name in expressions else column for column in self.columns
            ]

    def rename(self, names: dict[str, str]) -> None:
        """Give columns other names; the label follows."""
        self.compute({new: col(old) for old, new in names.items()})
        self.columns = [
            Column(names.get(column.name, column.name), column.type, column.nullable) for column in self.columns
        ]
        if self.label is not None:
            self.label = names.get(self.label, self.label)

    def filter(self, condition: Expression) -> None:
        """Keep the rows where the condition is true; one pass over the data, to count them."""
        kept = condition.fill_null(lit(False))
        self.settle()
        self.row_count = self._sums(self.frame, {"kept": kept})["kept"]
        self._then(lambda frame: frame.where(kept))
        if self.watched is not None:
            self.watched.filter(kept)

    def remove(self, ordinals: Ordinals) -> None:
        """Leave out the rows with these ordinals."""
        if not len(ordinals):
            return
        gone = np.sort(ordinals)
        self._take_leave(gone)
        name = self._named()  # a column: Daft merges filters, and takes one function of ours for another
        self._then(lambda frame: computed(frame, {name: among(gone)}).where(~col(name)))
        self.row_count -= len(ordinals)
        if self.watched is not None:
            self.watched.remove(ordinals)

    def _then(self, change: Change) -> None:
        """Go on with the frame, so that `_take_leave` can do the same to some of the rows."""
        self._changes.append(change)
        self._frame = change(self.frame)

    def _named(self) -> str:
        self._hidden += 1
        return f"__hidden {self._hidden}"

    # Count --------------------------------------------------------------------------------------------------

    def count_later(self, flags: Expression, told: Told) -> None:
        """Have the rows counted where the flags are true, as the rows are now, when all rows are written.

        So that a step which only looks for its report costs no pass of its own.
        """
        name = self._named()
        self._then(lambda frame: computed(frame, {name: flags.fill_null(lit(False))}))
        self._counting[name] = told
        self._gone[name] = 0

    def settle(self) -> None:
        """Count what is still to be counted, in a pass of its own."""
        if self._counting:
            self.counted(self._sums(self.frame, {name: col(name) for name in self._counting}))

    def _take_leave(self, gone: Ordinals) -> None:
        """Count rows that are about to go, and only those."""
        if self._counting:
            leaving = self.source.where(among(gone))
            for change in self._changes:
                leaving = change(leaving)
            found = self._sums(leaving, {name: col(name) for name in self._counting})
            self._gone = {name: count + found[name] for name, count in self._gone.items()}

    def _sums(self, frame: daft.DataFrame, flags: dict[str, Expression]) -> dict[str, int]:
        """How many rows are true of each; one pass."""
        kind = DataType.int64()
        shown = frame.select(*(flag.cast(kind).alias(name) for name, flag in flags.items()))
        found = shown.agg(*(total(col(name)) for name in flags)).to_pydict()
        return {name: int(found[name][0] or 0) for name in flags}

    # Read ---------------------------------------------------------------------------------------------------

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows in the order of their ordinals, some at a time: `__ordinal`, these columns, and `counting`.

        Who takes them in tells what was counted, with `counted`.
        """
        return self._selected([ORDINAL, *names, *self.counting]).to_arrow_iter()

    @property
    def counting(self) -> list[str]:
        """Columns of true and false whose rows are still to be counted."""
        return list(self._counting)

    def counted(self, counts: Mapping[str, int]) -> None:
        """Tell how many rows are true of each column of `counting`, with those that are gone."""
        for name, told in self._counting.items():
            told(counts[name] + self._gone[name])
        self._counting, self._gone = {}, {}

    def _selected(self, expressions: Sequence[Expression | str]) -> daft.DataFrame:
        if not self.is_scattered:
            return self.frame.select(*expressions)
        ordered = self.frame.select(*expressions, col(ORDINAL).alias(_ORDER)).sort(col(_ORDER))
        return ordered.exclude(_ORDER)

    def read(self, expressions: Sequence[Expression | str]) -> pa.Table:
        """Run the plan for these columns only."""
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
        kind = DataType.float64()
        for group in self._groups(names):
            columns = {name: np.empty(self.row_count) for name in group}
            train = np.ones(self.row_count, dtype=np.bool_)
            wanted: list[Expression | str] = [*self._part(), *(col(name).cast(kind).alias(name) for name in group)]
            for start, rows in self._batches(wanted):
                place = slice(start, start + rows.num_rows)
                for name, values in columns.items():
                    values[place] = pc.fill_null(rows.column(name), np.nan).to_numpy(zero_copy_only=False)
                if self.is_split:
                    train[place] = pc.equal(rows.column(SPLIT), "train").to_numpy(zero_copy_only=False)
            for name in group:
                yield name, columns.pop(name), train

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
        change what it is given.
        """
        with ThreadPoolExecutor() as threads:
            columns = self.read_numbers(names)
            waiting: deque[tuple[str, Future[Found]]] = deque()
            for name, values, train in columns:
                waiting.append((name, threads.submit(look, values, train)))
                if len(waiting) >= AT_ONCE:
                    yield waiting[0][0], waiting.popleft()[1].result()
            for name, found in waiting:
                yield name, found.result()

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


def replaced_where(name: str, condition: Callable[[Expression], Expression], value: float | str) -> Expression:
    """The column with `value` where the condition holds; a missing value stays missing unless it asks for it."""
    column = col(name)
    return when(condition(column), lit(value)).otherwise(column)


def text_of(name: str, kind: str) -> Expression:
    """A column as text: `true` and `false`, a time in ISO 8601."""
    column = col(name)
    if kind == "string":
        return column
    return when(column, "true").when(~column, "false") if kind == "bool" else column.cast(DataType.string())
