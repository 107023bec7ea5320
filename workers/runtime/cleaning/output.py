"""Describing the Parquet files that a job wrote."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from workers.runtime.cleaning.digest import sums_of
from workers.runtime.cleaning.errors import UserError, is_disk_full
from workers.runtime.cleaning.parts import Written
from workers.runtime.cleaning.schema import ORDINAL, columns_of, described, parquet_table, quoted
from workers.runtime.stored_file import hash_file

ROW_GROUP_ROWS = 122_880
ROOM_BYTES = 64 << 10
"""Less than that on a disk counts as none."""


@contextlib.contextmanager
def emptied_on_failure(folder: Path) -> Iterator[None]:
    """An output that is whole or empty: what was written is removed again, also when there is no room for the rest.

    Raises:
        OSError: no room, also where the engine that wrote did not say so (Daft: "channel closed").
    """
    try:
        yield
    except BaseException as error:
        full = isinstance(error, Exception) and not isinstance(error, UserError) and not _has_room(folder)
        for path in folder.iterdir():
            with contextlib.suppress(OSError):  # the failure itself is what matters
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise


def _has_room(folder: Path) -> bool:
    try:
        (folder / "room").write_bytes(bytes(ROOM_BYTES))
    except OSError as error:
        return not is_disk_full(error)
    return True


def describe(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Written:
    """Schema, rows, sizes and digest of Parquet files that have an `__ordinal` column."""
    paths = [str(file) for file in files]
    table = parquet_table(paths)
    columns = [column for column in columns_of(described(connection, table), "the output") if column.name != ORDINAL]
    counts = ", ".join(f"count({quoted(column.name)})" for column in columns)
    query = f"SELECT count(*), max({ORDINAL}), {counts} FROM {table}"
    row_count, last_ordinal, *present = connection.execute(query).fetchall()[0]
    columns = [
        dataclasses.replace(column, nullable=count < row_count) for column, count in zip(columns, present, strict=True)
    ]
    sums = sums_of(paths, columns)
    return Written(
        columns=columns,
        row_count=row_count,
        files=[_file(connection, Path(path)) for path in paths],
        digest=sums.digest(columns),
        rows_hash=sums.rows_hash,
        last_ordinal=last_ordinal,
    )


def _file(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, object]:
    rows = connection.execute(f"SELECT count(*) FROM {parquet_table([str(path)])}").fetchall()[0][0]
    return {"name": path.name, "rows": rows, "size_bytes": path.stat().st_size, "sha256": hash_file(path)}
