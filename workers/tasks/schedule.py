"""What beat sends by the clock. Each tick finds in the database what a lost hint would have said."""

from __future__ import annotations

from typing import Any, Final

from apps.common import queues

EVERY_SECONDS: Final[dict[str, float]] = {
    queues.TICK_OBSERVE: 2,
    queues.TICK_ADMIT: 5,
    queues.TICK_LAUNCH: 5,
    queues.TICK_STOP: 5,
    queues.TICK_RECONCILE: 10,
    queues.TICK_EXPIRE: 60,
    queues.TICK_SWEEP: 60,
    queues.TICK_COMPACT: 30,
    queues.TICK_FORGET: 600,
    queues.TICK_FIGURES: 60,
}

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    name: {
        "task": name,
        "schedule": seconds,
        # A tick that nobody took before the next one came is not worth taking.
        "options": {"queue": queues.queue_of(name), "expires": seconds},
    }
    for name, seconds in EVERY_SECONDS.items()
}
