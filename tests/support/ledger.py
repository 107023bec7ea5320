"""The ledger as a test needs it to be: the database lets nobody change what was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from apps.quotas.models import UsageRecord


@contextmanager
def triggers_asleep() -> Iterator[None]:
    """For as long as the block runs, in the transaction of the test."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = 'replica'")
        yield
        cursor.execute("SET LOCAL session_replication_role = 'origin'")


def ledger_rewrite(**columns: Any) -> None:
    """Change columns of every interval, with the database's triggers asleep."""
    with triggers_asleep():
        UsageRecord.objects.update(**columns)
