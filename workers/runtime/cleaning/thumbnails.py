"""Small pictures of some rows, so that people see what a dataset of pictures holds."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import duckdb
from PIL import Image

from workers.runtime.cleaning.schema import ORDINAL, Column, parquet_table, quoted
from workers.runtime.pictures import FAULTS, opened

MOST = 48
SIDE = 64
"""Pixels of the longer side."""
QUALITY = 70
PICTURE_BYTES_MOST = 16 << 20
"""A larger one is shown by its figures only."""


def thumbnails(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column], sample: dict[str, Any]
) -> dict[str, Any] | None:
    """`{"column", "thumbnails": [{"ordinal", "image"}]}` of rows of a sample (see there), by ordinal: `image` is a data
    URI, None where the picture cannot be decoded. None for a table without pictures."""
    column = next((column.name for column in columns if column.type == "image"), None)
    if column is None:
        return None
    table = parquet_table(files)
    found = []
    for ordinal in _chosen(sample):
        # One at a time: each may be large.
        where = f"{ORDINAL} = {ordinal} AND octet_length({quoted(column)}) <= {PICTURE_BYTES_MOST}"
        rows = connection.execute(f"SELECT {quoted(column)} FROM {table} WHERE {where}").fetchall()
        found.append({"ordinal": ordinal, "image": _shown(rows[0][0]) if rows else None})
    return {"column": column, "thumbnails": found}


def _chosen(sample: dict[str, Any]) -> list[int]:
    """As many of the first rows as of those from everywhere."""
    first = [row["ordinal"] for row in sample["first"]]
    rest = [row["ordinal"] for row in sample["random"] if row["ordinal"] not in first[: MOST // 2]]
    return sorted({*first[: MOST - min(len(rest), MOST // 2)], *rest[: MOST // 2]})


def _shown(content: bytes) -> str | None:
    try:
        with opened(content) as image:
            image.draft("RGB", (SIDE, SIDE))
            small = image.convert("RGBA" if "A" in image.mode or "transparency" in image.info else "RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
            file = io.BytesIO()
            small.save(file, "WEBP", quality=QUALITY)
    except FAULTS:
        return None
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
