"""Cutting rows into row groups and parts of a version: the same cuts for the same rows, however they come.

A part holds the rows of `PART_ROWS` ordinals, always the same ones. Where a row group, or a file of very large rows,
ends within them depends on the rows of that part only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.cleaning.schema import ORDINAL, Column

GROUP_ROWS = 122_880
PART_ROWS = 8 * GROUP_ROWS
"""Ordinals of a part."""
GROUP_BYTES = 64 << 20
"""Size of the values of a row group at which the next is begun: wide rows make small groups."""
PART_BYTES = 512 << 20
"""Likewise of a file: what is left of the part's ordinals goes into another."""
TEXT_STEP, IMAGE_STEP = 4_096, 64
"""Rows between two looks at the size, where values have sizes of their own."""
ARROW_TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.large_string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "image": pa.large_binary(),
}
_SIZED = {"string": TEXT_STEP, "image": IMAGE_STEP}
Rows: TypeAlias = pa.Table | pa.RecordBatch


def arrow_schema(columns: Sequence[Column], flags: Sequence[str] = ()) -> pa.Schema:
    """Ordinal, columns, and more columns of true and false."""
    fields = [(ORDINAL, pa.int64()), *((column.name, ARROW_TYPES[column.type]) for column in columns)]
    return pa.schema([*fields, *((name, pa.bool_()) for name in flags)])


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one row group; `part` counts the files from 0."""

    rows: pa.Table
    part: int
    ends_part: bool


class Cutter:
    """Cuts rows into row groups and parts."""

    def __init__(self, columns: Sequence[Column], counting: Sequence[str]) -> None:
        self.last: int | None = None
        kinds = {column.name: column.type for column in columns}
        self._schema = arrow_schema(columns, counting)
        self._sized = [name for name, kind in kinds.items() if kind in _SIZED]
        self._width = 8 * (len(kinds) + 1)
        most = max(1, min(GROUP_ROWS, GROUP_BYTES // self._width))
        self._step = min([most, *(_SIZED[kind] for kind in kinds.values() if kind in _SIZED)])
        self._most = max(1, most // self._step) * self._step
        self._range, self._part = 0, 0
        self._pieces: list[pa.Table] = []
        self._rows = self._in_step = self._bytes = self._part_bytes = 0
        self._has_groups = False

    def cut(self, rows: Rows) -> Iterator[Group]:
        """The row groups that these rows complete."""
        if not rows.num_rows:
            return
        table = self._formed(rows)
        ordinals = table.column(ORDINAL).to_numpy()
        if (self.last is not None and ordinals[0] <= self.last) or (np.diff(ordinals) <= 0).any():
            raise ValueError("the rows are not in the order of their ordinals")
        self.last = int(ordinals[-1])
        start = 0
        for number in range(int(ordinals[0]) // PART_ROWS, self.last // PART_ROWS + 1):
            end = int(np.searchsorted(ordinals, (number + 1) * PART_ROWS))
            if end == start:
                continue
            if number != self._range:
                yield from self.end()
                self._range = number
            yield from self._gather(table.slice(start, end - start))
            start = end

    def end(self) -> Iterator[Group]:
        """What is left of the part."""
        if self._rows or self._has_groups:
            yield self._group(ends_part=True)

    def _formed(self, rows: Rows) -> pa.Table:
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        return table.select(self._schema.names).cast(self._schema)

    def _gather(self, rows: pa.Table) -> Iterator[Group]:
        ends = [*range(self._step - self._in_step, rows.num_rows, self._step), rows.num_rows]
        sizes = self._sizes(rows, ends)
        start = taken = 0
        for end, size in zip(ends, sizes, strict=True):
            if self._rows == 0 and self._part_bytes >= PART_BYTES:
                yield from self.end()
            self._rows += end - start
            self._bytes += size
            self._in_step = (self._in_step + end - start) % self._step
            start = end
            if self._in_step == 0 and (self._rows >= self._most or self._bytes >= GROUP_BYTES):
                self._pieces.append(rows.slice(taken, end - taken))
                taken = end
                yield self._group(ends_part=False)
        if taken < rows.num_rows:
            self._pieces.append(rows.slice(taken))

    def _sizes(self, rows: pa.Table, ends: Sequence[int]) -> list[int]:
        """Of the rows up to each of these, from the one before, how many bytes their values are."""
        before = np.array(ends, dtype=np.int64)
        found = before * self._width
        for name in self._sized:
            lengths = pc.fill_null(pc.binary_length(rows.column(name)), 0).to_numpy()
            found += np.cumsum(lengths, dtype=np.int64)[before - 1]
        return [int(size) for size in np.diff(found, prepend=0)]

    def _group(self, *, ends_part: bool) -> Group:
        rows = pa.concat_tables(self._pieces) if self._pieces else self._schema.empty_table()
        group = Group(rows, self._part, ends_part)
        self._part_bytes += self._bytes
        self._pieces, self._rows, self._in_step, self._bytes = [], 0, 0, 0
        self._has_groups = not ends_part
        if ends_part:
            self._part += 1
            self._part_bytes = 0
        return group
