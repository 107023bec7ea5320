"""Rows of two tables held against each other: by a key, or as they are.

Both sides have `__ordinal`, which names a row in its own table only. Rows are joined by the key, or by a hash of 128
bits of the columns that both have; of whole rows only those that are shown are ever read.
"""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.schema import ORDINAL, quoted

EXAMPLES = 50
"""Of rows that changed, and of rows that came or went."""
CELLS = 2_000
"""Of the examples of one kind: rows that are very wide are shown in part."""
COLUMNS_AT_ONCE = 32
"""Whose changed cells are counted in one pass: what a pass holds of the rows that changed."""
NUMBERS = frozenset({"int64", "float64"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tables, and the columns that both have: name, type before, type after."""

    connection: duckdb.DuckDBPyConnection
    before: str
    after: str
    columns: list[tuple[str, str, str]]

    def one(self, query: str) -> tuple[Any, ...]:
        return tuple(self.connection.execute(query).fetchall()[0])

    def counts(self) -> tuple[int, int]:
        before, after = (self.one(f"SELECT count(*) FROM {table}")[0] for table in (self.before, self.after))
        return int(before), int(after)


def by_key(pair: Pair, key: Sequence[str]) -> dict[str, Any]:
    """Rows that came, went, or kept their key and changed otherwise. A missing value in a key equals another.

    Raises:
        UserError: `key_not_unique`.
    """
    rest = [column for column in pair.columns if column[0] not in key]
    keys = [_comparable(column, "") for column in pair.columns if column[0] in key]
    for side, table in (("a", pair.before), ("b", pair.after)):
        named = ", ".join(f"{value} AS k{number}" for number, value in enumerate(keys))
        pair.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {side} AS SELECT {ORDINAL} AS o, {_hash(rest, 1)} AS h, {named} FROM {table}"
        )
        _unique(pair, side, key, len(keys))
    on = " AND ".join(f"a.k{number} IS NOT DISTINCT FROM b.k{number}" for number in range(len(keys)))
    pair.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE apart AS SELECT a.o AS oa, b.o AS ob FROM a FULL JOIN b ON {on}"
        " WHERE a.h IS DISTINCT FROM b.h"
    )
    for side in ("a", "b"):
        pair.connection.execute(f"DROP TABLE {side}")
    removed, added, changed = pair.one(
        "SELECT count(*) FILTER (ob IS NULL), count(*) FILTER (oa IS NULL),"
        " count(*) FILTER (oa IS NOT NULL AND ob IS NOT NULL) FROM apart"
    )
    before, after = pair.counts()
    return {
        "rows": _rows(before, after, added=added, removed=removed, changed=changed),
        "columns": list(_changed_cells(pair, rest)) if changed else [],
        "examples": {
            "added": _whole(pair, pair.after, "SELECT ob FROM apart WHERE oa IS NULL"),
            "removed": _whole(pair, pair.before, "SELECT oa FROM apart WHERE ob IS NULL"),
            "changed": _changed_rows(pair, key, rest),
        },
    }


def by_content(pair: Pair) -> dict[str, Any]:
    """Rows that are in one of the tables more often than in the other."""
    for side, table in (("a", pair.before), ("b", pair.after)):
        pair.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {side} AS SELECT {_hash(pair.columns, 1)} AS h,"
            f" {_hash(pair.columns, 2)} AS g, count(*) AS n, min({ORDINAL}) AS o FROM {table} GROUP BY ALL"
        )
    pair.connection.execute(
        "CREATE OR REPLACE TEMP TABLE apart AS"
        " SELECT coalesce(a.n, 0) AS na, coalesce(b.n, 0) AS nb, a.o AS oa, b.o AS ob FROM a"
        " FULL JOIN b ON a.h = b.h AND a.g = b.g WHERE a.n IS DISTINCT FROM b.n"
    )
    for side in ("a", "b"):
        pair.connection.execute(f"DROP TABLE {side}")
    added, removed = pair.one(
        "SELECT coalesce(sum(greatest(nb - na, 0)), 0), coalesce(sum(greatest(na - nb, 0)), 0) FROM apart"
    )
    before, after = pair.counts()
    return {
        "rows": _rows(before, after, added=int(added), removed=int(removed), changed=None),
        "columns": [],
        "examples": {
            "added": _whole(pair, pair.after, "SELECT ob FROM apart WHERE nb > na"),
            "removed": _whole(pair, pair.before, "SELECT oa FROM apart WHERE na > nb"),
            "changed": [],
        },
    }


def _rows(before: int, after: int, *, added: int, removed: int, changed: int | None) -> dict[str, Any]:
    same = before - removed - (changed or 0)
    return {"before": before, "after": after, "added": added, "removed": removed, "changed": changed, "same": same}


def _comparable(column: tuple[str, str, str], of: str) -> str:
    """A value as it is compared: numbers of two types as floats, -0.0 as 0.0; of other types that differ, as text."""
    name, old, new = column
    value = f"{of}{quoted(name)}"
    if old == new:
        return f"({value} + 0.0)" if old == "float64" else value
    return f"({value}::DOUBLE + 0.0)" if {old, new} <= NUMBERS else f"{value}::VARCHAR"


def _hash(columns: Sequence[tuple[str, str, str]], lane: int) -> str:
    return f"hash({', '.join([str(lane), *(_comparable(column, '') for column in columns)])})"


def _unique(pair: Pair, side: str, key: Sequence[str], width: int) -> None:
    values = ", ".join(f"k{number}" for number in range(width))
    twice = f"SELECT {values}, count(*) AS n FROM {side} GROUP BY ALL HAVING n > 1"
    (count,) = pair.one(f"SELECT count(*) FROM ({twice})")
    if count:
        *example, times = pair.one(f"SELECT * FROM ({twice}) ORDER BY n DESC, {values} LIMIT 1")
        names = [name for name, _, _ in pair.columns if name in key]
        shown = ", ".join(f"{name} = {plain(value)!r}" for name, value in zip(names, example, strict=True))
        detail = (
            f"{', '.join(key)} does not tell the rows of the {'earlier' if side == 'a' else 'later'} version apart:"
            f" {count} of its values come more than once, {shown} {times} times"
        )
        raise UserError("key_not_unique", detail)


def _changed_cells(pair: Pair, columns: Sequence[tuple[str, str, str]]) -> Iterator[dict[str, Any]]:
    """Columns with the number of cells that differ in rows that are in both, those that have any."""
    for some in _batches(columns):
        sums = ", ".join(
            f"count(*) FILTER ({_comparable(column, 'x.')} IS DISTINCT FROM {_comparable(column, 'y.')})"
            for column in some
        )
        found = pair.one(
            f"SELECT {sums} FROM apart p JOIN {pair.before} x ON x.{ORDINAL} = p.oa"
            f" JOIN {pair.after} y ON y.{ORDINAL} = p.ob"
        )
        yield from ({"name": name, "changed": n} for (name, _, _), n in zip(some, found, strict=True) if n)


def _whole(pair: Pair, table: str, ordinals: str) -> list[dict[str, Any]]:
    """The first rows of a table by ordinal: `[{"ordinal", "values": {column: value}}]`."""
    names = [name for name, _, _ in pair.columns]
    count = max(1, min(EXAMPLES, CELLS // max(1, len(names))))
    chosen = [o for (o,) in pair.connection.execute(f"{ordinals} ORDER BY 1 LIMIT {count}").fetchall()]
    return [
        {"ordinal": ordinal, "values": {name: _shown(value) for name, value in zip(names, values, strict=True)}}
        for ordinal, values in _read(pair, table, names, chosen).items()
    ]


def _changed_rows(pair: Pair, key: Sequence[str], columns: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The first rows that changed, with their key and the cells that did."""
    chosen = pair.connection.execute(
        f"SELECT oa, ob FROM apart WHERE oa IS NOT NULL AND ob IS NOT NULL ORDER BY ob LIMIT {EXAMPLES}"
    ).fetchall()
    if not chosen:
        return []
    keys = _read(pair, pair.after, key, [ob for _, ob in chosen])
    cells: dict[int, list[dict[str, Any]]] = {ob: [] for _, ob in chosen}
    listed, left = ", ".join(f"({oa}, {ob})" for oa, ob in chosen), CELLS
    for some in _batches(columns):
        values = ", ".join(
            f"x.{quoted(column[0])}, y.{quoted(column[0])},"
            f" {_comparable(column, 'x.')} IS DISTINCT FROM {_comparable(column, 'y.')}"
            for column in some
        )
        rows = pair.connection.execute(
            f"SELECT p.ob, {values} FROM (VALUES {listed}) AS p (oa, ob) JOIN {pair.before} x ON x.{ORDINAL} = p.oa"
            f" JOIN {pair.after} y ON y.{ORDINAL} = p.ob ORDER BY p.ob"
        ).fetchall()
        for ob, *flat in rows:
            for number, (name, _, _) in enumerate(some):
                was, now, differs = flat[3 * number : 3 * number + 3]
                if differs and left > 0:
                    left -= 1
                    cells[ob].append({"column": name, "before": _shown(was), "after": _shown(now)})
    return [
        {
            "key": {name: _shown(value) for name, value in zip(key, keys[ob], strict=True)},
            "ordinal_before": oa,
            "ordinal_after": ob,
            "cells": cells[ob],
        }
        for oa, ob in chosen
        if cells[ob]
    ]


def _batches(columns: Sequence[tuple[str, str, str]]) -> Iterator[Sequence[tuple[str, str, str]]]:
    return (columns[at : at + COLUMNS_AT_ONCE] for at in range(0, len(columns), COLUMNS_AT_ONCE))


def _read(pair: Pair, table: str, names: Sequence[str], ordinals: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Some rows by ordinal, in its order."""
    if not ordinals:
        return {}
    listed = ", ".join(str(ordinal) for ordinal in ordinals)
    selected = ", ".join([ORDINAL, *(quoted(name) for name in names)])
    query = f"SELECT {selected} FROM {table} WHERE {ORDINAL} IN ({listed}) ORDER BY {ORDINAL}"
    return {row[0]: tuple(row[1:]) for row in pair.connection.execute(query).fetchall()}


def _shown(value: object) -> Any:
    """A cell as JSON has it; of a picture its size."""
    return f"{len(value)} bytes" if isinstance(value, bytes | bytearray) else plain(value)
