"""Rows that do not fulfil a rule, for people to look at."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.quality.counting import EXAMPLES
from workers.runtime.cleaning.quality.rules import Rule, key_of
from workers.runtime.cleaning.schema import ORDINAL, quoted

COLUMNS_SHOWN = 12
RESULT_BYTES = 300_000
"""Of all results together: a job's result may have a mebibyte, and holds more than these."""
FEWER = (EXAMPLES, 5, 1, 0)

Example = dict[str, Any]
"""`{"ordinal", "values": {column: value}}`, and `"rows"` where several rows have these values."""


def rows_by_ordinal(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    wanted: Mapping[str, Sequence[int]],
    rules: Mapping[str, Rule],
    types: Mapping[str, str],
) -> dict[str, list[Example]]:
    """Rule id → its rows. One more pass, over the columns and row groups that are needed."""
    ordinals = sorted({one for some in wanted.values() for one in some})
    if not ordinals:
        return {}
    names = list(dict.fromkeys(name for key in wanted for name in _shown_of(rules[key], types)))
    listed = ", ".join(quoted(name) for name in [ORDINAL, *names])
    query = f"SELECT {listed} FROM {table} WHERE {ORDINAL} IN ({', '.join(map(str, ordinals))})"
    rows = {row[0]: dict(zip(names, row[1:], strict=True)) for row in connection.execute(query).fetchall()}
    return {
        key: [
            {"ordinal": one, "values": {name: plain(rows[one][name]) for name in _shown_of(rules[key], types)}}
            for one in some
            if one in rows
        ]
        for key, some in wanted.items()
    }


def repeated(connection: duckdb.DuckDBPyConnection, table: str, rule: Rule, types: Mapping[str, str]) -> list[Example]:
    """Keys that come more than once: the last row of each, and how many rows have it."""
    names = ", ".join(quoted(name) for name in rule.columns)
    query = (
        f"SELECT max({ORDINAL}), count(*), {', '.join(f'any_value({quoted(name)})' for name in rule.columns)} "
        f"FROM (SELECT {ORDINAL}, {names}, {key_of(rule.columns, types)} AS key FROM {table}) "
        f"WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1 ORDER BY 1 LIMIT {EXAMPLES}"
    )
    return [
        {"ordinal": row[0], "rows": row[1], "values": dict(zip(rule.columns, map(plain, row[2:]), strict=True))}
        for row in connection.execute(query).fetchall()
    ]


def fitting(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results, with fewer examples where they would be too large."""
    for most in FEWER:
        results = [{**one, "examples": one["examples"][:most]} for one in results]
        if len(json.dumps(results, ensure_ascii=False).encode()) <= RESULT_BYTES:
            break
    return results


def _shown_of(rule: Rule, types: Mapping[str, str]) -> list[str]:
    return [name for name in rule.columns if types.get(name) not in (None, "image")][:COLUMNS_SHOWN]
