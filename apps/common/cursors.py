"""The cursor `(transaction id, id)` of rows that are tailed, and how far everything is visible."""

from __future__ import annotations

import re

from django.db import connection

from apps.common.errors import Invalid

Cursor = tuple[int, int]
ID_MOST = 2**63 - 1
_TEXT = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")


def visible_up_to() -> Cursor:
    """Every row up to this cursor, of any table, is seen by whatever is read next; no later row can get below it.

    One query. What a running transaction has written, and all that came after it, lies above.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        row = cursor.fetchone()
    return int(row[0]) - 1, ID_MOST


def cursor_text(cursor: Cursor) -> str:
    """As it travels: `7412-93`."""
    return f"{cursor[0]}-{cursor[1]}"


def cursor_of(text: str) -> Cursor:
    """The inverse of `cursor_text`; raises Invalid."""
    found = _TEXT.fullmatch(text)
    if found is None or max(map(int, found.groups())) > ID_MOST:
        raise Invalid("a cursor is `<transaction id>-<id>`", fields={"after": ["is no cursor of ours"]})
    return int(found[1]), int(found[2])
