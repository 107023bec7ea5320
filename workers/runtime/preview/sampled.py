"""The rows that a preview works on: some of a version's, spread over all of it, held in memory."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.sample import SPREAD, rows_of
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, parquet_table
from workers.runtime.context import JobContext

ROWS, ROWS_LEAST = 10_000, 20
CELLS = 400_000
"""What is sampled at most: data with very many columns has fewer rows in its sample."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Rows by ordinal: `__ordinal` and the columns."""

    rows: pa.Table
    columns: list[Column]
    row_count: int
    """Of the version."""


def rows_sampled(width: int) -> int:
    """How many rows of data with that many columns are sampled; all, where it has fewer."""
    return max(ROWS_LEAST, min(ROWS, CELLS // max(1, width)))


def load_sample(ctx: JobContext) -> Sampled:
    """The sample of the input `dataset`. Blocks on the control plane and the disk.

    Raises:
        UserError: `no_files`, `no_ordinals`.
    """
    connection = open_duckdb(ctx, ctx.work_dir)
    table = parquet_table([str(path) for path in dataset_files(ctx)])
    return sampled_from(connection, table)


def sampled_from(connection: duckdb.DuckDBPyConnection, table: str) -> Sampled:
    """The sample of a table expression; the same rows at every call.

    Raises:
        UserError: `no_ordinals`.
    """
    found = columns_of(described(connection, table), "the dataset")
    if ORDINAL not in {column.name for column in found}:
        raise UserError("no_ordinals", f"the dataset has no column {ORDINAL!r}: it was not ingested")
    columns = [column for column in found if column.name != ORDINAL]
    row_count = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # noqa: S608 - our own table
    query = rows_of(connection, table, columns, SPREAD, rows_sampled(len(columns)))
    return Sampled(connection.sql(query).to_arrow_table(), columns, row_count)
