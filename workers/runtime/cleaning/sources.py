"""The Parquet files that a cleaning run reads, in the order of their rows."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
from pyarrow.dataset import dataset

from workers.runtime.cleaning.errors import UserError
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
    paths = sorted(map(str, files), key=_first_ordinal)
    is_ordered, row_count, last = _look(paths)
    if not is_ordered:
        folder.mkdir(parents=True, exist_ok=True)
        copy = str(folder / "in-order.parquet")
        query = f"SELECT * FROM {parquet_table(paths)} ORDER BY {ORDINAL}"
        connection.execute(f"COPY ({query}) TO {literal(copy)} (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS})")
        paths = [copy]
    return Sources(paths, row_count, last)


def _first_ordinal(path: str) -> int:
    """From the footer; 0 where there is none, so that the order stays."""
    footer = pq.read_metadata(path)
    if ORDINAL not in footer.schema.names:
        raise UserError("no_ordinals", f"the dataset has no column {ORDINAL!r}: it was not ingested")
    place = footer.schema.names.index(ORDINAL)
    if not footer.num_row_groups:
        return 0
    known = footer.row_group(0).column(place).statistics
    return int(known.min) if known is not None and known.has_min_max else 0


def _look(paths: Sequence[str]) -> tuple[bool, int, int | None]:
    """Whether the ordinals ascend; how many there are; the highest."""
    is_ordered, rows, last = True, 0, -1
    for batch in dataset(list(paths), format="parquet").to_batches(columns=[ORDINAL], batch_size=GROUP_ROWS):
        ordinals = batch.column(ORDINAL).to_numpy()
        if len(ordinals):
            is_ordered = is_ordered and ordinals[0] > last and not (np.diff(ordinals) <= 0).any()
            last = max(last, int(ordinals.max()))
            rows += len(ordinals)
    return is_ordered, rows, last if rows else None
