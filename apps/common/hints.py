"""The thread that sends hints: nobody who asks for background work waits for the broker.

A hint that is to come later waits here, by this process's monotonic clock: a time of day in a message would mean
another moment to a worker whose clock is wrong.
"""

from __future__ import annotations

import atexit
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from kombu.exceptions import KombuError

log = logging.getLogger(__name__)

MOST = 10_000
"""Hints that may wait; one more is dropped."""
REST_SECONDS = 3.0
"""For so long after a failure nothing is tried: what is due meanwhile is dropped, and its tick finds the work."""
GOODBYE_SECONDS = 1.0
"""What a process that ends gives its last hints."""

Deliver = Callable[[str, list[str]], None]


@dataclass(order=True, slots=True)
class _Hint:
    due_at: float
    number: int
    name: str = field(compare=False)
    args: list[str] = field(compare=False)
    context: Context = field(compare=False)


class Sender:
    """Delivers hints in order of their time, one after the other, in a thread that starts with the first of them.

    Args:
        deliver: sends one; raises KombuError or OSError when the broker is away.
    """

    def __init__(self, deliver: Deliver, *, most: int = MOST, rest_seconds: float = REST_SECONDS) -> None:
        self._deliver = deliver
        self._most = most
        self._rest_seconds = rest_seconds
        self._forget()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.flush, GOODBYE_SECONDS)

    def _forget(self) -> None:
        """A forked child has no such thread, and must not send what its parent will."""
        self._changed = threading.Condition()
        self._waiting: list[_Hint] = []
        self._asked: set[tuple[str, ...]] = set()
        """What waits and is to be sent at once: asked for again before that, it is sent once."""
        self._busy = False
        self._count = 0
        self._dropped = 0
        self._rest_until = 0.0
        self._thread: threading.Thread | None = None

    def put(self, name: str, args: list[str], *, after_seconds: float = 0.0) -> None:
        """Have it sent, not sooner than after so many seconds. Never waits for the broker, never raises."""
        same = (name, *args)
        with self._changed:
            if after_seconds <= 0 and same in self._asked:
                return
            if len(self._waiting) >= self._most:
                self._dropped += 1
                return
            if after_seconds <= 0:
                self._asked.add(same)
            self._count += 1
            hint = _Hint(time.monotonic() + after_seconds, self._count, name, args, copy_context())
            heapq.heappush(self._waiting, hint)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until all that is due has been tried, for at most so long. True: it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._due(), seconds)

    def _due(self) -> bool:
        return bool(self._waiting) and self._waiting[0].due_at <= time.monotonic()

    def _run(self) -> None:
        while True:
            hint = self._next()
            self._send(hint)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> _Hint:
        """Wait for the next that is due; while it is sent this thread is busy."""
        with self._changed:
            while not self._due():
                until = self._waiting[0].due_at - time.monotonic() if self._waiting else None
                self._changed.wait(until)
            self._busy = True
            hint = heapq.heappop(self._waiting)
            self._asked.discard((hint.name, *hint.args))
            return hint

    def _send(self, hint: _Hint) -> None:
        if time.monotonic() < self._rest_until:
            self._dropped += 1
            return
        try:
            hint.context.run(self._deliver, hint.name, hint.args)
        except (KombuError, OSError):
            self._rest_until = time.monotonic() + self._rest_seconds
            self._dropped += 1
            log.warning("could not send %s%s; ticks will find the work", hint.name, tuple(hint.args))
        except Exception:  # whatever is wrong with one, the next must be sent
            log.exception("could not send %s%s; its tick will find the work", hint.name, tuple(hint.args))
        else:
            if self._dropped:
                log.info("hints are sent again; %d were dropped", self._dropped)
                self._dropped = 0
