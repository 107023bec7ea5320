"""Parquet uploads."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import Reader
from workers.runtime.cleaning.readers.delimited import first_line
from workers.runtime.cleaning.schema import check_names, literal

MARK = b"PAR1"


class ParquetReader(Reader):
    """A single Parquet file, whoever wrote it."""

    format = "parquet"

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        size = self.path.stat().st_size
        if size == 0:
            raise UserError("empty_file", f"{self.path.name} is empty")
        with self.path.open("rb") as file:
            start = file.read(len(MARK))
            file.seek(max(0, size - len(MARK)))
            end = file.read()
        if start != MARK:
            raise UserError("not_parquet", f"{self.path.name} does not start with PAR1: it is no Parquet file")
        if end != MARK:
            raise UserError("not_parquet", f"{self.path.name} does not end with PAR1: it is cut off after {size} bytes")
        table = f"read_parquet({literal(str(self.path))})"
        try:
            top = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
            names = connection.execute(
                f"SELECT name FROM parquet_schema({literal(str(self.path))}) LIMIT {len(top) + 1}"
            ).fetchall()
        except duckdb.Error as error:
            raise UserError("not_parquet", f"{self.path.name}: {first_line(error)}") from None
        flat = [name for (name,) in names[1:]]
        check_names(flat if len(flat) == len(top) else [row[0] for row in top], self.path.name)
        return table
