"""Statistics of a column of texts or truth values."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.bins import bin_edges, is_discrete
from workers.runtime.cleaning.profiling.numbers import QUANTILES, TOP, histogram_of
from workers.runtime.cleaning.profiling.patterns import EXAMINED_MOST, VALUES, examine
from workers.runtime.cleaning.profiling.source import DRAWN, ROWS, Source
from workers.runtime.cleaning.profiling.tallies import SORTED_MOST, Tally, is_grouped, sorted_tally
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import Column, literal, quoted
from workers.runtime.number_text import NUMBER

LONG = 200
"""Characters of a text on average, from which on texts are not grouped: they seldom repeat, and are heavy."""
WRITTEN_MOST = 120
"""Characters on average, beyond which a text is prose, whose shape says nothing."""
MARKERS = (
    "", "na", "n/a", "n.a.", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "undefined", "not available",
    "-", "--", "?", ".", "tbd", "无", "未知", "空", "暂无", "不详", "缺失",
)  # fmt: skip
"""Texts that often stand for a missing value, in small letters."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What findings are made of, beside the figures."""

    blanks_around: int = 0
    numbers: int = 0
    markers: tuple[tuple[str, int], ...] = ()
    """Texts that often stand for a missing value, with their rows."""
    variants: tuple[str, ...] = ()
    """Texts that differ only in case and blanks, one group each: `a / A`."""
    variant_groups: int = 0


def truths(source: Source, column: Column) -> dict[str, Any]:
    """The figures of a column of truth values."""
    name = quoted(column.name)
    found = dict(source.connection.execute(f"SELECT {name}, count(*) FROM {ROWS} GROUP BY 1").fetchall())
    there = sorted((value for value in found if value is not None), key=lambda value: (-found[value], value))
    return {
        "null_count": found.get(None, 0),
        "distinct_count": len(there),
        "minimum": min(there, default=None),
        "maximum": max(there, default=None),
        "top_values": [{"value": value, "count": found[value]} for value in there],
    }


def texts(source: Source, column: Column, place: int) -> tuple[dict[str, Any], Signs]:
    """The figures of a column of texts; its values, or some of them, go to `EXAMINED` under its place."""
    name = quoted(column.name)
    mean = source.one(f"SELECT avg(length({name})) FROM {DRAWN}")[0] or 0.0
    grouped = mean <= LONG and is_grouped(source, name)
    found, lengths, signs = _grouped(source, name) if grouped else _hashed(source, name)
    if lengths.present:
        found["text_length"] = _lengths(lengths)
        if found["text_length"]["mean"] <= WRITTEN_MOST:
            examine(source, name, place, is_whole=grouped and found["distinct_count"] <= EXAMINED_MOST)
    return found, signs


def _grouped(source: Source, name: str) -> tuple[dict[str, Any], Tally, Signs]:
    source.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {VALUES} AS SELECT {name} AS value, count(*) AS rows FROM {ROWS} GROUP BY 1"
    )
    nulls, distinct, blanks, numbers = source.one(
        "SELECT coalesce(sum(rows) FILTER (value IS NULL), 0), count(value), "
        "coalesce(sum(rows) FILTER (value <> trim(value)), 0), "
        f"coalesce(sum(rows) FILTER (regexp_full_match(trim(value), {literal(NUMBER)})), 0) FROM {VALUES}"
    )
    top = f"SELECT value, rows FROM {VALUES} WHERE value IS NOT NULL ORDER BY rows DESC, value LIMIT {TOP}"
    found = {
        "null_count": int(nulls),
        "distinct_count": distinct,
        "top_values": [
            {"value": plain(value), "count": count} for value, count in source.connection.execute(top).fetchall()
        ],
    }
    lengths = source.arrays(
        f"SELECT length(value) AS value, sum(rows)::BIGINT AS rows FROM {VALUES} WHERE value IS NOT NULL "
        "GROUP BY 1 ORDER BY 1"
    )
    signs = Signs(int(blanks), int(numbers), _markers(source), *_variants(source, distinct))
    return found, Tally(np.asarray(lengths["value"]), np.asarray(lengths["rows"], dtype=np.int64)), signs


def _markers(source: Source) -> tuple[tuple[str, int], ...]:
    listed = ", ".join(literal(marker) for marker in MARKERS)
    query = (
        f"SELECT value, rows FROM {VALUES} WHERE length(value) < 20 AND lower(trim(value)) IN ({listed}) "
        "ORDER BY rows DESC, value LIMIT 10"
    )
    return tuple(source.connection.execute(query).fetchall())


def _variants(source: Source, distinct: int) -> tuple[tuple[str, ...], int]:
    """Groups of values that are one in small letters and without blanks around."""
    if not 1 < distinct <= EXAMINED_MOST:
        return (), 0
    query = (
        "SELECT string_agg(value, ' / ' ORDER BY rows DESC, value), count(*) OVER () FROM "
        f"(SELECT trim(value) AS value, sum(rows) AS rows FROM {VALUES} WHERE value IS NOT NULL GROUP BY 1) "
        "GROUP BY lower(value) HAVING count(*) > 1 ORDER BY sum(rows) DESC, 1 LIMIT 5"
    )
    found = source.connection.execute(query).fetchall()
    return tuple(str(plain(row[0])) for row in found), (found[0][1] if found else 0)


def _hashed(source: Source, name: str) -> tuple[dict[str, Any], Tally, Signs]:
    """By a hash of 64 bits: that two of eight million texts share one has a chance of 1 in 500,000."""
    if source.rows > SORTED_MOST:
        return _estimated(source, name)
    blanks = f"starts_with({name}, ' ') OR suffix({name}, ' ')"
    found = source.arrays(
        f"SELECT hash({name}) AS hash, length({name})::INTEGER AS length, {blanks} AS blanks "
        f"FROM {ROWS} WHERE {name} IS NOT NULL"
    )
    lengths, hashes = (np.asarray(found.pop(each)) for each in ("length", "hash"))
    around = int(np.count_nonzero(np.asarray(found.pop("blanks"))))
    tally = sorted_tally(hashes)
    often = [place for place in tally.top(TOP) if tally.counts[place] > 1]
    figures = {
        "null_count": source.rows - tally.present,
        "distinct_count": len(tally.values),
        "top_values": _named(source, name, {int(tally.values[place]): int(tally.counts[place]) for place in often}),
    }
    return figures, sorted_tally(lengths), Signs(around, _numbers(source, name, tally.present))


def _named(source: Source, name: str, counts: dict[int, int]) -> list[dict[str, Any]]:
    if not counts:
        return []
    listed = ", ".join(f"{each}::UBIGINT" for each in counts)
    query = f"SELECT hash({name}), any_value({name}) FROM {ROWS} WHERE hash({name}) IN ({listed}) GROUP BY 1"
    found = [(value, counts[each]) for each, value in source.connection.execute(query).fetchall() if value is not None]
    return [
        {"value": plain(value), "count": count} for value, count in sorted(found, key=lambda each: (-each[1], each[0]))
    ]


def _estimated(source: Source, name: str) -> tuple[dict[str, Any], Tally, Signs]:
    """Of more rows than are sorted: distinct ones estimated, the rest in passes that hold nothing."""
    blanks = f"count(*) FILTER (starts_with({name}, ' ') OR suffix({name}, ' '))"
    present, distinct, around = source.one(f"SELECT count({name}), approx_count_distinct({name}), {blanks} FROM {ROWS}")
    often = f"SELECT {name} AS value FROM {DRAWN} WHERE {name} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 "
    query = (
        f"SELECT {name}, count(*) FROM {ROWS} WHERE {name} IN ({often} ORDER BY count(*) DESC, 1 LIMIT {TOP}) "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    lengths = source.arrays(
        f"SELECT length({name}) AS value, count(*) AS rows FROM {ROWS} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    figures = {
        "null_count": source.rows - present,
        "distinct_count": distinct,
        "distinct_is_exact": False,
        "top_values": [
            {"value": plain(value), "count": count} for value, count in source.connection.execute(query).fetchall()
        ],
    }
    tally = Tally(np.asarray(lengths["value"]), np.asarray(lengths["rows"], dtype=np.int64))
    return figures, tally, Signs(around, _numbers(source, name, present))


def _numbers(source: Source, name: str, present: int) -> int:
    """Texts that are numbers: counted where they may be the most, by the rows drawn; else those of these in ratio."""
    match = f"count(*) FILTER (regexp_full_match(trim({name}), {literal(NUMBER)}))"
    drawn, numbers = source.one(f"SELECT count({name}), {match} FROM {DRAWN}")
    if numbers < 0.4 * drawn:
        return int(numbers * present / max(1, drawn))
    return int(source.one(f"SELECT {match} FROM {ROWS}")[0])


def _lengths(lengths: Tally) -> dict[str, Any]:
    low, high = int(lengths.values[0]), int(lengths.values[-1])
    levels = lengths.quantile(np.array([float(level) for level in QUANTILES]))
    quantiles = {level: significant(float(value)) for level, value in zip(QUANTILES, levels, strict=True)}
    edges = bin_edges(low, high, quantiles, lengths.present, step=1)
    places = np.asarray(edges)
    below = lengths.below(places)
    below[-1] = lengths.below(places[-1:], closed=True)[0]
    return {
        "minimum": low,
        "maximum": high,
        "mean": significant(float(np.sum(lengths.values * lengths.counts)) / lengths.present),
        "quantiles": quantiles,
        "histogram": histogram_of(edges, below, lengths.present, discrete=is_discrete(edges, low, 1)),
    }
