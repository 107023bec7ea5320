"""Rules that hold the data against another version."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.drift import drift
from workers.runtime.cleaning.quality.counting import EXAMPLES, Counted
from workers.runtime.cleaning.quality.rules import Rule, value_of
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column, columns_of, described

COLUMNS_LISTED = 50


def strangers(
    connection: duckdb.DuckDBPyConnection, table: str, reference: str, rule: Rule, types: Mapping[str, str]
) -> Counted:
    """Values that the target column of the other table does not have; `checked` is left to the caller.

    Raises:
        LookupError: the other table has no such column, or one of another type.
    """
    target, name = rule.parameters["target"], rule.parameters["column"]
    theirs = _types(connection, reference)
    numbers = {"int64", "float64"}
    if target not in theirs or not (theirs[target] == types[name] or {theirs[target], types[name]} <= numbers):
        raise LookupError(target)
    query = (
        f"SELECT count(*), min({ORDINAL}, {EXAMPLES}) FROM "
        f"(SELECT {ORDINAL}, {value_of(name, types[name])} AS key FROM {table}) AS mine "
        f"ANTI JOIN (SELECT DISTINCT {value_of(target, theirs[target])} AS key FROM {reference}) AS theirs "
        "ON mine.key = theirs.key WHERE mine.key IS NOT NULL"
    )
    failed, ordinals = connection.execute(query).fetchall()[0]
    return Counted(failed=failed, ordinals=list(ordinals or []))


def shifted(
    connection: duckdb.DuckDBPyConnection, table: str, reference: str, rule: Rule, columns: Sequence[Column]
) -> dict[str, Any]:
    """How far the columns are from those of the other version, and which are farther than allowed.

    Returns:
        `{"columns": [{"column", "psi", "ks", "is_beyond"}], "compared", "beyond", "left_out": [names]}`, the farthest
        first.
    """
    wanted = rule.parameters["columns"]
    looked = [one for one in columns if (wanted is None and one.name != SPLIT) or (wanted and one.name in wanted)]
    found = drift(connection, reference, table, looked)
    rows = [_distance(one, rule) for one in found["columns"]]
    rows.sort(key=lambda row: (not row["is_beyond"], -(row["psi"] or 0), row["column"]))
    left_out = [one["name"] for one in found["left_out"] if wanted is not None]
    return {
        "columns": rows[:COLUMNS_LISTED],
        "compared": len(rows),
        "beyond": sum(row["is_beyond"] for row in rows),
        "left_out": left_out,
    }


def _distance(found: Mapping[str, Any], rule: Rule) -> dict[str, Any]:
    missing = found["missing"]["psi"]
    psi = max((value for value in (found["psi"], missing) if value is not None), default=None)
    ks = found["ks"]["statistic"] if found["ks"] else None
    limits = ((psi, rule.parameters["psi_most"]), (ks, rule.parameters["ks_most"]))
    beyond = any(value is not None and most is not None and value > most for value, most in limits)
    return {"column": found["name"], "psi": psi, "ks": ks, "is_beyond": beyond}


def _types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return {one.name: one.type for one in columns_of(described(connection, table), "the reference")}
