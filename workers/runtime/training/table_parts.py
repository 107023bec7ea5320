"""Rows of any dataset version as the parts that a trainer needs: to train on, to watch, to be measured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from workers.runtime.training.data import ORDINAL, SPLIT

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one table, each by ordinal, so that two readings of one version are equal."""

    train: pa.Table
    validation: pa.Table
    test: pa.Table
    left_out: int
    """Rows in which one of the columns is missing."""

    def said(self) -> str:
        """For the log."""
        gone = f", {self.left_out} left out for missing values" if self.left_out else ""
        return (
            f"{self.train.num_rows} rows to train on, {self.validation.num_rows} to watch,"
            f" {self.test.num_rows} held out{gone}"
        )


def columns_of(files: Sequence[Path]) -> pa.Schema:
    """The columns of the Parquet files. Raises ValueError: there is no such file."""
    return pq.read_schema(_parquet(files)[0])


def read_parts(
    files: Sequence[Path],
    columns: Sequence[str],
    *,
    stratify: str = "",
    validation_ratio: float,
    test_ratio: float,
    seed: int,
) -> Parts:
    """Read some columns, without rows in which one of them is missing.

    Parts that a recipe made are taken as they are. Of a version without them rows are drawn: `test_ratio` of all, then
    `validation_ratio` of the rest; of each value of `stratify` alike. The same for the same seed.

    Raises:
        ValueError: no Parquet file, no such column, or a part without rows.
    """
    paths, columns = _parquet(files), tuple(dict.fromkeys(columns))
    names = pq.read_schema(paths[0]).names
    unknown = [name for name in columns if name not in names]
    if unknown:
        known = ", ".join(name for name in names if not name.startswith("__"))
        raise ValueError(f"the dataset has no column {', '.join(unknown)}; it has {known}")
    own = [name for name in (ORDINAL, SPLIT) if name in names]
    table = pa.concat_tables([pq.read_table(path, columns=[*own, *columns]) for path in paths])
    table = table.sort_by(ORDINAL) if ORDINAL in own else table
    whole = table.filter(_is_whole(table, columns))
    parts = _drawn(whole, stratify, validation_ratio, test_ratio, seed)
    train, validation, test = (whole.take(pa.array(rows)).select(list(columns)) for rows in parts)
    found = Parts(train, validation, test, table.num_rows - whole.num_rows)
    for name, part in (("train on", found.train), ("watch", found.validation), ("be measured by", found.test)):
        if not part.num_rows:
            raise ValueError(f"there are no rows to {name}: {table.num_rows} rows, {found.left_out} left out")
    return found


def _parquet(files: Sequence[Path]) -> list[Path]:
    paths = [Path(file) for file in files if Path(file).suffix == ".parquet"]
    if not paths:
        raise ValueError("the input has no Parquet file")
    return paths


def _is_whole(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    found = compute.is_valid(table.column(columns[0]))
    for name in columns[1:]:
        found = compute.and_(found, compute.is_valid(table.column(name)))
    return found


def _drawn(
    table: pa.Table, stratify: str, validation_ratio: float, test_ratio: float, seed: int
) -> tuple[Rows, Rows, Rows]:
    """Places of the rows to train on, to watch and to be measured by."""
    kinds = _kinds(table, stratify)
    everything = np.arange(table.num_rows, dtype=np.int64)
    if SPLIT in table.column_names:
        said = np.array(table.column(SPLIT).to_pylist(), dtype=object)
        train, validation, test = (everything[said == name] for name in ("train", "validation", "test"))
    else:
        train, test = _split(everything, kinds, test_ratio, seed)
        validation = everything[:0]
    if not len(validation):
        train, validation = _split(train, kinds, validation_ratio, seed + 1)
    return train, validation, test


def _kinds(table: pa.Table, column: str) -> Rows:
    """A number per row; rows of one value have the same."""
    if not column:
        return np.zeros(table.num_rows, dtype=np.int64)
    encoded = compute.dictionary_encode(table.column(column)).combine_chunks()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _split(rows: Rows, kinds: Rows, ratio: float, seed: int) -> tuple[Rows, Rows]:
    """(rest, part): of the rows of every kind, rounded."""
    random = np.random.default_rng(seed)
    chosen = np.zeros(len(rows), dtype=bool)
    for kind in np.unique(kinds[rows]):
        places = random.permutation(np.flatnonzero(kinds[rows] == kind))
        chosen[places[: round(len(places) * ratio)]] = True
    return rows[~chosen], rows[chosen]
