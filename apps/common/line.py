"""One subject that somebody follows in this process: what happened is gathered, and told to all at once."""

from __future__ import annotations

import asyncio

from apps.common.live_messages import EventTold, Gap, LogsTold, PointsTold, Update, text_of
from apps.common.mailbox import Letter, Mailbox
from apps.common.rounds import Item, cursor_at

PAUSE_SECONDS = 0.25
"""Least time between two messages about a subject: the first comes at once, then at most four a second."""
EVENTS_MOST = 500
POINTS_MOST = 50_000
"""In one message; with more, the client fetches them."""


class Line:
    """Gathers items of one subject. A message is encoded once, however many follow."""

    def __init__(self, subject: str, horizon: int) -> None:
        self.subject = subject
        self.followers: set[Mailbox] = set()
        self._told = horizon
        """Up to here it was told."""
        self._reached = horizon
        self._at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._clear()

    def _clear(self) -> None:
        self._events: list[EventTold] = []
        self._points: list[PointsTold] = []
        self._count = 0
        self._logs: dict[tuple[str, int], LogsTold] = {}
        self._missing = self._lost = False

    def add(self, item: Item) -> None:
        """Take one item; `reach` follows once its round is complete."""
        if item.event is not None:
            self._events.append(item.event)
        if item.points is not None:
            self._points.append(item.points)
            self._count += len(item.points.steps)
        if item.logs is not None:
            self._logs[item.logs.attempt, item.logs.rank] = item.logs
        self._missing |= item.points_missing
        if self._count > POINTS_MOST:
            self._points, self._count, self._missing = [], 0, True
        if len(self._events) > EVENTS_MOST:
            self._events, self._lost = [], True

    def note(self, kind: str) -> None:
        """Something that belongs to the subject moved: said once, however often it does."""
        if not any(event.kind == kind for event in self._events):
            self._events.append(EventTold(kind, self.subject))

    @property
    def waits(self) -> bool:
        """Whether something is gathered that was not told."""
        return self._timer is not None

    def reach(self, horizon: int) -> None:
        """What was added is all there is below this horizon: tell it, at once or when its time has come."""
        self._reached = horizon
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._at + PAUSE_SECONDS - loop.time()
        if wait <= 0:
            self.flush()
        else:
            self._timer = loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Tell now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lost:
            self._send(text_of(Gap(cursor_at(self._told), self.subject)))
        elif self._events or self._points or self._logs or self._missing:
            logs = list(self._logs.values())
            update = Update(self.subject, cursor_at(self._reached), self._events, self._points, logs, self._missing)
            self._send(text_of(update))
        self._clear()

    def _send(self, text: str) -> None:
        letter = Letter(text, self._told)
        for box in self.followers:
            box.tell(letter, self.subject)
        self._told = self._reached
        self._at = asyncio.get_running_loop().time()

    def close(self) -> None:
        """Nobody follows any more."""
        if self._timer is not None:
            self._timer.cancel()
