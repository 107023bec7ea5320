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


class Gathered:
    """What happened to a subject from a horizon on, and who is to be told of it."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.boxes: set[Mailbox] = set()
        self._events: list[EventTold] = []
        self._points: list[PointsTold] = []
        self._count = 0
        self._logs: dict[tuple[str, int], LogsTold] = {}
        self._missing = self._lost = False

    def __bool__(self) -> bool:
        return bool(self._events or self._points or self._logs or self._missing or self._lost)

    def add(self, item: Item) -> None:
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

    def note(self, event: EventTold) -> None:
        """As an event, unless one of its kind is there already."""
        if not any(one.kind == event.kind for one in self._events):
            self._events.append(event)

    def text(self, subject: str, horizon: int) -> str:
        """The message that tells it, complete up to a horizon."""
        if self._lost:
            return text_of(Gap(cursor_at(self.since), subject))
        logs = list(self._logs.values())
        return text_of(Update(subject, cursor_at(horizon), self._events, self._points, logs, self._missing))


class Line:
    """Gathers items of one subject. A message is encoded once, however many have followed it for as long."""

    def __init__(self, subject: str, horizon: int) -> None:
        self.subject = subject
        self._gathered = [Gathered(horizon)]
        """The first since the last message; behind it, for those who came later, what happened since they came."""
        self._reached = horizon
        self._at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def join(self, box: Mailbox, horizon: int, *, anew: bool = False) -> int:
        """Tell this follower too, once; nobody is told sooner for it. Returns the horizon from which on it is told.

        Args:
            horizon: up to which everything was added: a newcomer is told what comes after it.
            anew: one who follows already is to be told as a newcomer is.
        """
        waiting = next((part for part in self._gathered if box in part.boxes and part), None)
        if waiting is not None and not anew:
            return waiting.since
        self.leave(box)
        if self._gathered[-1]:
            self._gathered.append(Gathered(horizon))
        newest = self._gathered[-1]
        newest.since = horizon  # there is nothing in it: what was before it has been told
        newest.boxes.add(box)
        return horizon

    def leave(self, box: Mailbox) -> None:
        for part in self._gathered:
            part.boxes.discard(box)

    @property
    def is_followed(self) -> bool:
        return any(part.boxes for part in self._gathered)

    def add(self, item: Item) -> None:
        """Take one item; `reach` follows once its round is complete."""
        for part in self._gathered:
            part.add(item)

    def note(self, kind: str) -> None:
        """Something that belongs to the subject moved: said once, however often it does."""
        event = EventTold(kind, self.subject)
        for part in self._gathered:
            part.note(event)

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
        self.close()
        told, self._gathered = self._gathered, [Gathered(self._reached)]
        for part in told:
            self._gathered[0].boxes |= part.boxes
            if part and part.boxes:
                self._send(Letter(part.text(self.subject, self._reached), part.since), part.boxes)

    def _send(self, letter: Letter, boxes: set[Mailbox]) -> None:
        for box in boxes:
            box.tell(letter, self.subject)
        self._at = asyncio.get_running_loop().time()

    def close(self) -> None:
        """Tell nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
