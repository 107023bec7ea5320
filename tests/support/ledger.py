"""The ledger as a test needs it to be: the database lets nobody change what was."""

from __future__ import annotations

from typing import Any

from django.db import connection

from apps.quotas.models import UsageRecord


def ledger_rewrite(**columns: Any) -> None:
    """Change columns of every interval, with the database's triggers asleep."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = 'replica'")
        UsageRecord.objects.update(**columns)
        cursor.execute("SET LOCAL session_replication_role = 'origin'")
