"""`ingest`: an uploaded file becomes Parquet with ordinals; what does not parse is left out and named."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.companions import write_companions
from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.output import ROW_GROUP_ROWS, describe, emptied_on_failure
from workers.runtime.cleaning.parts import part_name
from workers.runtime.cleaning.quality import evaluated_beside
from workers.runtime.cleaning.readers import READERS, Options, Reader, Rejected, blamed
from workers.runtime.cleaning.schema import ORDINAL, SQL_TYPES, columns_of, described, is_nested, literal, quoted
from workers.runtime.context import JobContext

FILE_SIZE = "256MB"
"""Size at which a new file is begun."""


def ingest(ctx: JobContext) -> dict[str, Any]:
    """Input `source`: one file. Output `dataset`. Parameters: `format` and those of `Options`.

    A float that is not finite is a missing value. Times keep microseconds, in UTC; nested values become JSON text,
    decimals floats; a whole number beyond 64 bits is refused.

    Raises:
        UserError: the file or the parameters are at fault.
    """
    reader = _reader(ctx)
    connection = open_duckdb(ctx, ctx.work_dir)
    table = reader.open(connection)
    folder = ctx.output("dataset")
    try:
        selection = _selection(described(connection, table), reader.path.name)
        with emptied_on_failure(folder):
            files = _write(connection, f"SELECT {selection} FROM {table}", folder)
            rejected = reader.rejected(connection)
            written = describe(connection, files)
            if written.row_count == 0:
                raise UserError("no_rows", _why_no_rows(reader, rejected))
            companions = write_companions(connection, folder, written)
            found = evaluated_beside(ctx, connection, folder, written)
    except duckdb.Error as error:
        raise blamed(error, reader.path, reader.path) from None
    return {**written.to_json(), "rejected": rejected.to_json(), "companions": companions, **found}


def _reader(ctx: JobContext) -> Reader:
    kind = ctx.parameters.get("format")
    if kind not in READERS:
        raise UserError("invalid_parameters", f"format must be one of {', '.join(READERS)}, not {kind!r}")
    files = ctx.input("source").files
    if len(files) != 1:
        raise UserError("one_file_expected", f"a source is one file; this one has {len(files)}")
    options = Options.from_parameters(ctx.parameters)
    if options.types and kind not in ("csv", "tsv"):
        raise UserError("invalid_parameters", f"types are for csv and tsv; {kind} has its own")
    return READERS[kind](files[0], options, ctx.work_dir)


def _selection(types: dict[str, str], place: str) -> str:
    parts = [f"row_number() OVER () - 1 AS {quoted(ORDINAL)}"]
    for column in columns_of(types, place, pictures=False):
        name, kind = quoted(column.name), SQL_TYPES[column.type]
        value = f"to_json({name})::{kind}" if is_nested(types[column.name]) else f"{name}::{kind}"
        if types[column.name] == "TIMESTAMPTZ_NS":
            value = f"{name}::TIMESTAMPTZ::{kind}"
        if column.type == "float64":
            value = f"CASE WHEN isfinite({value}) THEN {value} END"
        parts.append(f"{value} AS {name}")
    return ", ".join(parts)


def _write(connection: duckdb.DuckDBPyConnection, query: str, folder: Path) -> list[Path]:
    """Write a query as Parquet files of the output; returns them in the order of the rows."""
    staging = folder / "staging"
    connection.execute(
        f"COPY ({query}) TO {literal(str(staging))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, "
        f"FILE_SIZE_BYTES '{FILE_SIZE}', FILENAME_PATTERN '{{i}}', OVERWRITE true)"
    )
    files = []
    for number, path in enumerate(sorted(staging.iterdir(), key=lambda each: int(each.stem))):
        files.append(path.replace(folder / part_name(number)))
    shutil.rmtree(staging)
    return files


def _why_no_rows(reader: Reader, rejected: Rejected) -> str:
    place = reader.path.name
    if not rejected.count:
        return f"{place} has a header and no row" if reader.has_header else f"{place} has no row"
    first = rejected.samples[0]
    return f"all {rejected.count} rows of {place} were rejected; line {first['line']}: {first['reason']}"
