"""How fast an API server is asked, and when again: a bucket of tokens, and pauses that grow."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 3.0
BURST_RATIO: Final = 0.1
"""Of what may be asked in a second, may be asked at once after a rest: over a few seconds that is hardly more."""


class TokenBucket:
    """Lets `rate` requests a second through, after a rest `burst` at once. Shared by threads.

    Args:
        burst: without one, `BURST_RATIO` of a second's, and one at least.
        clock, pause: monotonic seconds, and what waits for some; tests give others.
    """

    def __init__(
        self,
        rate: float,
        burst: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = max(1.0, rate * BURST_RATIO) if burst is None else burst
        self._tokens = self._burst
        self._clock, self._pause = clock, pause
        self._at = clock()
        self._lock = threading.Lock()

    def take(self, most_seconds: float) -> bool:
        """Wait for a token, which is then taken; False, and none is taken, where that would be longer than allowed."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            wait = max(0.0, (1.0 - self._tokens) / self._rate)
            if wait > most_seconds:
                return False
            self._tokens -= 1.0  # may go below 0: whoever comes next waits behind this one
        if wait:
            self._pause(wait)
        return True


def pause_seconds(tries: int, retry_after: str = "") -> float:
    """How long to wait before the next try.

    Args:
        tries: how often it was tried, from 1.
        retry_after: the header of that name; what is no number of seconds is ignored.
    """
    grown = min(FIRST_PAUSE_SECONDS * 2.0 ** min(tries - 1, 10), LONGEST_PAUSE_SECONDS)
    spread = grown * (0.5 + random.random() / 2)  # noqa: S311 - spreads those who were refused at once
    told = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return max(spread, told)
