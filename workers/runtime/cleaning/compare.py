"""`compare`: what became of the rows of one dataset version in another. DuckDB joins, and spills what is large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.compare_rows import Pair, by_content, by_key
from workers.runtime.cleaning.drift import drift
from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, parquet_table
from workers.runtime.context import JobContext

DRIFT_COLUMNS_MOST = 100
"""Of how many columns the drift is taken: a result has room for no more."""
SAID = 20


def compare(ctx: JobContext) -> dict[str, Any]:
    """Inputs `before` and `after`; parameter `key`: columns that tell rows apart, none to compare whole rows.

    Returns:
        `{"key", "schema": {"added", "removed", "type_changed"}, "rows": {"before", "after", "added", "removed",
        "changed", "same"}, "columns": [{"name", "changed"}], "examples": {"added", "removed", "changed"}, "drift"}`.
        Without a key no row is `changed` (null): it is one removed and one added.

    Raises:
        UserError: a column of the key is not in both, or its values do not tell the rows of a version apart.
    """
    tables = [parquet_table([str(file) for file in dataset_files(ctx, name)]) for name in ("before", "after")]
    connection = open_duckdb(ctx, ctx.work_dir)
    connection.execute("SET preserve_insertion_order = false")
    sides = [_columns(connection, table) for table in tables]
    pair = Pair(connection, tables[0], tables[1], _in_both(*sides))
    key = _key(ctx.parameters.get("key"), *sides)
    rows = by_key(pair, key) if key else by_content(pair)
    return {"key": key, "schema": schema_changes(*sides), **rows, "drift": _drift(connection, tables, sides)}


def schema_changes(before: Sequence[Column], after: Sequence[Column]) -> dict[str, Any]:
    """By name: `{"added": [{"name", "type"}], "removed": […], "type_changed": [{"name", "before", "after"}]}`."""
    old, new = ({column.name: column.type for column in side} for side in (before, after))
    return {
        "added": [{"name": name, "type": kind} for name, kind in new.items() if name not in old],
        "removed": [{"name": name, "type": kind} for name, kind in old.items() if name not in new],
        "type_changed": [
            {"name": name, "before": old[name], "after": kind}
            for name, kind in new.items()
            if name in old and old[name] != kind
        ],
    }


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    found = columns_of(described(connection, table), "the dataset")
    if ORDINAL not in {column.name for column in found}:
        raise UserError("no_ordinals", f"the dataset has no column {ORDINAL!r}: it was not ingested")
    return [column for column in found if column.name != ORDINAL]


def _in_both(before: Sequence[Column], after: Sequence[Column]) -> list[tuple[str, str, str]]:
    """Name, type before and type after of the columns that both have, in the order of the later."""
    old = {column.name: column.type for column in before}
    return [(column.name, old[column.name], column.type) for column in after if column.name in old]


def _key(asked: Any, before: Sequence[Column], after: Sequence[Column]) -> list[str]:
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        raise UserError("invalid_parameters", "key must be a list of columns")
    for name in asked:
        for side, which in ((before, "earlier"), (after, "later")):
            if name not in {column.name for column in side}:
                known = ", ".join(column.name for column in side[:SAID]) + (", …" if len(side) > SAID else "")
                raise UserError("key_missing", f"the {which} version has no column {name!r} of the key; it has {known}")
    return list(dict.fromkeys(asked))


def _drift(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[str], sides: Sequence[Sequence[Column]]
) -> dict[str, Any]:
    old = {column.name for column in sides[0]}
    shared = [column for column in sides[1] if column.name in old]
    return drift(connection, tables[0], tables[1], shared[:DRIFT_COLUMNS_MOST])
