"""Parquet uploads."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import LINE, Reader, blamed
from workers.runtime.cleaning.schema import check_names, literal, parquet_table, quoted

MARK, ENCRYPTED = b"PAR1", b"PARE"
SMALLEST_BYTES = 12


class ParquetReader(Reader):
    """A single Parquet file, whoever wrote it."""

    format = "parquet"

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        size = self.upload.path.stat().st_size
        if size == 0:
            raise UserError("empty_file", f"{self.upload.name} is empty")
        with self.upload.path.open("rb") as file:
            start = file.read(len(MARK))
            file.seek(max(0, size - len(MARK)))
            end = file.read()
        if start == ENCRYPTED:
            raise UserError("encrypted_file", f"{self.upload.name} is an encrypted Parquet file: upload it decrypted")
        if start != MARK:
            raise UserError("not_parquet", f"{self.upload.name} does not start with PAR1: it is no Parquet file")
        if end != MARK or size < SMALLEST_BYTES:
            raise UserError(
                "not_parquet", f"{self.upload.name} does not end with PAR1: it is cut off after {size} bytes"
            )
        table = parquet_table([str(self.upload.path)])
        try:
            tree = connection.execute(
                f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({literal(str(self.upload.path))})"
            ).fetchall()
        except duckdb.Error as error:
            raise blamed(error, self.upload, self.upload.path, code="not_parquet") from None
        check_names(top_level(tree), self.upload.name)
        return f"(SELECT row_number() OVER () AS {quoted(LINE)}, * FROM {table})"


def top_level(tree: Sequence[tuple[str, int]]) -> list[str]:
    """Names of the columns in a Parquet schema: (name, number of children) in depth-first order, the root first."""
    names = []
    open_children: list[int] = []
    for name, children in tree:
        if len(open_children) == 1:
            names.append(name)
        if open_children:
            open_children[-1] -= 1
        open_children.append(children)
        while open_children and open_children[-1] == 0:
            open_children.pop()
    return names
