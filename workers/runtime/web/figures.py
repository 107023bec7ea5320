"""What a server counts about its own requests: per second and key, errors by class, times as a histogram.

A `Window` belongs to one event loop: nothing is locked, and a request costs about a microsecond. Seconds are those
of the sender's own clock, which starts at the wall's time and never goes back; where they lie in the control
plane's time is the control plane's to say.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from workers.contracts.latencies import bucket_of, pack

SECONDS_KEPT = 3600
"""How long closed seconds are kept for somebody who takes them."""
CLOSING_SECONDS = 2
"""For so many seconds after its last request a key is told of with zeros, so that whoever watches sees it stop."""

Key: TypeAlias = tuple[str, str]
"""Endpoint and revision, by id. Without a revision: no replica got the request."""


def running_clock() -> Callable[[], float]:
    """Seconds since 1970 as this process counts them: set once, never put back by anybody."""
    ahead = time.time() - time.monotonic()
    return lambda: time.monotonic() + ahead


@dataclass(slots=True)
class Counts:
    """Of one key and one second."""

    requests: int = 0
    caller_errors: int = 0
    """Answered with 4xx, or the caller went away."""
    server_errors: int = 0
    """Answered with 5xx."""
    buckets: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def packed(self) -> bytes:
        return pack(self.buckets.items())


@dataclass(frozen=True, slots=True)
class Second:
    number: int
    """Seconds since 1970 at its begin, by the sender's clock."""
    counts: dict[Key, Counts]


class Window:
    """Counts the running second; closed ones wait in `closed`, oldest first, at most `SECONDS_KEPT` of them.

    Args:
        clock: seconds since 1970, never going back.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock or running_clock()
        self.closed: deque[Second] = deque(maxlen=SECONDS_KEPT)
        self._number = int(self.clock())
        self._counts: dict[Key, Counts] = {}
        self._closing: dict[Key, int] = {}

    def add(self, key: Key, status: int, seconds: float) -> None:
        """Count one answered request."""
        number = int(self.clock())
        if number > self._number:
            self._roll(number)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = Counts()
        counts.requests += 1
        if status >= 500:
            counts.server_errors += 1
        elif status >= 400:
            counts.caller_errors += 1
        counts.buckets[bucket_of(seconds)] += 1

    def roll(self) -> None:
        """Close the seconds that are over."""
        number = int(self.clock())
        if number > self._number:
            self._roll(number)

    def close(self) -> None:
        """Close the running second too: nothing more will be counted in it."""
        self._roll(self._number + 1)

    def _roll(self, number: int) -> None:
        """Close every second before `number`; those without a count are left out once the zeros are told."""
        while self._number < number and (self._counts or self._closing):
            counts, self._counts = self._counts, {}
            quiet = {key: left for key, left in self._closing.items() if key not in counts}
            self.closed.append(Second(self._number, counts | {key: Counts() for key in quiet}))
            self._closing = {key: left - 1 for key, left in quiet.items() if left > 1}
            self._closing |= dict.fromkeys(counts, CLOSING_SECONDS)
            self._number += 1
        self._number = number
