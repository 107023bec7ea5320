"""A few raw records of the held-out part, for whoever wants to try the model that is trained on the rest."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.schema import ORDINAL, SPLIT, parquet_table, quoted

RECORDS = 3
LOOKED_AT = 50
RECORD_BYTES = 16 << 10


def held_out_records(
    connection: duckdb.DuckDBPyConnection,
    raw: Sequence[Path],
    cleaned: Sequence[Path],
    inputs: Sequence[dict[str, str]],
) -> list[dict[str, Any]]:
    """The first records of the split `test` as they were before cleaning, those without a missing value first.

    Args:
        raw: Parquet files of the input of the cleaning run.
        cleaned: those of its output; they have a column `__split`.
        inputs: `{"name", "type"}` of the preprocessor.
    """
    held_out = f"SELECT {ORDINAL} FROM {_table(cleaned)} WHERE {SPLIT} = 'test' ORDER BY {ORDINAL} LIMIT {LOOKED_AT}"
    ordinals = ", ".join(str(row[0]) for row in connection.execute(held_out).fetchall())
    if not ordinals or not inputs:
        return []
    names = ", ".join(quoted(column["name"]) for column in inputs)
    rows = connection.execute(
        f"SELECT {names} FROM {_table(raw)} WHERE {ORDINAL} IN ({ordinals}) ORDER BY {ORDINAL}"
    ).fetchall()
    records = [
        {column["name"]: _plain(value, column["type"]) for column, value in zip(inputs, row, strict=True)}
        for row in rows
    ]
    short = [record for record in records if len(json.dumps(record)) <= RECORD_BYTES]
    return sorted(short, key=lambda record: None in record.values())[:RECORDS]


def _table(files: Sequence[Path]) -> str:
    return parquet_table([str(file) for file in files])


def _plain(value: Any, kind: str) -> Any:
    """A cell as a caller of the model would send it."""
    if kind == "number":
        return _number(value)
    return value.isoformat() if isinstance(value, datetime | date) else value


def _number(value: Any) -> float | int | None:
    if isinstance(value, str):  # the recipe reads numbers from a column of text; what is none is a marker
        with contextlib.suppress(ValueError):
            return _number(float(value))
        return None
    if value is None or isinstance(value, int):
        return value
    number = float(value)
    return (int(number) if number.is_integer() and abs(number) < 2**53 else number) if math.isfinite(number) else None
