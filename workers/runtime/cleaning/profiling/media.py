"""What is said of pictures, and of prose: beside the figures of their columns."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

from typing import Any

import numpy as np

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.near import DISTANCE, Places, alike_hashes, alike_texts
from workers.runtime.cleaning.profiling.source import DRAWN, ROWS, Source
from workers.runtime.cleaning.schema import quoted

PROSE = 40
"""Characters on average, from which on a text that seldom repeats is prose."""
TEXTS_MOST = 5_000
GROUPS_SHOWN, MEMBERS_SHOWN = 12, 8
SIZES_MOST = 300
HASHES_MOST = 2_000_000
IMAGE_COLUMNS = {
    "path": "string", "width": "int64", "height": "int64", "mode": "string", "format": "string", "phash": "int64",
    "content_sha256": "string", "is_corrupt": "bool",
}  # fmt: skip
"""What an ingestion of pictures writes beside each of them."""


def images(source: Source) -> dict[str, Any] | None:
    """None where the rows are no pictures.

    `{"count", "corrupt", "modes", "formats", "sizes", "sizes_left_out", "equal", "near"}`: `sizes` are
    `{"width", "height", "count"}`, the most frequent; `equal` counts pictures whose bytes are those of an earlier one;
    `near` are `{"distance", "groups", "rows", "is_sample", "examples": [[path, …]]}`: groups of pictures that look
    alike, and how many pictures are in them beyond the first of each.
    """
    kinds = {column.name: column.type for column in source.columns}
    if "image" not in kinds.values() or any(kinds.get(name) != kind for name, kind in IMAGE_COLUMNS.items()):
        return None
    count, corrupt, shown, different = source.one(
        "SELECT count(*), count(*) FILTER (is_corrupt), count(content_sha256), count(DISTINCT content_sha256) "
        f"FROM {ROWS}"
    )
    sizes = source.connection.execute(
        f"SELECT width, height, count(*) FROM {ROWS} WHERE width IS NOT NULL AND height IS NOT NULL "
        "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
    ).fetchall()
    return {
        "count": count,
        "corrupt": corrupt,
        "modes": _counted(source, "mode"),
        "formats": _counted(source, "format"),
        "sizes": [{"width": row[0], "height": row[1], "count": row[2]} for row in sizes[:SIZES_MOST]],
        "sizes_left_out": max(0, len(sizes) - SIZES_MOST),
        "equal": shown - different,
        "near": _near_images(source),
    }


def near_texts(source: Source, name: str) -> dict[str, Any]:
    """Nearly the same among at most 5,000 texts of the rows drawn, of each the first 1,000 characters.

    `{"texts", "is_sample", "groups", "rows", "examples"}`; case and the width of blanks do not count. Texts that are
    the same are not counted here: each is looked at once.
    """
    column = quoted(name)
    query = (
        f"SELECT DISTINCT {column} AS value FROM {DRAWN} WHERE {source.at_most(2 * TEXTS_MOST)} "
        f"AND {column} IS NOT NULL ORDER BY 1 LIMIT {TEXTS_MOST}"
    )
    cleaned = f"SELECT value, lower(regexp_replace(trim(value), '\\s+', ' ', 'g')) FROM ({query})"
    rows = source.connection.execute(cleaned).fetchall()
    labels = alike_texts([row[1].encode() for row in rows])
    found = _groups(labels)
    return {
        "texts": len(rows),
        "is_sample": source.rows > 2 * TEXTS_MOST or len(rows) == TEXTS_MOST,
        "groups": len(found),
        "rows": sum(len(group) - 1 for group in found),
        "examples": [[plain(rows[place][0]) for place in group[:2]] for group in found[:3]],
    }


def _counted(source: Source, name: str) -> list[dict[str, Any]]:
    query = f"SELECT {name}, count(*) FROM {ROWS} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
    return [{"value": plain(value), "count": count} for value, count in source.connection.execute(query).fetchall()]


def _near_images(source: Source) -> dict[str, Any]:
    some = source.at_most(HASHES_MOST)
    found = source.arrays(
        f"SELECT (phash::HUGEINT & 18446744073709551615::HUGEINT)::UBIGINT AS hash, row_number() OVER () AS place "
        f"FROM {ROWS} WHERE {some} AND phash IS NOT NULL"
    )
    groups = _groups(alike_hashes(np.asarray(np.ma.getdata(found["hash"]), dtype=np.uint64)))
    paths = [
        row[0]
        for row in source.connection.execute(f"SELECT path FROM {ROWS} WHERE {some} AND phash IS NOT NULL").fetchall()
    ]
    return {
        "distance": DISTANCE,
        "groups": len(groups),
        "rows": sum(len(group) - 1 for group in groups),
        "is_sample": source.rows > HASHES_MOST,
        "examples": [[plain(paths[place]) for place in group[:MEMBERS_SHOWN]] for group in groups[:GROUPS_SHOWN]],
    }


def _groups(labels: Places) -> list[Places]:
    """Places with the same label, of labels that more than one has: the largest group first."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    found = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), int(group[0])))
