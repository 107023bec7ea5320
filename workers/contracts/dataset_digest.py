"""The digest of a dataset version: over its content, not over its bytes. Format 2.

    row        = two 64-bit hashes, one per lane, of the values of the row in the order of the schema
    rows_hash  = the sums of both over all rows, each modulo 2^64: 16 hexadecimal digits a lane
    digest     = "sha256:" + SHA-256 over JSON:
                 {"columns": [[name, type], …], "format": 2, "row_count": n, "rows": rows_hash}

A row's hash begins as the lane's seed, h. Each value turns it into XXH3-64 of the value's bytes with h as the seed; a
missing value turns it into h * MISSING_FACTOR + MISSING_TERM. The bytes are: eight of a whole number, of a float (IEEE
754, -0.0 as 0.0, one kind of NaN) and of microseconds since 1970, four of days since 1970, one of true and false, all
little-endian; UTF-8 of text; those of a picture.

So the digest does not depend on the order of rows, on how they are spread over files, or on the engine that wrote
them; a sum, not an exclusive or, so that equal rows do not cancel. What is appended is added: `joined`. It tells
versions apart; it is no seal against somebody who crafts rows to collide: the SHA-256 of each file in the manifest is.
Format 1, of versions made before, was one SHA-256 per row over its values as text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

FORMAT = 2
LANES = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
"""Seeds of the two lanes."""
MISSING_FACTOR = 0x9E3779B185EBCA87
MISSING_TERM = 0x165667B19E3779F9
MODULUS = 1 << 64


def rows_hash_of(sums: Sequence[int]) -> str:
    """The sum of each lane, of any size, as the text that stands in a manifest."""
    return "".join(f"{total % MODULUS:016x}" for total in sums)


def joined(hashes: Iterable[str]) -> str:
    """The `rows_hash` of several sets of rows together, from those of each."""
    lanes = [(int(each[:16], 16), int(each[16:], 16)) for each in hashes]
    return rows_hash_of([sum(lane) for lane in zip((0, 0), *lanes, strict=True)])


def digest_of(columns: Iterable[tuple[str, str]], row_count: int, rows_hash: str) -> str:
    """The digest of a version.

    Args:
        columns: name and house type of each, in order; never the ordinal.
        row_count: of all its rows.
        rows_hash: of all its rows.
    """
    content = {
        "columns": [[name, kind] for name, kind in columns],
        "format": FORMAT,
        "row_count": row_count,
        "rows": rows_hash,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
