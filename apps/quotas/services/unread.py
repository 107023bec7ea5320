"""What a cycle has not even read, because enough of its kind waits before it, is told why these wait."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from apps.common.rows import document
from apps.quotas.models import Workload
from apps.quotas.scheduling.snapshot import Wait
from apps.quotas.services.pool_snapshot import Reading

_TELL = f"""
WITH v AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(queue uuid, shape text, reason text, detail text)
), held AS (
    SELECT t.id, v.reason, v.detail FROM {Workload._meta.db_table} AS t
    JOIN v ON t.queue_id = v.queue AND t.shape = v.shape
    WHERE t.pool_id = %(pool)s AND t.state = 'pending' AND NOT t.is_held AND t.making_way = ''
        AND t.state_reason <> v.reason AND NOT t.id = ANY(%(read)s::uuid[])
    ORDER BY t.id FOR NO KEY UPDATE OF t
)
UPDATE {Workload._meta.db_table} AS t SET state_reason = held.reason, state_detail = held.detail
FROM held WHERE t.id = held.id AND t.state = 'pending'
"""  # noqa: S608 - names from models


def unread_tell(pool_id: UUID, reading: Reading, waits: Iterable[Wait]) -> None:
    """It waits for the same as the last of its queue and shape that was read. One statement; the rows are locked in the
    order of their ids."""
    last: dict[tuple[UUID, str], Wait] = {}
    for wait in waits:
        told = reading.told.get(wait.workload_id)
        if told is not None and told[:2] in reading.unread:
            last[told.queue_id, told.shape] = wait
    rows = [
        {"queue": queue, "shape": shape, "reason": wait.reason, "detail": wait.detail}
        for (queue, shape), wait in last.items()
    ]
    read = [one for one, told in reading.told.items() if told[:2] in last]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_TELL, {"rows": document(rows), "pool": pool_id, "read": read})
