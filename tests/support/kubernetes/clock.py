"""The clock of the fake cluster: real time, moved forward by tests, and shown wrongly where a test wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Seconds since 1970 as the cluster counts them.

    Every wait of the cluster (grace periods, deadlines, back-offs, time-to-live) is counted on it, so a test that
    calls `advance` waits for none of them.
    """

    def __init__(self) -> None:
        self._moved = 0.0
        self._frozen: float | None = None
        self.skew = 0.0
        """Seconds that the cluster's clock is ahead of ours: in `Date` and in every timestamp that it writes."""
        self.on_move: list[Callable[[], None]] = []

    def now(self) -> float:
        return (time.time() if self._frozen is None else self._frozen) + self._moved + self.skew

    def freeze(self) -> None:
        """From now on time passes by `advance` only."""
        self._frozen = time.time()

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once for the cluster."""
        self._moved += seconds
        for told in self.on_move:
            told()

    def stamp(self, at: float | None = None) -> str:
        """A timestamp of whole seconds, as objects have it."""
        return datetime.fromtimestamp(self.now() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def micro(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def nano(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")

    def http_date(self) -> str:
        return formatdate(self.now(), usegmt=True)


def seconds_of(stamp: str) -> float:
    """A timestamp of an object as seconds since 1970."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
