"""What the health page knows: read from PostgreSQL and Redis, each on its own, so that one that is down hides nothing
of the other."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from apps.common import marks, queues
from apps.common.models import Event
from apps.common.publisher import HORIZON_KEY, LOCK
from apps.quotas.models import Pulse
from workers.tasks.schedule import EVERY_SECONDS

UNACKED, UNACKED_INDEX = "unacked", "unacked_index"
"""Where the broker's transport keeps what a worker has taken and not done with."""
LATE_FACTOR, LATE_SECONDS = 3, 10
"""A tick that was not sent for so many intervals, and for at least so many seconds, is late."""
WORKER_GONE_SECONDS = 30
BACKLOG = 50
"""More messages than that in a queue: nobody takes them, or not fast enough."""
LAG_EVENTS_MOST = 10_000
OLD_NEWS_SECONDS = 5


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One Celery queue."""

    name: str
    waiting: int
    first: str
    """Name of the task that is next."""
    taken_ago: float | None
    """Seconds since a worker last took something from it; None: never seen."""

    @property
    def stuck(self) -> bool:
        return self.waiting >= BACKLOG or (self.waiting > 0 and (self.taken_ago or 0) > WORKER_GONE_SECONDS)


@dataclass(frozen=True, slots=True)
class Tick:
    """One of beat's ticks."""

    name: str
    every: float
    sent_ago: float | None

    @property
    def late(self) -> bool:
        return self.sent_ago is None or self.sent_ago > max(LATE_FACTOR * self.every, LATE_SECONDS)


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker process, by the name that Celery gives it."""

    name: str
    seen_ago: float

    @property
    def gone(self) -> bool:
        return self.seen_ago > WORKER_GONE_SECONDS


@dataclass(slots=True)
class RedisVitals:
    """What Redis says; only `error` when it does not answer."""

    error: str = ""
    milliseconds: float = 0.0
    version: str = ""
    memory_bytes: int = 0
    queues: list[QueueLine] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    unacked: int = 0
    unacked_seconds: float | None = None
    """How long the one has been worked at that was taken first."""
    horizon: int | None = None
    """Up to which transaction the publisher has told what happened."""


@dataclass(slots=True)
class DatabaseVitals:
    """What PostgreSQL says."""

    milliseconds: float
    version: str
    size_bytes: int
    connections: int
    connections_most: int
    publisher_leads: bool
    events: int
    """About how many rows the outbox has."""
    pulses: list[Pulse]


@dataclass(frozen=True, slots=True)
class Lag:
    """What was committed and not told yet; `known` is False where Redis does not say how far the publisher is."""

    known: bool
    events: int = 0
    seconds: float = 0.0

    @property
    def late(self) -> bool:
        return self.known and self.seconds > OLD_NEWS_SECONDS


def redis_vitals() -> RedisVitals:
    """What Redis says. Takes at most some seconds, whatever is wrong with it."""
    redis = marks.marks_redis(settings.BEDPLATE_REDIS_URL)
    try:
        return _redis(redis)
    except (RedisError, OSError) as error:
        return RedisVitals(error=type(error).__name__)


def _redis(redis: Redis) -> RedisVitals:
    started = time.perf_counter()
    redis.ping()
    took = (time.perf_counter() - started) * 1000
    ages = marks.marks_read(redis)
    info: Any = redis.info()
    horizon: Any = redis.get(HORIZON_KEY)
    oldest: Any = redis.zrange(UNACKED_INDEX, 0, 0, withscores=True)
    return RedisVitals(
        milliseconds=took,
        version=str(info["redis_version"]),
        memory_bytes=int(info["used_memory"]),
        queues=[_queue(redis, name, ages[marks.TAKEN].get(name)) for name in queues.QUEUES],
        ticks=[Tick(name, every, ages[marks.SENT].get(name)) for name, every in EVERY_SECONDS.items()],
        workers=[Worker(name, ago) for name, ago in sorted(ages[marks.WORKER].items())],
        unacked=int(redis.hlen(UNACKED)),
        unacked_seconds=max(0.0, time.time() - oldest[0][1]) if oldest else None,
        horizon=int(horizon) if horizon is not None else None,
    )


def _queue(redis: Redis, name: str, taken_ago: float | None) -> QueueLine:
    waiting: Any = redis.llen(name)
    first: Any = redis.lindex(name, -1) if waiting else None  # messages come in on the left
    return QueueLine(name, int(waiting), _task_of(first) if first else "", taken_ago)


def _task_of(message: bytes) -> str:
    """Name of the task of a broker's message; empty where it is none of ours."""
    try:
        body = json.loads(message)
        named = body.get("headers", {}).get("task") or json.loads(base64.b64decode(body["body"])).get("task")
    except (ValueError, KeyError, AttributeError):
        return "?"
    return str(named or "?")


def database_vitals() -> DatabaseVitals:
    """What PostgreSQL says. Three queries."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        took = (time.perf_counter() - started) * 1000
        cursor.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()),"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
            " current_setting('max_connections')::int,"
            " EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s"
            "         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),"
            " (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass)",
            [LOCK, Event._meta.db_table],
        )
        version, size, connections, most, leads, events = cursor.fetchone()
    return DatabaseVitals(took, version, size, connections, most, leads, events, list(Pulse.objects.order_by("name")))


def publisher_lag(horizon: int | None) -> Lag:
    """What was committed after the publisher's horizon and before what still runs. One query."""
    if horizon is None:
        return Lag(False)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) FROM ("  # noqa: S608
            f" SELECT created_at FROM {Event._meta.db_table} WHERE transaction_id >= %s AND transaction_id <"
            " pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            f" ORDER BY transaction_id, id LIMIT {LAG_EVENTS_MOST}) AS e",
            [horizon],
        )
        events, seconds = cursor.fetchone()
    return Lag(True, int(events), float(seconds))
