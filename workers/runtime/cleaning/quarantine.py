"""Rows that were left out of a version: all of them in a file, the first of them in the result."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workers.contracts.sentences import say
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.schema import literal
from workers.runtime.stored_file import hash_file

NAME = "quarantine.csv.gz"
TABLE = "quarantine"
SAMPLES = 20
TEXT_LIMIT = 200
REASON_LIMIT = 500
_COLUMNS = 'file VARCHAR, line BIGINT, "column" VARCHAR, reason VARCHAR, text VARCHAR'


class Rejection(UserError):
    """So many rows were left out that nothing is made of the rest. What was left out is told all the same."""

    def __init__(
        self, code: str, detail: str, rejected: dict[str, Any], file: dict[str, Any] | None, detected: dict[str, Any]
    ) -> None:
        super().__init__(code, detail)
        self.rejected, self.file, self.detected = rejected, file, detected

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "rejected": self.rejected, "quarantine": self.file, "detected": self.detected}


class Quarantine:
    """A table of left-out rows, each with its file, line, column, reason and text."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} ({_COLUMNS})")

    def add(self, file: str, query: str) -> None:
        """The rows of a query with `line`, `column`, `reason` and `text`."""
        self._connection.execute(
            f'INSERT INTO {TABLE} SELECT {literal(file)}, line, "column", reason, text FROM ({query})'
        )

    def add_rows(self, rows: Sequence[tuple[str, int | None, str | None, str, str | None]]) -> None:
        """Single ones: file, line, column, reason, text."""
        if not rows:
            return
        names = ("file", "line", "column", "reason", "text")
        kinds = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.string())
        columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        self._connection.register("left_out", pa.table(columns, names=names))
        self._connection.execute(f"INSERT INTO {TABLE} SELECT * FROM left_out")
        self._connection.unregister("left_out")

    @property
    def count(self) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {TABLE}").fetchall()
        return int(found[0][0])

    def to_json(self) -> dict[str, Any]:
        """`{"count", "samples": [{"line", "column", "reason", "text"}]}`, of an archive's members also `file`."""
        wanted = f'file, line, "column", left(reason, {REASON_LIMIT}), text'
        query = f"SELECT {wanted} FROM {TABLE} ORDER BY file, line LIMIT {SAMPLES}"
        rows = self._connection.execute(query).fetchall()
        samples = [
            {
                "line": line,
                "column": column,
                "reason": reason,
                "text": (text or "")[:TEXT_LIMIT],
                **({"file": file} if file else {}),
            }
            for file, line, column, reason, text in rows
        ]
        return {"count": self.count, "samples": samples}

    def write(self, folder: Path) -> dict[str, Any] | None:
        """All rows as gzip-compressed CSV (UTF-8, RFC 4180): line, column, reason, text, file. None without any."""
        if not self.count:
            return None
        path = folder / NAME
        query = f'SELECT line, "column", reason, text, file FROM {TABLE} ORDER BY file, line'
        self._connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER, COMPRESSION gzip)")
        return {"name": NAME, "sha256": hash_file(path), "size_bytes": path.stat().st_size}

    def refusal(self, kept: int, options: Options, place: str) -> tuple[str, str] | None:
        """Code and sentence where too much was left out."""
        count = self.count
        if not count:
            return None
        if not kept:
            first = self.to_json()["samples"][0]
            at = ": ".join(
                part for part in (first.get("file"), f"line {first['line']}" if first["line"] else "") if part
            )
            return "no_rows", f"all {count} rows of {place} were rejected; {at or 'the first'}: {first['reason']}"
        said: dict[str, Any] = {"count": count, "rows": count + kept, "file": place}
        if options.max_rejected_rows is not None and count > options.max_rejected_rows:
            return "too_many_rejected", say("rejected_rows", **said, most=options.max_rejected_rows)
        if count > options.max_rejected_ratio * (count + kept):
            return "too_many_rejected", say("rejected_ratio", **said, most=f"{options.max_rejected_ratio:g}")
        return None
