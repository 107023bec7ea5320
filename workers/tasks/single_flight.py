"""One tick of a kind at a time, in all workers together."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps

from django.conf import settings
from redis import Redis
from redis.exceptions import LockError

LOCK_SECONDS = 45.0
"""A tick takes at most 30; the lock of one that died goes by itself."""


@lru_cache(maxsize=2)
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def single_flight(tick: Callable[[], object]) -> Callable[[], None]:
    """Run the tick unless the same one runs elsewhere. It only saves work: two at once would do no harm."""

    @wraps(tick)
    def guarded() -> None:
        name = f"bedplate:single-flight:{tick.__module__}.{tick.__qualname__}"
        lock = _redis(settings.BEDPLATE_REDIS_URL).lock(name, timeout=LOCK_SECONDS, blocking=False)
        if not lock.acquire():
            return
        try:
            tick()
        finally:
            _release(lock)

    return guarded


def _release(lock: object) -> None:
    try:
        lock.release()  # type: ignore[attr-defined]
    except LockError:
        # It took longer than the lock lasts, and somebody else may hold it now.
        return
