"""The Parquet files that a cleaning run reads, in the order of their rows."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.parts import IN_ORDER
from workers.runtime.cleaning.row_groups import GROUP_ROWS
from workers.runtime.cleaning.schema import ORDINAL, literal, parquet_table


@dataclass(frozen=True, slots=True)
class Sources:
    """Files whose rows, one file after the other, are in the order of their ordinals."""

    paths: list[str]
    row_count: int
    last_ordinal: int | None


def sources_of(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], folder: Path) -> Sources:
    """The files in the order of their first rows; a sorted copy below `folder` where that does not do.

    Versions that were made before parts were in order need the copy. It is sorted on disk, in bounded memory.

    Raises:
        UserError: `no_ordinals`.
    """
    footers = {str(file): pq.read_metadata(file) for file in files}
    paths = sorted(footers, key=lambda path: _range(footers[path])[0])
    is_ordered, row_count, last = _known([footers[path] for path in paths]) or _looked_at(paths)
    if not is_ordered:
        folder.mkdir(parents=True, exist_ok=True)
        copy = str(folder / "in-order.parquet")
        query = f"SELECT * FROM {parquet_table(paths)} ORDER BY {ORDINAL}"
        connection.execute(f"COPY ({query}) TO {literal(copy)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS})")
        paths = [copy]
    return Sources(paths, row_count, last)


def _range(footer: pq.FileMetaData) -> tuple[int, int]:
    """The first and the last ordinal, as the footer of a file tells them; 0 and -1 where it does not."""
    if ORDINAL not in footer.schema.names:
        raise UserError("no_ordinals", f"the dataset has no column {ORDINAL!r}: it was not ingested")
    place = footer.schema.names.index(ORDINAL)
    groups = [footer.row_group(number).column(place).statistics for number in range(footer.num_row_groups)]
    if not groups or not all(known is not None and known.has_min_max for known in groups):
        return 0, -1
    return min(int(known.min) for known in groups), max(int(known.max) for known in groups)


def _known(footers: Sequence[pq.FileMetaData]) -> tuple[bool, int, int | None] | None:
    """What `_looked_at` finds, of files that say that their rows are in order; None of others."""
    if not all((footer.metadata or {}).items() >= IN_ORDER.items() for footer in footers):
        return None
    ranges = [_range(footer) for footer in footers if footer.num_rows]
    if not all(one[1] < other[0] for one, other in itertools.pairwise(ranges)):
        return None
    return True, sum(footer.num_rows for footer in footers), ranges[-1][1] if ranges else None


def _looked_at(paths: Sequence[str]) -> tuple[bool, int, int | None]:
    """Whether the ordinals ascend; how many there are; the highest."""
    is_ordered, rows, last = True, 0, -1
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(GROUP_ROWS, columns=[ORDINAL]):
            ordinals = batch.column(0).to_numpy()
            is_ordered = is_ordered and ordinals[0] > last and not (np.diff(ordinals) <= 0).any()
            last = max(last, int(ordinals.max()))
            rows += len(ordinals)
    return is_ordered, rows, last if rows else None
