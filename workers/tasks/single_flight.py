"""One tick of a kind at a time, in all workers together, and not more often than it is meant to come; and a rest after
what is asked for again and again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any
from uuid import uuid4

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from apps.common import queues

LOCK_MS = 5_000
"""How long a tick whose worker was killed keeps the next one waiting. One that works for longer may get a twin, which
does no harm; most take milliseconds."""
REST_SECONDS_MOST = 5.0
MARGIN_SECONDS = 0.01
"""So much later than its mark goes comes the hint that was put off."""
PREFIX = "bedplate:single-flight:"
LEAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('DEL', KEYS[1])
"""
"""Only its own mark: one that took longer than the mark lasts may find somebody else's."""

log = logging.getLogger(__name__)


@lru_cache(maxsize=2)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1))


def single_flight(*, every_seconds: float) -> Callable[[Callable[[], object]], Callable[[], None]]:
    """Run the tick unless the same one runs elsewhere, or ran less than half its interval ago.

    So a heap of ticks that nobody took for an hour is gone in a moment, and one that has much to do rests as long as
    it worked. Both by a mark in Redis that goes by Redis's clock. It only saves work: two at once would do no harm,
    and where Redis does not answer the tick runs.
    """

    def guard(tick: Callable[[], object]) -> Callable[[], None]:
        name = f"{PREFIX}{tick.__module__}.{tick.__qualname__}"

        @wraps(tick)
        def guarded() -> None:
            mark = uuid4().hex
            if not _enter(name, mark):
                return
            began, rest_seconds = time.monotonic(), 0.0
            try:
                tick()
                rest_seconds = rest_after(time.monotonic() - began, every_seconds)
            finally:
                _leave(name, mark, rest_seconds)

        return guarded

    return guard


def paced(name: str, *, rest_seconds: float) -> Callable[[Callable[[str], object]], Callable[[str], None]]:
    """Begin the task about a thing at most once in so long. The first hint runs it at once; of all that come in the
    rest after that, one runs it when the rest is over, and sees what the others were about.

    Args:
        name: by which the task is asked for.
        rest_seconds: counted from when it began.
    """

    def guard(task: Callable[[str], object]) -> Callable[[str], None]:
        @wraps(task)
        def guarded(identity: str) -> None:
            mark, rest_ms = f"{PREFIX}{name}.{identity}", int(rest_seconds * 1000)
            if _set(mark, "1", rest_ms):
                task(identity)
            elif _set(f"{mark}.again", "1", rest_ms):
                queues.send(name, identity, after_seconds=rest_seconds + MARGIN_SECONDS)

        return guarded

    return guard


def rest_after(worked_seconds: float, every_seconds: float) -> float:
    """How long a tick is left out after it worked for so long."""
    return min(max(every_seconds / 2 - worked_seconds, worked_seconds), REST_SECONDS_MOST)


def _enter(name: str, mark: str) -> bool:
    return _set(name, mark, LOCK_MS)


def _set(name: str, mark: str, milliseconds: int) -> bool:
    """Whether there was no such mark; there is now, for so long."""
    try:
        return bool(_redis(settings.BEDPLATE_REDIS_URL).set(name, mark, nx=True, px=milliseconds))
    except RedisError as error:
        log.warning("%s runs unguarded: %s", name.removeprefix(PREFIX), error)
        return True


def _leave(name: str, mark: str, rest_seconds: float) -> None:
    words: tuple[Any, ...] = (name, mark, int(rest_seconds * 1000))
    try:
        _redis(settings.BEDPLATE_REDIS_URL).eval(LEAVE, 1, *words)
    except RedisError as error:
        log.warning("the mark of %s stays until it goes by itself: %s", name.removeprefix(PREFIX), error)
