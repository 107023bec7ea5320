"""The end of a job's process: what it holds is told first, however long the control plane is away."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from workers.runtime.announcements import Announcements
from workers.runtime.metric_buffer import MetricBuffer
from workers.runtime.stop_watch import StopWatch

JOIN_SECONDS = 0.05
SAY_AFTER_SECONDS = 2.0
LEAVING_SECONDS = 8.0
"""From being told to stop to the end of what is told, where nobody has said how long there is: a short grace."""
MARGIN_SECONDS = 2.0
"""Before the end of a grace that is known: a checkpoint that is not announced by then counts for nothing."""
LEAST_SECONDS = 2.0
"""To tell what is held, also when the grace is nearly over."""


def wait_for_the_rest(
    metrics: MetricBuffer,
    announcements: Announcements,
    stop: StopWatch,
    patience_seconds: float,
    moved_at: Callable[[], float],
) -> None:
    """Block until nothing is left to tell, or the time is over: soon where the job was told to stop.

    Args:
        moved_at: when a piece of a file was sent last, by the monotonic clock: the patience is for when none is.
    """
    metrics.finish()
    announcements.finish()
    began, said = time.monotonic(), False
    while not (metrics.join(JOIN_SECONDS) and announcements.join(JOIN_SECONDS)):
        now, deadline = time.monotonic(), max(began, moved_at()) + patience_seconds
        if stop.told_at is not None:
            limit = stop.told_at + LEAVING_SECONDS if stop.kill_at is None else stop.kill_at - MARGIN_SECONDS
            deadline = min(deadline, max(limit, began + LEAST_SECONDS))
        if now > deadline:
            return
        if not said and now > began + SAY_AFTER_SECONDS:
            said = True
            held = f"{metrics.waiting_points} metric points and {announcements.waiting} stored files are untold"
            print(f"bedplate: waiting for the control plane: {held}", file=sys.stderr, flush=True)
