"""Writing the rows of a version as Parquet files: in the order of their ordinals, the same bytes for the same rows.

A part whose rows did not change has the SHA-256 that it had, whatever became of the rows of others (`row_groups`). Rows
are looked at once: hashed for the digest, their missing values counted, encoded, while the next ones are computed.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workers.contracts.dataset_digest import digest_of, joined
from workers.runtime.cleaning.digest import rows_hash
from workers.runtime.cleaning.row_groups import GROUP_ROWS, PART_ROWS, Cutter, Group, Rows, arrow_schema
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.stored_file import hash_file

LOOKED_AT = 8_192
"""Rows of a part that decide which of its columns are worth a dictionary."""
REPEATS = 4
"""Times that a value must occur there, on average."""
ENCODERS_MOST = 4
IN_ORDER = {b"bedplate.rows": b"in order"}
"""What the footer of a file says whose rows are in the order of their ordinals."""


def part_name(number: int) -> str:
    return f"part-{number:05}.parquet"


@dataclass(frozen=True, slots=True)
class Written:
    """What a folder of Parquet files holds."""

    columns: list[Column]
    row_count: int
    files: list[dict[str, Any]]
    digest: str
    rows_hash: str
    """The part of the digest that is added to when rows are appended; see `workers.contracts.dataset_digest`."""
    last_ordinal: int | None
    """The highest; None without rows."""
    splits: dict[str, int] = field(default_factory=dict)
    """Rows of each side, where there is a split."""
    counts: dict[str, int] = field(default_factory=dict)
    """Per counted column, how many rows were true."""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": [column.to_json() for column in self.columns],
            "row_count": self.row_count,
            "files": self.files,
            "digest": self.digest,
            "rows_hash": self.rows_hash,
            "last_ordinal": self.last_ordinal,
        }


def write_parts(
    batches: Iterable[Rows],
    columns: Sequence[Column],
    folder: Path,
    *,
    threads: int | None,
    counting: Sequence[str] = (),
) -> Written:
    """Write rows as `part-00000.parquet` and so on: `__ordinal` and these columns. One empty file without rows.

    Args:
        batches: rows in the order of their ordinals, with at least these columns, in any number.
        counting: columns of true and false that are counted and not written.
        threads: what may run at once, beside what computes the rows; None for the cores of the machine.

    Raises:
        ValueError: the rows are not in order.
        OSError: a file cannot be written.
    """
    with _Work(columns, folder, threads or os.cpu_count() or 1, counting) as work:
        cutter = Cutter(columns, counting)
        for rows in batches:
            for group in cutter.cut(rows):
                work.take(group)
        for group in cutter.end():
            work.take(group)
        return work.written(cutter.last)


@dataclass(slots=True)
class _Seen:
    """What is known of rows once they were looked at."""

    rows: int
    rows_hash: str
    missing: Counter[str]
    splits: Counter[str]
    counts: Counter[str]


class _Work:
    """Encodes and hashes row groups in threads of its own, a few at a time."""

    def __init__(self, columns: Sequence[Column], folder: Path, threads: int, counting: Sequence[str]) -> None:
        self._columns = list(columns)
        self._names = [column.name for column in columns]
        self._folder = folder
        self._counting = list(counting)
        count = max(1, min(ENCODERS_MOST, threads // 4))
        # A file is written by one thread; files beside each other want the rows of a whole part at hand.
        self._waiting_most = 2 + (count - 1) * (PART_ROWS // GROUP_ROWS)
        self._encoders = [ThreadPoolExecutor(1, "encode") for _ in range(count)]
        self._hashers = ThreadPoolExecutor(max(1, threads // 2), "hash")
        self._open: dict[int, _File] = {}
        self._waiting: deque[tuple[Future[None], Future[_Seen]]] = deque()
        self._files: dict[int, Future[dict[str, Any]]] = {}
        self._seen: list[_Seen] = []

    def __enter__(self) -> _Work:
        return self

    def __exit__(self, *exception: object) -> None:
        for pool in (*self._encoders, self._hashers):
            pool.shutdown(cancel_futures=True)
        for file in self._open.values():
            file.abandon()

    def take(self, group: Group) -> None:
        """Blocks while too many wait. Raises what went wrong with an earlier one."""
        while len(self._waiting) >= self._waiting_most:
            self._settle()
        encoder = self._encoders[group.part % len(self._encoders)]
        seen = self._hashers.submit(self._look, group.rows)
        self._waiting.append((encoder.submit(self._encode, group), seen))

    def written(self, last_ordinal: int | None) -> Written:
        while self._waiting:
            self._settle()
        if not self._files:
            self._encode(Group(arrow_schema(self._columns).empty_table(), 0, ends_part=True))
        missing = sum((seen.missing for seen in self._seen), Counter[str]())
        hashed = joined(seen.rows_hash for seen in self._seen)
        row_count = sum(seen.rows for seen in self._seen)
        splits = sum((seen.splits for seen in self._seen), Counter[str]())
        return Written(
            columns=[replace(column, nullable=missing[column.name] > 0) for column in self._columns],
            row_count=row_count,
            files=[self._files[part].result() for part in sorted(self._files)],
            digest=digest_of([(column.name, column.type) for column in self._columns], row_count, hashed),
            rows_hash=hashed,
            last_ordinal=last_ordinal,
            splits={side: splits[side] for side in sorted(splits, reverse=True)},
            counts=dict.fromkeys(self._counting, 0) | sum((seen.counts for seen in self._seen), Counter[str]()),
        )

    def _settle(self) -> None:
        encoded, seen = self._waiting.popleft()
        encoded.result()
        self._seen.append(seen.result())

    def _encode(self, group: Group) -> None:
        rows = group.rows.select([ORDINAL, *self._names])
        if group.part not in self._open:
            self._open[group.part] = _File(self._folder / part_name(group.part), rows)
        file = self._open[group.part]
        file.add(rows)
        if group.ends_part:
            self._files[group.part] = self._hashers.submit(file.close)
            del self._open[group.part]

    def _look(self, rows: pa.Table) -> _Seen:
        sides: Counter[str] = Counter()
        if SPLIT in self._names:
            sides.update({pair["values"]: pair["counts"] for pair in pc.value_counts(rows.column(SPLIT)).to_pylist()})
        return _Seen(
            rows=rows.num_rows,
            rows_hash=rows_hash(rows, self._names),
            missing=Counter({name: rows.column(name).null_count for name in self._names}),
            splits=sides,
            counts=Counter({name: int(pc.sum(rows.column(name)).as_py() or 0) for name in self._counting}),
        )


class _File:
    """One Parquet file. Its bytes depend on its row groups and on the version of the library only."""

    def __init__(self, path: Path, first: pa.Table) -> None:
        self._path = path
        self._rows = 0
        repeating = _worth_a_dictionary(first.slice(0, LOOKED_AT))
        self._writer = pq.ParquetWriter(
            path,
            first.schema,
            compression="snappy",
            store_schema=False,
            use_dictionary=repeating,
            # Of texts nobody asks for the least: to find it takes as long as to write some of them.
            write_statistics=[field.name for field in first.schema if not _is_sized(field.type)],
            column_encoding={
                field.name: "DELTA_BINARY_PACKED"
                for field in first.schema
                if pa.types.is_int64(field.type) and field.name not in repeating
            },
        )

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._writer.write_table(rows, row_group_size=rows.num_rows)
            self._rows += rows.num_rows

    def close(self) -> dict[str, Any]:
        self._writer.add_key_value_metadata(IN_ORDER)
        self._writer.close()
        size = self._path.stat().st_size
        return {"name": self._path.name, "rows": self._rows, "size_bytes": size, "sha256": hash_file(self._path)}

    def abandon(self) -> None:
        with contextlib.suppress(OSError):  # what went wrong before is what matters
            self._writer.close()


def _is_sized(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_binary(kind) or pa.types.is_large_string(kind))


def _worth_a_dictionary(rows: pa.Table) -> list[str]:
    """Columns whose values repeat."""
    return [
        name
        for name in rows.column_names
        if name != ORDINAL and pc.count_distinct(rows.column(name), mode="all").as_py() * REPEATS <= rows.num_rows
    ]
