"""The data of a cleaning run as it stands between two steps: one lazy Daft plan and what is known of it."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col, lit
from daft.functions import when

from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.cleaning.watch import Watched

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ordinals = npt.NDArray[np.int64]

GROUP_BYTES = 1 << 30
"""Columns are fitted in groups of about this size, so that memory is bounded by it, or by one column."""


@dataclass(slots=True)
class Plan:
    """A step reads from it, and replaces `frame` and `columns` by what they are after it."""

    frame: daft.DataFrame
    columns: list[Column]
    """Content columns in order: features, label, and `__split` once there is one; never `__ordinal`."""
    label: str | None
    row_count: int
    staging: Path
    """Folder for what is written between steps; the caller removes it."""
    staged: bool = False
    watched: Watched | None = None
    """Some of the rows, to which is done what is done to all."""

    # What it is ---------------------------------------------------------------------------------------------

    @property
    def features(self) -> list[Column]:
        return [column for column in self.columns if column.name not in (self.label, SPLIT)]

    @property
    def numbers(self) -> list[str]:
        """Names of the features that are numbers."""
        return [column.name for column in self.features if column.is_number]

    @property
    def categories(self) -> list[str]:
        """Names of the features that are text."""
        return [column.name for column in self.features if column.type == "string"]

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
        self.frame = self.frame.with_columns(expressions)
        if self.watched is not None:
            self.watched.compute(expressions)

    def remove(self, ordinals: Ordinals) -> None:
        """Leave out the rows with these ordinals."""
        if not len(ordinals):
            return
        gone = daft.from_arrow(pa.table({ORDINAL: ordinals}))
        self.frame = self.frame.join(gone, on=ORDINAL, how="anti")
        self.row_count -= len(ordinals)
        if self.watched is not None:
            self.watched.remove(ordinals)

    def stage(self) -> None:
        """Write the rows once, so that what was decided for rows is not computed again at every level.

        The folder must be visible to all machines of the runner. Does nothing the second time.
        """
        if self.staged:
            return
        if self.staging.exists():
            shutil.rmtree(self.staging)
        names = [ORDINAL, *(column.name for column in self.columns)]
        self.frame.select(*names).write_parquet(str(self.staging))
        self.frame = daft.read_parquet(f"{glob.escape(str(self.staging))}/*.parquet")
        self.staged = True

    # Read ---------------------------------------------------------------------------------------------------

    def read(self, expressions: Sequence[Expression | str]) -> pa.Table:
        """Run the plan for these columns only."""
        return self.frame.select(*expressions).to_arrow()

    def read_numbers(self, names: Sequence[str]) -> Iterator[tuple[str, Floats, Flags]]:
        """Per column: its values (NaN where missing) and which rows are training rows.

        Whole columns in NumPy, because Daft 0.7 computes an exact percentile by keeping a copy of the column per
        percentile (six times slower), and a standard deviation by a sum of squares (NaN for 1e9 ± 1e-3).
        """
        kind = DataType.float64()
        for group in self._groups(names):
            table = self.read([SPLIT, *(col(name).cast(kind).alias(name) for name in group)])
            train = _train(table)
            for name in group:
                yield name, table.column(name).to_numpy(), train

    def read_texts(self, names: Sequence[str]) -> Iterator[tuple[str, pa.ChunkedArray, pa.ChunkedArray]]:
        """Per column of text: all its values, and those of the training rows."""
        for group in self._groups(names):
            table = self.read([SPLIT, *group])
            train = pc.equal(table.column(SPLIT), "train")
            for name in group:
                column = table.column(name)
                yield name, column, column.filter(train)

    def _groups(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Every column is read once; all of them in one pass of the plan where they fit."""
        width = max(1, GROUP_BYTES // max(1, self.row_count * 16))
        for start in range(0, len(names), width):
            yield list(names[start : start + width])


def _train(table: pa.Table) -> Flags:
    flags: Flags = pc.equal(table.column(SPLIT), "train").to_numpy()
    return flags


def replaced_where(name: str, condition: Callable[[Expression], Expression], value: float | str) -> Expression:
    """The column with `value` where the condition holds; a missing value stays missing unless it asks for it."""
    column = col(name)
    return when(condition(column), lit(value)).otherwise(column)
