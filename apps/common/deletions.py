"""Who may delete files from the object store, and when: never while a backup copies what its snapshot names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

LOCK = 7_232_003


@contextmanager
def deleting() -> Iterator[bool]:
    """Says whether files that rows named may be deleted now, and holds off backups until the block ends.

    False while a backup runs: leave it for the next time. Call it outside any transaction, around the deletion of
    the rows and of their files, and keep the block short: a backup that begins waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            _ask("SELECT pg_advisory_unlock(%s)")


@contextmanager
def nothing_deleted() -> Iterator[None]:
    """Inside the block no file is deleted by `deleting`. Waits for those who are at it. For a backup."""
    _ask("SELECT pg_advisory_lock_shared(%s)")
    try:
        yield
    finally:
        if connection.connection is not None and connection.is_usable():  # one that broke took its lock with it
            _ask("SELECT pg_advisory_unlock_shared(%s)")


def _ask(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [LOCK])
