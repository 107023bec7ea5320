"""Output of jobs is kept for so long after their attempt has ended; then it goes, a bounded statement at a time."""

from __future__ import annotations

import time
from datetime import timedelta

from apps.common import clock
from apps.quotas.models import LogChunk

AT_ONCE = 500
"""Chunks deleted by one statement."""
SECONDS = 20.0


def logs_forget(*, days: int, seconds: float = SECONDS) -> int:
    """Delete chunks of attempts that ended more than `days` ago; returns how many. May run twice, or be cut off.

    Args:
        days: 0 keeps them for ever.
        seconds: stops when they are over; the next call goes on.
    """
    if not days:
        return 0
    ended_before = clock.db_now() - timedelta(days=days)
    deadline = time.monotonic() + seconds
    # A chunk is older than the end of its attempt: what was made later need not be looked at.
    old = LogChunk.objects.filter(created_at__lt=ended_before, attempt__ended_at__lt=ended_before).order_by("id")
    gone = last = 0
    while time.monotonic() < deadline:
        ids = list(old.filter(id__gt=last).values_list("id", flat=True)[:AT_ONCE])
        if not ids:
            break
        last = ids[-1]
        gone += LogChunk.objects.filter(id__in=ids).delete()[0]
    return gone
