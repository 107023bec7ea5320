"""From the outbox to Redis: what was committed, in rounds (`rounds`), each published once.

A round never passes a transaction that still runs. How far it got is kept in Redis; without that (a new Redis, a
restored database) publishing goes on with what happens from now, and the feeds see the hole and tell it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from apps.common.cursors import cursor_text
from apps.common.live_messages import EventTold
from apps.common.models import Event
from apps.common.rounds import CHANNEL, FOLLOWED, Followed, Item, Round, Tail, encode

log = logging.getLogger(__name__)

HORIZON_KEY = "bedplate:publisher:horizon"
BATCH = 500
"""Most rows of one table in a round, unless one transaction wrote more."""
TICK_SECONDS = 0.05
"""How long news wait at most. Not `NOTIFY`: it makes every commit that writes news wait for the one before."""
QUIET_SECONDS = 1.0
"""So often the horizon is told when nothing else is."""
RETRY_SECONDS = 1.0
LOCK = 7_232_002


def event_items(ids: Sequence[int], followed: Followed) -> list[Item]:
    """Events as they are told."""
    rows = Event.objects.filter(id__in=ids).order_by("transaction_id", "id")
    return [Item(event.transaction_id, event.subject, event=told(event), also=event.also) for event in rows]


def told(event: Event) -> EventTold:
    """An event as it travels."""
    project_id = str(event.project_id) if event.project_id else None
    cursor = cursor_text((event.transaction_id, event.id))
    return EventTold(event.kind, event.subject, cursor, event.created_at.isoformat(), project_id, event.payload)


EVENTS = Tail(Event._meta.db_table, event_items)


class Publisher:
    """The one that publishes; a second one stands by until the first one's database connection ends."""

    def __init__(self, redis: Redis, tails: Iterable[Tail] = ()) -> None:
        self.redis = redis
        self.tails = (EVENTS, *tails)
        self.horizon: int | None = None
        """Told up to here."""
        self.leads = False
        self._told_at = 0.0
        self._sql = _heads_sql([tail.table for tail in self.tails])

    def run(self, stop: threading.Event) -> None:
        """Publish until told to stop; outages of either side are waited for, and said once."""
        away = False
        while not stop.is_set():
            try:
                more = self.step() >= BATCH
                if away:
                    log.info("news are published again")
                away, wait = False, 0.0 if more else TICK_SECONDS if self.leads else RETRY_SECONDS
            except (DatabaseFailure, RedisError, OSError) as error:
                if not away:
                    log.warning("news are not published: %s", error)
                self.release()
                away, wait = True, RETRY_SECONDS
            stop.wait(wait)
        self.release()

    def step(self) -> int:
        """Publish one round of what is there; returns how many things it told."""
        if not self._lead():
            return 0
        if self.horizon is None:
            self.horizon = self._stored_horizon()
        horizon, heads = self._heads(self.horizon)
        items = [
            item for tail, ids in zip(self.tails, heads, strict=True) if ids for item in tail.items(ids, self._followed)
        ]
        quiet = time.monotonic() - self._told_at >= QUIET_SECONDS
        if items or (quiet and horizon >= self.horizon):
            with self.redis.pipeline(transaction=True) as pipeline:
                pipeline.publish(CHANNEL, encode(Round(self.horizon, horizon, items)))
                pipeline.set(HORIZON_KEY, horizon)
                pipeline.execute()
            self.horizon, self._told_at = horizon, time.monotonic()
        return len(items)

    def release(self) -> None:
        """Let another one lead."""
        self.leads, self.horizon = False, None
        connection.close()

    def _lead(self) -> bool:
        """Hold the lock that makes this the only one; it ends with the connection."""
        if not self.leads:
            self.leads = bool(_value("SELECT pg_try_advisory_lock(%s)", LOCK))
        return self.leads

    def _stored_horizon(self) -> int:
        now: int = _value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        stored: Any = self.redis.get(HORIZON_KEY)
        return min(int(stored), now) if stored is not None and int(stored) <= now else now

    def _heads(self, since: int) -> tuple[int, list[list[int]]]:
        """Up to which horizon a round can go, and the ids of its rows per table. One statement, one snapshot."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.tails]
        horizon = since
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [since] * len(self.tails))
            for place, transaction_id, row_id in cursor.fetchall():
                if place < 0:
                    horizon = max(transaction_id, since)
                else:
                    found[place].append((transaction_id, row_id))
        cuts = [rows[BATCH][0] for rows in found if len(rows) > BATCH and rows[BATCH][0] > rows[0][0]]
        whole = [place for place, rows in enumerate(found) if len(rows) > BATCH and rows[BATCH][0] == rows[0][0]]
        cuts += [found[place][0][0] + 1 for place in whole]
        horizon = min([horizon, *cuts])
        for place in whole:
            if found[place][0][0] < horizon:
                found[place] = self._one_transaction(place, found[place][0][0])
        return horizon, [[row_id for transaction_id, row_id in rows if transaction_id < horizon] for rows in found]

    def _one_transaction(self, place: int, transaction_id: int) -> list[tuple[int, int]]:
        """All rows that one transaction wrote: more than a round usually has."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT transaction_id, id FROM {self.tails[place].table}"  # noqa: S608 - names of our own tables
                " WHERE transaction_id = %s ORDER BY id",
                [transaction_id],
            )
            return list(cursor.fetchall())

    def _followed(self, subjects: Iterable[str]) -> set[str]:
        asked = list(subjects)
        found: Any = self.redis.mget([FOLLOWED + subject for subject in asked]) if asked else []
        return {subject for subject, value in zip(asked, found, strict=True) if value is not None}


def _heads_sql(tables: Sequence[str]) -> str:
    parts = [
        f"(SELECT {place}, transaction_id, id FROM {table}"  # noqa: S608 - names of our own tables
        " WHERE transaction_id >= %s AND transaction_id < (SELECT x FROM h)"
        f" ORDER BY transaction_id, id LIMIT {BATCH + 1})"
        for place, table in enumerate(tables)
    ]
    horizon = "WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS x)"
    return " UNION ALL ".join([f"{horizon} SELECT -1, x, 0 FROM h", *parts])  # noqa: S608


def _value(sql: str, *args: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchone()[0]
