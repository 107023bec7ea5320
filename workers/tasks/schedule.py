"""What beat sends by the clock. Each tick finds in the database what a lost hint would have said."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from apps.common import queues

EVERY_SECONDS: Final[dict[str, float]] = {
    queues.TICK_ADMIT: 1,
    queues.TICK_LAUNCH: 1,
    queues.TICK_OBSERVE: 2,
    queues.TICK_OBSERVE_CLUSTERS: settings.BEDPLATE_OBSERVE_CLUSTERS_SECONDS,
    queues.TICK_STOP: 5,
    queues.TICK_LIVENESS: 5,
    queues.TICK_RECONCILE: 10,
    queues.TICK_EXPIRE: 60,
    queues.TICK_BUDGETS: 10,
    queues.TICK_SWEEP: 60,
    queues.TICK_IDLE: 30,
    queues.TICK_INVENTORY: 60,
    queues.TICK_COMPACT: 30,
    queues.TICK_FORGET: 600,
    queues.TICK_ESTIMATES: 10,
    queues.TICK_FIGURES: 60,
}
"""Admission and launch follow each other: a run whose hints were all lost starts after a second or two."""

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    # Without `expires`, which is a time of day: a worker whose clock is ahead would throw every tick away.
    name: {"task": name, "schedule": seconds, "options": {"queue": queues.queue_of(name)}}
    for name, seconds in EVERY_SECONDS.items()
}
