"""When something of the control plane was last seen at work: a hash in Redis, by Redis's clock.

For people who look at the panel; nothing is decided by it. A mark is left at most once a second per process, and never
where Redis does not answer.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

KEY: Final = "bedplate:marks"
EVERY_SECONDS: Final = 1.0
REST_SECONDS: Final = 5.0
"""After Redis has not answered nothing is marked for so long."""
FORGET_AFTER_SECONDS: Final = 7 * 24 * 3600
_SET: Final = "return redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1])"

SENT, TAKEN, WORKER = "sent", "taken", "worker"
"""Beat sent a tick; a worker took a message from a queue; a worker process is alive."""

_lock = Lock()
_due: dict[str, float] = {}


@lru_cache(maxsize=2)
def marks_redis(url: str) -> Redis:
    """A connection that fails within a second."""
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))


def mark(kind: str, name: str) -> None:
    """It works now. Never raises; one short round trip at most."""
    field, now = f"{kind}:{name}", time.monotonic()
    with _lock:
        if now < max(_due.get(field, 0.0), _due.get("", 0.0)):
            return
        _due[field] = now + EVERY_SECONDS
    try:
        marks_redis(settings.BEDPLATE_REDIS_URL).eval(_SET, 1, KEY, field)
    except (RedisError, OSError) as error:
        log.debug("%s is not marked: %s", field, error)
        with _lock:
            _due[""] = now + REST_SECONDS


def marks_read(redis: Redis) -> dict[str, dict[str, float]]:
    """Kind → name → seconds since it was last seen at work. What is older than a week is forgotten.

    Raises:
        RedisError: Redis does not answer.
    """
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.hgetall(KEY)
        (seconds, micros), found = pipeline.execute()
    now = seconds + micros / 1e6
    ages: dict[str, dict[str, float]] = {SENT: {}, TAKEN: {}, WORKER: {}}
    stale: list[Any] = []
    for field, at in found.items():
        kind, _, name = field.decode().partition(":")
        age = max(0.0, now - int(at))
        if age > FORGET_AFTER_SECONDS:
            stale.append(field)
        else:
            ages.setdefault(kind, {})[name] = age
    if stale:
        redis.hdel(KEY, *stale)
    return ages
