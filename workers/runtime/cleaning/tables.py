"""One or several files of one schema, as one query in DuckDB, with what each of them left out."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.fitting import Fitted, fitted, misfit, selection, why
from workers.runtime.cleaning.quarantine import Quarantine
from workers.runtime.cleaning.readers import LINE, Options, Reader, Usual, blamed
from workers.runtime.cleaning.readers.spelled import Doubtful, spelled
from workers.runtime.cleaning.schema import ORDINAL, described, quoted

BATCH_ROWS = 16_384
"""Handed from DuckDB to the writer at once."""
MISFITS = "misfits"
Make = Callable[[Options], Reader]
"""A reader of one file, opened with these options."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, the table that it is, and its columns as they are kept."""

    reader: Reader
    table: str
    columns: list[Fitted]
    has_line: bool

    @property
    def query(self) -> str:
        """The rows that fit."""
        condition = misfit(self.columns)
        where = f" WHERE NOT ({condition})" if condition else ""
        return f"SELECT {selection(self.columns)} FROM {self.table}{where}"


def usual_rows(connection: duckdb.DuckDBPyConnection, usual: Usual, first: int) -> Iterator[pa.Table]:
    """The rows of a file as its beginning promises them, with ordinals from `first`. Raises Doubtful."""
    try:
        for texts in connection.sql(f"SELECT * FROM {usual.table}").to_arrow_reader(BATCH_ROWS):
            values = [spelled(texts.column(place), kind) for place, kind in enumerate(usual.types.values())]
            ordinals = pa.array(np.arange(first, first + texts.num_rows))
            first += texts.num_rows
            yield pa.table([ordinals, *values], names=[ORDINAL, *usual.types])
    except (duckdb.Error, OSError, pa.ArrowException) as error:  # whose fault it is shows when all of it is looked at
        raise Doubtful(str(error)) from error


def opened(connection: duckdb.DuckDBPyConnection, files: Sequence[Make], options: Options) -> list[Opened]:
    """Files with the same columns, of types that hold the values of all.

    Raises:
        UserError: one cannot be read, or has other columns than the first: `schema_mismatch`.
    """
    found = [_opened(connection, make, options) for make in files]
    if len(found) == 1:
        return found
    first = found[0]
    names = [each.column.name for each in first.columns]
    for one in found[1:]:
        _check_same(names, [each.column.name for each in one.columns], first.reader, one.reader)
    kinds: dict[str, set[str]] = {}
    for one in found:
        for each in one.columns:
            kinds.setdefault(each.column.name, set()).add(each.column.type)
    mixed = {name: all_of for name, all_of in kinds.items() if len(all_of) > 1}
    if mixed:
        textual = {name for name, all_of in mixed.items() if all_of != {"int64", "float64"}}
        types = {name: "string" if name in textual else "float64" for name in mixed}
        again = dataclasses.replace(options, as_text=frozenset(textual), types={**options.types, **types})
        found = [_opened(connection, make, again) for make in files]
    return [dataclasses.replace(one, columns=_in_order(one.columns, names)) for one in found]


def leave_out(connection: duckdb.DuckDBPyConnection, files: Sequence[Opened], quarantine: Quarantine) -> None:
    """Note what was left out of each file, once its rows were read.

    Raises:
        UserError: what was left out cannot be told from the rest.
    """
    for one in files:
        member = one.reader.upload.member
        query = one.reader.quarantined(connection)
        if query:
            quarantine.add(member, query)
        if misfit(one.columns):
            _leave_misfits(connection, one, quarantine)


def _leave_misfits(connection: duckdb.DuckDBPyConnection, one: Opened, quarantine: Quarantine) -> None:
    table = one.reader.again(one.table)
    key = quoted(LINE) if one.has_line else "row_number() OVER ()"
    cells = f"to_json(struct_pack({', '.join(f'{quoted(n)} := {quoted(n)}' for n in _names(one))}))::VARCHAR"
    rows = f"SELECT {key} AS key, * FROM {table}"
    chosen = f"SELECT key, {why(one.columns)}, {cells} AS text FROM ({rows}) WHERE {misfit(one.columns)}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {MISFITS} AS {chosen}")
    located = one.reader.located(connection, f"SELECT key FROM {MISFITS}")
    quarantine.add(
        one.reader.upload.member,
        f'SELECT coalesce(place.line, left_out.key) AS line, left_out."column", left_out.reason, '
        f"coalesce(place.text, left_out.text) AS text FROM {MISFITS} AS left_out "
        f"LEFT JOIN ({located}) AS place USING (key)",
    )


def _names(one: Opened) -> list[str]:
    return [each.column.name for each in one.columns if each.misfits]


def _opened(connection: duckdb.DuckDBPyConnection, make: Make, options: Options) -> Opened:
    reader = make(options)
    table = reader.open(connection)
    try:
        types = described(connection, table)
    except duckdb.Error as error:
        raise blamed(error, reader.upload, reader.upload.path) from None
    return Opened(reader, table, fitted(types, options, reader.upload.name), LINE in types)


def _check_same(names: Sequence[str], others: Sequence[str], first: Reader, other: Reader) -> None:
    extra = [name for name in others if name not in names]
    lacking = [name for name in names if name not in others]
    if extra:
        detail = f"{other.upload.name} has a column {extra[0]!r}, which {first.upload.name} does not have"
    elif lacking:
        detail = f"{other.upload.name} has no column {lacking[0]!r}, which {first.upload.name} has"
    else:
        return
    raise UserError("schema_mismatch", detail)


def _in_order(columns: Sequence[Fitted], names: Sequence[str]) -> list[Fitted]:
    by_name = {each.column.name: each for each in columns}
    return [by_name[name] for name in names]
