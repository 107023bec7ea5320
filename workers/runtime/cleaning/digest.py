"""Hashes of rows, summed: what `workers.contracts.dataset_digest` defines, over Arrow data, by Daft's kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import Series

from workers.contracts.dataset_digest import LANES, MISSING_FACTOR, MISSING_TERM, rows_hash_of

CHUNK_ROWS = 65_536
"""Rows hashed at once: what a core's cache holds of them."""
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]


def rows_hash(rows: pa.Table, names: Sequence[str]) -> str:
    """The `rows_hash` of rows over these columns. Frees the interpreter while it hashes."""
    sums = [0 for _ in LANES]
    for chunk in rows.to_batches(max_chunksize=CHUNK_ROWS):  # as they lie: nothing is copied
        for lane, hashes in enumerate(hashes_of(chunk, names)):
            sums[lane] += int(hashes.sum(dtype=np.uint64))
    return rows_hash_of(sums)


def hashes_of(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> list[Hashes]:
    """The hash of each row over these columns, in each lane."""
    cells = [_cells(rows.column(name)) for name in names]
    return [_hashed(cells, seed, rows.num_rows) for seed in LANES]


def _hashed(cells: list[tuple[Series, Places | None]], seed: int, rows: int) -> Hashes:
    hashes: Hashes = np.full(rows, seed, dtype=np.uint64)
    for values, missing in cells:
        found = values.hash(seed=Series.from_arrow(pa.array(hashes))).to_arrow().to_numpy(zero_copy_only=False)
        if missing is not None:
            found = found.copy()
            found[missing] = hashes[missing] * np.uint64(MISSING_FACTOR) + np.uint64(MISSING_TERM)
        hashes = found
    return hashes


def _cells(column: pa.Array | pa.ChunkedArray) -> tuple[Series, Places | None]:
    """The values in the form that is hashed, and the places of those that are missing."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    missing = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) if values.null_count else None
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False) + 0.0  # turns -0.0 into 0.0
        with np.errstate(all="ignore"):
            may_lack = np.isnan(numbers.sum())
        if may_lack:
            numbers[np.isnan(numbers)] = np.nan
        values = pa.array(numbers)
    elif pa.types.is_integer(kind):
        values = pc.cast(values, pa.int64())
    elif pa.types.is_timestamp(kind):
        values = pc.cast(values, pa.timestamp("us"))
    elif pa.types.is_boolean(kind):
        values = pc.cast(values, pa.uint8())
    elif pa.types.is_string(kind):
        values = pc.cast(values, pa.large_string())
    elif pa.types.is_binary(kind):
        values = pc.cast(values, pa.large_binary())
    return Series.from_arrow(values), missing
