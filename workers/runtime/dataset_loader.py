"""A dataset version as a torch DataLoader over the row groups of its files.

What a rank reads, and in which order, follows from the seed, the epoch, the rank and the number of ranks alone: not
from the number of its workers, nor from where the files are. Row groups are shuffled, then the rows in each; a share
is a run of the rows that come of it, so that a rank reads its own row groups only, and one at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from workers.runtime.datasets import SPLIT, Dataset
from workers.runtime.pictures import opened

Batch = dict[str, Any]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Some rows of a file."""

    path: Path
    index: int
    rows: int
    """Of the split that is read."""


class VersionRows(IterableDataset[Batch]):
    """The share of a rank, in batches.

    Args:
        types: column → house type, of those that are read.
        groups: all row groups of the version.
    """

    def __init__(
        self,
        groups: Sequence[RowGroup],
        types: Mapping[str, str],
        batch_size: int,
        *,
        split: str | None,
        shuffle: int | None,
        rank: int,
        world: int,
    ) -> None:
        self.groups, self.types, self.batch_size = list(groups), dict(types), batch_size
        self.split, self.shuffle, self.rank, self.world = split, shuffle, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Another order of the same rows, the same for every rank that is told the same epoch."""
        self.epoch = epoch

    @property
    def rows(self) -> int:
        """Of this rank."""
        return sum(group.rows for group in self.groups) // self.world

    def __len__(self) -> int:
        return (self.rows + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker else (0, 1)
        batches = len(self)
        first, last = (batches * share // count for share in (number, number + 1))  # whole batches: no order changes
        start = self.rank * self.rows
        yield from self._batches(start + first * self.batch_size, start + min(last * self.batch_size, self.rows))

    def _batches(self, first: int, last: int) -> Iterator[Batch]:
        """The rows of a run, by their places in the order of the epoch."""
        held: list[pa.Table] = []
        for table in self._runs(first, last):
            held.append(table)
            joined = pa.concat_tables(held)
            whole = joined.num_rows - joined.num_rows % self.batch_size
            for at in range(0, whole, self.batch_size):
                yield self._batch(joined.slice(at, self.batch_size))
            held = [joined.slice(whole)] if whole < joined.num_rows else []
        if held:
            yield self._batch(pa.concat_tables(held))

    def _runs(self, first: int, last: int) -> Iterator[pa.Table]:
        order = list(range(len(self.groups)))
        if self.shuffle is not None:
            order = np.random.default_rng([self.shuffle, self.epoch]).permutation(len(order)).tolist()
        ends = list(accumulate(self.groups[number].rows for number in order))
        for place in range(bisect_right(ends, first), len(order)):
            begins = ends[place - 1] if place else 0
            if begins >= last:
                return
            number = order[place]
            places = self._order(number)[max(first - begins, 0) : last - begins]
            yield self._read(self.groups[number]).take(pa.array(places))

    def _order(self, number: int) -> Places:
        rows = self.groups[number].rows
        if self.shuffle is None:
            return np.arange(rows, dtype=np.int64)
        return np.random.default_rng([self.shuffle, self.epoch, number]).permutation(rows).astype(np.int64)

    def _read(self, group: RowGroup) -> pa.Table:
        names = [*self.types, *([SPLIT] if self.split and SPLIT not in self.types else [])]
        with pq.ParquetFile(group.path) as file:
            table = file.read_row_group(group.index, columns=names)
        if self.split:
            table = table.filter(compute.equal(table.column(SPLIT), self.split))
        return table.select(list(self.types))

    def _batch(self, table: pa.Table) -> Batch:
        return {name: _values(table.column(name), kind) for name, kind in self.types.items()}


def loader_of(
    version: Dataset,
    batch_size: int,
    *,
    columns: Sequence[str],
    split: str | None,
    shuffle: int | None,
    rank: int,
    world: int,
    num_workers: int,
) -> DataLoader[Batch]:
    """See `workers.runtime.datasets.Dataset.loader`. Fetches the files.

    Raises:
        ValueError: a number that cannot be.
    """
    if batch_size < 1 or world < 1 or not 0 <= rank < world:
        raise ValueError(f"batch_size {batch_size}, rank {rank} of world {world}: a share is one of so many")
    types = {column["name"]: str(column["type"]) for column in version.schema}
    groups = [group for path in version.files() for group in _groups(path, split)]
    rows = VersionRows(
        groups,
        {name: types[name] for name in columns},
        batch_size,
        split=split,
        shuffle=shuffle,
        rank=rank,
        world=world,
    )
    # Arrow's threads do not survive a fork: a worker that was forked waits for them for ever.
    return DataLoader(
        rows, batch_size=None, num_workers=num_workers, multiprocessing_context="spawn" if num_workers else None
    )


def _groups(path: Path, split: str | None) -> Iterator[RowGroup]:
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            rows = file.metadata.row_group(index).num_rows
            if split:
                named = file.read_row_group(index, columns=[SPLIT]).column(SPLIT)
                rows = compute.sum(compute.equal(named, split)).as_py() or 0
            if rows:
                yield RowGroup(path, index, rows)


def _values(column: pa.ChunkedArray, kind: str) -> Any:
    """A column of a batch: a tensor of numbers (a missing one is NaN), a list of texts or of pictures.

    Times are microseconds since 1970, dates days; true and false are bool, a missing one makes them floats.
    """
    if kind == "string":
        return column.to_pylist()
    if kind == "image":
        return [None if each is None else _picture(each) for each in column.to_pylist()]
    if kind == "timestamp":
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif kind == "date":
        column = column.cast(pa.int32()).cast(pa.int64())
    if column.null_count:
        column = column.cast(pa.uint8()).cast(pa.float64()) if kind == "bool" else column.cast(pa.float64())
    return torch.from_numpy(np.array(column.to_numpy()))


def _picture(encoded: bytes) -> torch.Tensor:
    with opened(encoded) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
