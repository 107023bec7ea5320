"""Whether a node comes and goes too often to be trusted. Pure; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def away_within(times: Iterable[float], now: float, window_seconds: float) -> list[float]:
    """Those of the times at which it went away that still count, in order."""
    return sorted(at for at in times if now - at < window_seconds)


def flaps(times: Sequence[float], most: int) -> bool:
    """Whether it went away more often than it may."""
    return len(times) > most
