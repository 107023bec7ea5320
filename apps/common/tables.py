"""A table as a file that is written while it is read: CSV or Parquet behind one face."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from django.db import models

from apps.common.parquet import Column, Kind, ParquetTable

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What begins so is a formula to a spreadsheet."""


class TableFormat(models.TextChoices):
    """As which file a table is saved."""

    CSV = "csv"
    PARQUET = "parquet"


class TableWriter(Protocol):
    """The bytes of a file, in pieces: `head()`, `rows(…)` as often as wanted, `end()`."""

    content_type: str

    def head(self) -> bytes: ...
    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes: ...
    def end(self) -> bytes: ...


class CsvTable:
    """UTF-8 with commas; nothing for None, ISO 8601 for times, JSON's words for truths."""

    content_type = "text/csv; charset=utf-8"

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def head(self) -> bytes:
        return _csv([[safe(column.name) for column in self._columns]])

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return _csv([[_cell(value) for value in row] for row in rows])

    def end(self) -> bytes:
        return b""


def table_writer(kind: str, columns: Sequence[Column]) -> TableWriter:
    """What writes a `TableFormat`."""
    return ParquetTable(columns) if kind == TableFormat.PARQUET else CsvTable(columns)


def pieces_of(writer: TableWriter, rows: Iterator[Sequence[Sequence[Any]]]) -> Callable[[], bytes]:
    """For `saved_as`: a piece of the file a call, nothing at its end; reads the rows as they are wanted."""

    def pieces() -> Iterator[bytes]:
        yield writer.head()
        for some in rows:
            yield writer.rows(some)
        yield writer.end()

    # A piece without bytes would be taken for the end.
    left = (piece for piece in pieces() if piece)
    return lambda: next(left, b"")


def text_of(value: Any) -> str | None:
    """A value of JSON as one cell has it: text as it is, others as JSON; None stays."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def number_of(value: Any) -> float | None:
    """A number of JSON, also one that stands there as `"NaN"` or `"-Infinity"`; None for anything else."""
    if isinstance(value, str):
        return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def safe(text: str) -> str:
    """Text that no spreadsheet computes; numbers stay what they are."""
    if not text.startswith(FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else value


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


__all__ = ["Column", "CsvTable", "Kind", "TableFormat", "TableWriter", "number_of", "pieces_of", "safe", "table_writer"]
