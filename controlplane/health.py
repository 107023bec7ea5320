"""Is this process alive, and is all there that it needs? The same checks for web and worker."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.errors import BedplateError, StorageUnavailable
from apps.common.storage import Room, is_full, room_at, store
from controlplane.metrics import DISK_FREE, DISK_TOTAL

log = logging.getLogger(__name__)

Facts = dict[str, Any]
"""What a check found out beside that all is well: figures, a warning."""
Checks = dict[str, Facts]

DATABASE_SECONDS = 2
SCARCE_RATIO = 0.05
"""A disk with less of it free is worth a warning."""
FULL_BYTES = 64 << 10


class NotReady(Exception):
    """A check failed; the message says why, without secrets."""


def check_database() -> None:
    """Whether it takes a connection and answers, now: a new one, because one of the pool would be waited for."""
    if not connection.settings_dict["OPTIONS"].get("pool"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return
    asked = connection.get_connection_params() | {"connect_timeout": DATABASE_SECONDS, "autocommit": True}
    with psycopg.connect(**asked) as own:
        own.execute("SELECT 1")


def check_migrations() -> None:
    """Every migration of the code is applied. The plan costs a query; once empty it stays empty for this process."""
    if not _migrated():
        raise NotReady("migrations are not applied: run `manage.py migrate`")


def check_migrations_later() -> None:
    """In place of the above while the database does not answer: nobody waits twice for it."""
    if not _all_applied.cache_info().currsize:
        raise NotReady("not known while the database does not answer")


class _NotYet(Exception):
    """Keeps a negative answer out of the cache below."""


def _migrated() -> bool:
    try:
        return _all_applied()
    except _NotYet:
        return False


@functools.lru_cache(maxsize=1)
def _all_applied() -> bool:
    if unapplied_migrations():
        raise _NotYet
    return True


def unapplied_migrations() -> bool:
    """Whether the code has a migration that the database has not. One query."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def unknown_migrations() -> list[str]:
    """What the database has from a later Bedplate than this one, in order of its making. One query."""
    loader = MigrationExecutor(connection).loader
    return [f"{app}.{name}" for app, name in loader.applied_migrations if (app, name) not in loader.disk_migrations]


def check_redis() -> None:
    _redis(settings.BEDPLATE_REDIS_URL).ping()


@functools.lru_cache(maxsize=1)
def _redis(url: str) -> redis.Redis:
    # Once more, at once: the connection may be older than a restart of Redis.
    again = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=again)


def check_storage() -> Facts:
    """It can be written, and how much more a store in a folder takes."""
    try:
        store().check_writable()
    except StorageUnavailable as error:
        if is_full(error.__cause__):
            raise NotReady(f"the disk is full ({store().room() or 'its limit'})") from error
        raise
    room = store().room()
    return _facts(room) if room else {}


def check_home() -> Facts:
    """The disk of jobs, logs, and of the embedded database, has room."""
    room = room_at(settings.BEDPLATE_HOME)
    if room.free_bytes < FULL_BYTES:
        raise NotReady(f"the disk is full ({room})")
    return _facts(room)


def _facts(room: Room) -> Facts:
    scarce = room.free_bytes < SCARCE_RATIO * room.total_bytes
    warning = {"warning": f"the disk is nearly full ({room})"} if scarce else {}
    return {"free_bytes": room.free_bytes, "total_bytes": room.total_bytes, **warning}


def _measure(place: Callable[[], Room | None], what: str) -> float:
    """For a gauge: not a number where there is no disk, or none that answers."""
    with contextlib.suppress(OSError):  # `/readyz` says what is wrong with it
        room = place()
        return float(getattr(room, what)) if room else float("nan")
    return float("nan")


for _disk, _place in {"storage": lambda: store().room(), "home": lambda: room_at(settings.BEDPLATE_HOME)}.items():
    DISK_FREE.labels(_disk).set_function(functools.partial(_measure, _place, "free_bytes"))
    DISK_TOTAL.labels(_disk).set_function(functools.partial(_measure, _place, "total_bytes"))

CHECKS: dict[str, Callable[[], Facts | None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "redis": check_redis,
    "storage": check_storage,
    "home": check_home,
}


def readiness() -> tuple[bool, Checks]:
    """Run every check; each has its own time-out, together at most some seconds."""
    results: Checks = {}
    for name, check in CHECKS.items():
        started = time.perf_counter()
        if name == "migrations" and not results["database"]["ok"]:
            check = check_migrations_later
        outcome: dict[str, Any] = {"ok": True}
        try:
            outcome |= check() or {}
        except NotReady as error:
            outcome = {"ok": False, "reason": str(error)}
        except (DatabaseError, psycopg.Error, redis.RedisError, BedplateError, OSError) as error:
            log.warning("readiness: %s failed: %s", name, error)
            outcome = {"ok": False, "reason": f"{name} does not answer ({type(error).__name__})"}
        results[name] = outcome | {"seconds": round(time.perf_counter() - started, 4)}
    return all(result["ok"] for result in results.values()), results


def ready_body() -> tuple[int, str]:
    """Status and JSON of `/readyz`."""
    ready, checks = readiness()
    return (200 if ready else 503), json.dumps({"ready": ready, "checks": checks})


def livez(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when it can do its work, else 503 with the reason per check."""
    status, body = ready_body()
    return HttpResponse(body, status=status, content_type="application/json")


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's text format. Holds no names of users or objects."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
