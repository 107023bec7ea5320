"""The digest of a dataset version: over its content, not over its bytes.

    row       = SHA-256 over the values of the row, in the order of the schema, joined by ","
    rows      = the sum of the first 128 bits of every row's hash, modulo 2^128
    digest    = "sha256:" + SHA-256 over JSON: {"columns": [[name, type], …], "format": 1, "row_count": n, "rows": hex}

A value is written as: `n` for a missing one; a whole number, a day since 1970 or a microsecond since 1970 as
a decimal number; a float as the decimal number of its IEEE 754 bits (-0.0 as 0.0); text as its length in
UTF-8 bytes, ":", and the text; true and false as 1 and 0. So the digest does not depend on the order of rows,
on how they are spread over files, or on the engine that wrote them; a sum, not an exclusive or, so that equal
rows do not cancel. It tells versions apart; it is no seal against somebody who crafts rows to collide: the
SHA-256 of each file in the manifest is that.
"""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import duckdb

from workers.runtime.cleaning.schema import Column, parquet_table, quoted

MODULUS = 1 << 128


def content_digest(connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column]) -> str:
    """Digest of the rows in Parquet files. One pass, in parallel, in constant memory."""
    row = f"concat_ws(',', {', '.join(_value(column) for column in columns)})"
    query = f"""
        WITH hashed AS MATERIALIZED (SELECT sha256({row}) AS hash FROM {parquet_table(files)})
        SELECT count(*), sum(('0x' || hash[1:16])::UBIGINT), sum(('0x' || hash[17:32])::UBIGINT) FROM hashed
    """
    count, upper, lower = connection.execute(query).fetchall()[0]
    rows = ((int(upper or 0) << 64) + int(lower or 0)) % MODULUS
    return digest_of(columns, count, rows)


def digest_of(columns: Sequence[Column], row_count: int, rows: int) -> str:
    """The digest from its three parts."""
    content = {
        "columns": [[column.name, column.type] for column in columns],
        "format": 1,
        "row_count": row_count,
        "rows": f"{rows:032x}",
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _value(column: Column) -> str:
    name = quoted(column.name)
    rendered = {
        "int64": f"{name}::BIGINT",
        "float64": f"({name}::DOUBLE + 0.0)::BIT::UBIGINT",  # + 0.0 turns -0.0 into 0.0
        "string": f"strlen({name}) || ':' || {name}",
        "bool": f"{name}::INTEGER",
        "date": f"datediff('day', DATE '1970-01-01', {name})",
        "timestamp": f"epoch_us({name})",
    }[column.type]
    return f"coalesce(({rendered})::VARCHAR, 'n')"
