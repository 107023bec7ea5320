"""All rules of one table in one query: how many rows each is about, how many do not fulfil it, and which."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from workers.runtime.cleaning.quality.rules import Rule, fails, key_of, value_of
from workers.runtime.cleaning.schema import ORDINAL

EXAMPLES = 20


@dataclass(slots=True)
class Counted:
    """What the table says of one rule. `checked` and `failed` count rows; `extreme` is the newest moment."""

    checked: int = 0
    failed: int = 0
    ordinals: list[int] = field(default_factory=list)
    extreme: Any = None
    seconds: float = 0.0


def count_all(
    connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule], types: Mapping[str, str]
) -> dict[str, Counted | duckdb.Error]:
    """Rule id → figures, in one pass; where that fails, in one for each, so that one bad rule spoils no other."""
    if not rules:
        return {}
    started = time.perf_counter()
    try:
        found = _counted(connection, table, rules, types)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        if len(rules) == 1:
            return {rules[0].id: error}
        return {rule.id: count_all(connection, table, [rule], types)[rule.id] for rule in rules}
    share = (time.perf_counter() - started) / len(rules)
    for one in found.values():
        one.seconds = share
    return dict(found)


def _counted(
    connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule], types: Mapping[str, str]
) -> dict[str, Counted]:
    values, figures = [], []
    for number, rule in enumerate(rules):
        name = f"v{number}"
        failing = fails(rule, types)
        if failing is not None:
            values.append(f"{failing} AS {name}")
            figures += [
                f"count({name})",
                f"count(*) FILTER ({name})",
                f"min({ORDINAL}, {EXAMPLES}) FILTER ({name})",
            ]
        elif rule.kind == "unique":
            values.append(f"{key_of(rule.columns, types)} AS {name}")
            figures += [f"count({name})", f"count({name}) - count(DISTINCT {name})", "NULL"]
        else:  # of what is not about single rows, or looked up elsewhere: what is there, and the newest
            values.append(f"{value_of(rule.columns[0], types[rule.columns[0]])} AS {name}")
            newest = f"max({name})" if rule.kind == "freshness" else "NULL"
            figures += [f"count({name})", newest, "NULL"]
    query = f"SELECT {', '.join(figures)} FROM (SELECT {ORDINAL}, {', '.join(values)} FROM {table})"
    row = connection.execute(query).fetchall()[0]
    found = {}
    for number, rule in enumerate(rules):
        checked, second, ordinals = row[3 * number : 3 * number + 3]
        if rule.kind in ("freshness", "foreign_key"):
            found[rule.id] = Counted(checked, extreme=second)
        else:
            found[rule.id] = Counted(checked, second, list(ordinals or []))
    return found
