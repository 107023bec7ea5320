"""Beat by the monotonic clock: what comes every so many seconds comes, whatever time of day it is thought to be."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from django.conf import settings
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import RedisError

from apps.common import marks

log = logging.getLogger(__name__)

HEAP_MOST = 50
"""Messages that may wait in a queue: while there are more nobody takes them, and one more tick helps nobody."""
LONGEST_SLEEP_SECONDS = 0.5
STAGGER_SECONDS = 0.3
"""Ticks of one interval do not come at the same moment."""


class SteadyScheduler(Scheduler):
    """Keeps nothing on disk: after a restart every tick comes at once, which is what a restart wants."""

    def setup_schedule(self) -> None:
        super().setup_schedule()
        rows = self.app.conf.beat_schedule
        self._every = {name: float(row["schedule"]) for name, row in rows.items()}
        self._queues = {name: str(row["options"]["queue"]) for name, row in rows.items()}
        start = time.monotonic()
        self._due_at = {name: start + place * STAGGER_SECONDS for place, name in enumerate(self.schedule)}
        self._redis = Redis.from_url(settings.BEDPLATE_REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
        self._away = False

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; returns the seconds until the next is."""
        now = time.monotonic()
        for name, entry in self.schedule.items():
            if now >= self._due_at[name]:
                every = self._every[name]
                # One that was missed is not made up for: a tick does the work of all before it.
                self._due_at[name] += every * ((now - self._due_at[name]) // every + 1)
                self._send(entry)
        pause = min(self._due_at.values(), default=now + LONGEST_SLEEP_SECONDS) - time.monotonic()
        return float(min(max(pause, 0.001), LONGEST_SLEEP_SECONDS))

    def _send(self, entry: ScheduleEntry) -> None:
        try:
            if int(self._redis.llen(self._queues[entry.name])) >= HEAP_MOST:
                return
            self.apply_async(entry, producer=self.producer, advance=False)
            marks.mark(marks.SENT, str(entry.name))
        except (RedisError, SchedulingError, KombuError, OSError) as error:
            if not self._away:
                log.warning("the broker does not answer; ticks are left out until it does: %s", error)
            self._away = True
            self._forget_connection()
            return
        if self._away:
            log.info("the broker answers again")
        self._away = False

    def _forget_connection(self) -> None:
        """The next tick begins with a new one."""
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            connection.release()
