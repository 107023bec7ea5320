"""Which columns may name the rows, and how many rows are there more than once."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from workers.runtime.cleaning.profiling.frame import Framed, binned
from workers.runtime.cleaning.profiling.source import ROWS, Source
from workers.runtime.cleaning.profiling.tallies import SORTED_MOST
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import quoted

ROWS_LEAST = 20
"""Below, a column that repeats no value says nothing."""
KEY_TYPES = ("int64", "string", "date", "timestamp")
"""Measurements seldom repeat either, so that of numbers with fractions nothing follows."""
PAIRED_MOST = 12
"""Columns that pairs are made of: those with the most distinct values."""
TRIED_MOST = 3
"""Pairs that are unique among the rows drawn and are then looked at in all rows."""
ESTIMATED_ROWS = 2_000_000


def keys(source: Source, columns: Sequence[dict[str, Any]], frame: Sequence[Framed]) -> dict[str, Any]:
    """`{"keys": [{"columns", "is_exact"}], "duplicates": {"rows", "ratio", "is_exact"}}`.

    Args:
        columns: their statistics.

    A key has a value in every row, and none twice. Pairs are looked for where no single column is one; not where
    whole rows occur twice, for then there is none. `rows` are those that equal an earlier one.
    """
    single = [column["name"] for column in columns if _is_key(column, source.rows)]
    exact = {column["name"]: column["distinct_is_exact"] for column in columns}
    if single:
        found = [{"columns": [name], "is_exact": exact[name]} for name in single]
        if any(exact[name] for name in single):
            return {"keys": found, "duplicates": {"rows": 0, "ratio": 0.0, "is_exact": True}}
        return {"keys": found, "duplicates": _duplicates(source)}
    duplicates = _duplicates(source)
    pairs = [] if duplicates["rows"] or source.rows < ROWS_LEAST else _pairs(source, columns, frame)
    return {"keys": pairs, "duplicates": duplicates}


def _is_key(column: dict[str, Any], rows: int) -> bool:
    if column["type"] not in KEY_TYPES or column["null_count"] or rows < ROWS_LEAST:
        return False
    if column["distinct_is_exact"]:
        return bool(column["distinct_count"] == rows)
    top = column["top_values"]  # an estimate is off by some percent, so that what is seen twice decides
    return bool(column["distinct_count"] >= 0.9 * rows and (not top or top[0]["count"] == 1))


def _duplicates(source: Source) -> dict[str, Any]:
    """By a hash of 64 bits; of very many rows, in a share of the hashes: equal rows fall into the same one."""
    if not source.columns:
        return {"rows": 0, "ratio": 0.0, "is_exact": True}
    row = f"hash({', '.join(quoted(column.name) for column in source.columns)})"
    share = 1 if source.rows <= SORTED_MOST else -(-source.rows // ESTIMATED_ROWS)
    query = f"SELECT {row} AS hash FROM {ROWS}" + (f" WHERE {row} % {share} = 0" if share > 1 else "")
    again = share * _repeated(np.ma.getdata(source.arrays(query)["hash"]))
    ratio = again / source.rows if source.rows else 0.0
    return {"rows": again, "ratio": significant(ratio), "is_exact": share == 1}


def _repeated(hashes: Any) -> int:
    """How many values equal an earlier one."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))


def _pairs(source: Source, columns: Sequence[dict[str, Any]], frame: Sequence[Framed]) -> list[dict[str, Any]]:
    """Pairs without a value twice; what is unique among the rows drawn may not be so in all."""
    figures = {column["name"]: column for column in columns}
    able = [
        column
        for column in frame
        if column.column.type in (*KEY_TYPES, "bool") and not figures[column.name]["null_count"]
    ]
    able.sort(key=lambda column: -figures[column.name]["distinct_count"])
    able = able[:PAIRED_MOST]
    distinct = {column.name: figures[column.name]["distinct_count"] for column in able}
    found: list[dict[str, Any]] = []
    tried = 0
    for one, other in combinations(able, 2):
        if distinct[one.name] * distinct[other.name] < source.rows or tried == TRIED_MOST:
            continue
        if not _is_unique(one, other):
            continue
        tried += 1
        if source.is_whole:
            found.append({"columns": [one.name, other.name], "is_exact": True})
        elif source.rows <= SORTED_MOST:
            query = f"SELECT hash({quoted(one.name)}, {quoted(other.name)}) AS hash FROM {ROWS}"
            if not _repeated(np.ma.getdata(source.arrays(query)["hash"])):
                found.append({"columns": [one.name, other.name], "is_exact": True})
    return found


def _is_unique(one: Framed, other: Framed) -> bool:
    """Among the rows drawn."""
    first, second = (
        np.unique(column.values, return_inverse=True)[1] if len(column.values) else binned(column, 1)
        for column in (one, other)
    )
    if not len(first):
        return False
    both = first * (int(second.max()) + 1) + second
    return len(np.unique(both)) == len(both)
