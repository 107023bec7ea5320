"""From the outbox to Redis: reads committed events in the order of their cursor and publishes each once.

The cursor `(transaction id, id)` never passes a transaction that still runs. It is kept in Redis; without it (a new
Redis, a restored database) publishing goes on with what happens from now: the socket only notifies.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from apps.common.feed import CHANNEL
from apps.common.models import Event

log = logging.getLogger(__name__)

CURSOR_KEY = "bedplate:publisher:cursor"
BATCH = 500
TICK_SECONDS = 0.1
"""How long news wait at most. Not `NOTIFY`: it makes every commit that writes news wait for the one before."""
RETRY_SECONDS = 1.0
LOCK = 7_232_002

NEXT = f"""
SELECT * FROM {Event._meta.db_table}
WHERE (transaction_id, id) > (%s, %s) AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY transaction_id, id LIMIT {BATCH}
"""  # noqa: S608 - the table's own name

Cursor = tuple[int, int]


class Publisher:
    """The one that publishes; a second one stands by until the first one's database connection ends."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.cursor: Cursor | None = None
        self.leads = False

    def run(self, stop: threading.Event) -> None:
        """Publish until told to stop; outages of either side are waited for."""
        while not stop.is_set():
            try:
                more = self.step() == BATCH
                wait = 0.0 if more else TICK_SECONDS if self.leads else RETRY_SECONDS
            except (DatabaseError, RedisError, OSError) as error:
                log.warning("news are not published: %s", error)
                self.release()
                wait = RETRY_SECONDS
            stop.wait(wait)
        self.release()

    def step(self) -> int:
        """Publish what is there, at most a batch; returns how many events."""
        if not self._lead():
            return 0
        if self.cursor is None:
            self.cursor = self._stored_cursor()
        events = list(Event.objects.raw(NEXT, self.cursor))
        if events:
            cursor = (events[-1].transaction_id, events[-1].id)
            with self.redis.pipeline(transaction=True) as pipeline:
                pipeline.publish(CHANNEL, json.dumps([told(event) for event in events], cls=DjangoJSONEncoder))
                pipeline.set(CURSOR_KEY, f"{cursor[0]}-{cursor[1]}")
                pipeline.execute()
            self.cursor = cursor
        return len(events)

    def release(self) -> None:
        """Let another one lead."""
        self.leads, self.cursor = False, None
        connection.close()

    def _lead(self) -> bool:
        """Hold the lock that makes this the only one; it ends with the connection."""
        if not self.leads:
            self.leads = bool(_value("SELECT pg_try_advisory_lock(%s)", LOCK))
        return self.leads

    def _stored_cursor(self) -> Cursor:
        oldest, newest = (int(part) for part in _value("SELECT pg_current_snapshot()::text").split(":")[:2])
        stored: Any = self.redis.get(CURSOR_KEY)
        if stored is not None:
            transaction_id, event_id = (int(part) for part in stored.split(b"-"))
            if transaction_id < newest:
                return transaction_id, event_id
        return oldest - 1, 2**63 - 1


def told(event: Event) -> dict[str, Any]:
    """An event as it travels."""
    return {
        "cursor": f"{event.transaction_id}-{event.id}",
        "kind": event.kind,
        "subject": event.subject,
        "project_id": event.project_id,
        "payload": event.payload,
        "at": event.created_at,
    }


def _value(sql: str, *args: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchone()[0]
