"""How the texts of a column are written: classes of shapes, and kinds that people know: addresses, dates, numbers."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.source import DRAWN, Source
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import literal
from workers.runtime.number_text import NUMBER

SHAPES = 8
SHAPE_MOST = 40
"""Characters of a text that its shape is taken of."""
FINE_ENOUGH = 0.6
"""Share of the values that the shapes shown must cover, else runs of the same class are drawn together."""
SHARE_LEAST = 0.05
"""Of a kind that is named."""
_HAN = "\ue000"
"""Stands for a Chinese character while other letters become `a`."""
_CLASSES = (
    (r"\p{Han}", _HAN),
    (r"\p{Lu}", "A"),
    (r"\p{Ll}|\p{Lt}|\p{Lm}|\p{Lo}", "a"),
    (_HAN, "文"),
    (r"\p{Nd}", "9"),
    (r"\s", " "),
)
_OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
KINDS: dict[str, str] = {
    "number": NUMBER.strip("^$"),
    "grouped_number": r"[+-]?[0-9]{1,3}([,. '][0-9]{3})+([.,][0-9]+)?",
    "money": r"[+-]?([$€£¥]|USD|EUR|CNY|RMB) ?[0-9][0-9,. ]*|[+-]?[0-9][0-9,. ]* ?([$€£¥元]|USD|EUR|CNY|RMB)",
    "percentage": r"[+-]?[0-9]+([.,][0-9]+)? ?[%％]",
    "truth": r"(?i)true|false|yes|no|y|n|是|否",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s.]+",
    "url": r"(?i)(https?|ftp|s3|gs)://\S+|www\.\S+\.\S+",
    "uuid": r"(?i)\{?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\}?",
    "ip_address": rf"({_OCTET}\.){{3}}{_OCTET}|(?i:([0-9a-f]{{0,4}}:){{2,7}}[0-9a-f]{{0,4}})",
    "phone": r"\+[0-9][0-9 ().-]{6,18}|\(?0?[0-9]{2,4}\)?[ -][0-9]{3,4}[ -][0-9]{3,4}|1[3-9][0-9]{9}",
    "date": r"[12][0-9]{3}[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])日?"
    r"|(0?[1-9]|[12][0-9]|3[01])[-/.](0?[1-9]|[12][0-9]|3[01])[-/.]([12][0-9])?[0-9]{2}"
    rf"|(?i:[0-9]{{1,2}}[ -]?{_MONTH}[ -,]*[0-9]{{2,4}}|{_MONTH} [0-9]{{1,2}},? [0-9]{{4}})",
    "timestamp": r"[12][0-9]{3}[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12][0-9]|3[01])[T ][0-9]{1,2}:[0-9]{2}.*"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4} [0-9]{1,2}:[0-9]{2}.*",
    "time": r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?( ?[AaPp][Mm])?",
    "digest": r"(?i)[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}",
    "json": r"\{\s*\".*\}|\[.*\]",
    "path": r"(/[^/\s]+){2,}/?|[A-Za-z]:\\.+|([\w.-]+/)+[\w.-]+\.[A-Za-z0-9]{1,5}",
}


VALUES, EXAMINED = "profile_values", "profile_examined"
"""The first has the values of one column, the other those of all that are examined, with the column's place."""
EXAMINED_MOST = 20_000
"""Texts of a column that are examined: distinct ones, or rows where more are distinct."""


def begin(source: Source) -> None:
    """Forget the values of an earlier profile."""
    source.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {EXAMINED} (place INTEGER, is_whole BOOLEAN, value VARCHAR, rows BIGINT)"
    )


def examine(source: Source, name: str, place: int, *, is_whole: bool) -> None:
    """Put the values of a column among those that are examined: all that are in `VALUES`, or those of some rows."""
    query = f"SELECT value, rows FROM {VALUES} WHERE value IS NOT NULL"
    if not is_whole:
        some = source.at_most(EXAMINED_MOST)
        query = f"SELECT {name} AS value, count(*) AS rows FROM {DRAWN} WHERE {some} AND {name} IS NOT NULL GROUP BY 1"
    source.connection.execute(f"INSERT INTO {EXAMINED} SELECT {place}, {is_whole}, value, rows FROM ({query})")


def patterns(source: Source) -> dict[int, dict[str, Any]]:
    """Of every column that is examined, by its place. Few queries for all: a pattern is read once.

    `{"values": how many rows were looked at, "is_sample", "shapes": [{"shape", "count", "share", "example"}],
    "is_coarse", "kinds": [{"kind", "count", "share"}]}`. In a shape `9` is a digit, `A` and `a` letters, `文` a Chinese
    character, the rest itself; coarse, `9+` are several.
    """
    sums = [f"sum(rows) FILTER (regexp_full_match(trim(value), {literal(pattern)}))" for pattern in KINDS.values()]
    query = f"SELECT place, bool_and(is_whole), sum(rows), {', '.join(sums)} FROM {EXAMINED} GROUP BY place"
    found: dict[int, dict[str, Any]] = {}
    for place, is_whole, total, *counts in source.connection.execute(query).fetchall():
        kinds: list[dict[str, Any]] = [
            {"kind": kind, "count": int(count), "share": significant(int(count) / int(total))}
            for kind, count in zip(KINDS, counts, strict=True)
            if count and count >= SHARE_LEAST * int(total)
        ]
        kinds.sort(key=lambda each: -each["count"])
        found[place] = {"values": int(total), "is_sample": not is_whole, "kinds": kinds}
    fine, coarse = _shapes(source, coarse=False), _shapes(source, coarse=True)
    for place, each in found.items():
        enough = sum(count for _, count, _ in fine[place]) >= FINE_ENOUGH * each["values"]
        each["is_coarse"] = not enough
        each["shapes"] = [
            {
                "shape": plain(shape),
                "count": count,
                "share": significant(count / each["values"]),
                "example": plain(example),
            }
            for shape, count, example in (fine if enough else coarse)[place]
        ]
    return found


def _shapes(source: Source, *, coarse: bool) -> dict[int, list[tuple[str, int, str]]]:
    """Place → the most frequent shapes, how many rows have each, and the least text of it."""
    shaped = f"SELECT place, {_shape(coarse=coarse)} AS shape, rows, value FROM {EXAMINED}"
    counted = f"SELECT place, shape, sum(rows)::BIGINT AS rows, min(value) AS value FROM ({shaped}) GROUP BY 1, 2"
    query = (
        f"SELECT place, shape, rows, value FROM ({counted}) "
        f"QUALIFY row_number() OVER (PARTITION BY place ORDER BY rows DESC, shape) <= {SHAPES} "
        "ORDER BY place, rows DESC, shape"
    )
    found: dict[int, list[tuple[str, int, str]]] = {}
    for place, *shape in source.connection.execute(query).fetchall():
        found.setdefault(place, []).append((shape[0], shape[1], shape[2]))
    return found


def _shape(*, coarse: bool) -> str:
    ascii_letters = literal(ascii_lowercase + ascii_uppercase + digits)
    classes = literal("a" * 26 + "A" * 26 + "9" * 10)
    shape = f"translate(value[:{SHAPE_MOST}], {ascii_letters}, {classes})"
    for pattern, letter in _CLASSES:
        shape = f"regexp_replace({shape}, {literal(pattern)}, '{letter}', 'g')"
    for letter in ("文", "A", "a", "9") if coarse else ():
        shape = f"regexp_replace({shape}, '{letter}{{2,}}', '{letter}+', 'g')"
    return shape
