"""Telling the control plane of what was stored: in order, at once where it listens, later where it is away."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable

from workers.runtime.client_errors import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, AttemptSuperseded, JobApiError
from workers.runtime.forks import after_fork_in_child

PATIENCE_SECONDS = 3.0
"""How long a job waits for an acknowledgement before it goes on."""


class Announcement:
    """One thing that was stored: `acknowledged` once it counts."""

    def __init__(self, what: str, send: Callable[[], object], *, matters: bool = True) -> None:
        self.what, self.send, self.matters = what, send, matters
        self.refusal: JobApiError | None = None
        """Why the control plane does not take it."""
        self.settled = threading.Event()
        """Acknowledged or refused."""

    @property
    def acknowledged(self) -> bool:
        return self.settled.is_set() and self.refusal is None

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until it is acknowledged; false when it still was not after the time.

        Raises:
            JobApiError: it was refused.
        """
        self.settled.wait(timeout_seconds)
        if self.refusal is not None:
            raise self.refusal
        return self.settled.is_set()


class Announcements:
    """The queue of them, and the thread that repeats the first until it is acknowledged or refused.

    What a forked process inherits is its parent's to tell; it starts with an empty queue of its own.
    """

    def __init__(self, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self.superseded: AttemptSuperseded | None = None
        self.trouble: JobApiError | None = None
        """Why the first of the queue still waits; None: it does not, or nobody has answered."""
        self._refused: list[Announcement] = []
        self._reset()
        after_fork_in_child(self, Announcements._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Announcement] = deque()
        self._closing = self._away = False
        self._thread: threading.Thread | None = None

    def announce(self, what: str, send: Callable[[], object]) -> Announcement:
        """Tell of one thing by `send`, which tries once. Blocks for a few seconds at most.

        Raises:
            JobApiError: this one was refused, or an earlier one was after the job had gone on.
            AttemptSuperseded: this attempt no longer counts.
        """
        self.check()
        made = Announcement(what, send)
        with self._changed:
            first = not self._queue
            self._queue.append(made)
            self._start()
            self._changed.notify_all()
            if first:  # else the control plane is away, and everybody knows
                self._changed.wait_for(lambda: made.settled.is_set() or self.superseded, self._patience_seconds)
            if made in self._refused:
                self._refused.remove(made)
                made.wait(0)
            if not made.settled.is_set() and self.superseded is None and first:
                _say(f"{what} is stored and not acknowledged yet; the job goes on")
        self.check()
        return made

    def add(self, what: str, send: Callable[[], object], *, matters: bool = True) -> None:
        """Tell of one thing after all others. Does not wait, and raises nothing: `check` does. Without one that does
        not matter a job has succeeded all the same."""
        with self._changed:
            self._queue.append(Announcement(what, send, matters=matters))
            self._start()
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what became known since the last call: JobApiError or AttemptSuperseded."""
        if self.superseded is not None:
            raise self.superseded
        with self._changed:
            if self._refused:
                self._refused.pop(0).wait(0)

    @property
    def waiting(self) -> int:
        """Not yet settled."""
        return len(self._queue)

    @property
    def mattering(self) -> int:
        """Of these, those without which a job has not succeeded."""
        return sum(one.matters for one in self._queue)

    def finish(self) -> None:
        """No more come. Does not wait."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def join(self, timeout_seconds: float) -> bool:
        """After `finish`: wait; true when all are settled, or none will be."""
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        return self._thread is None or not self._thread.is_alive()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bedplate-announcements", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                current = self._queue[0]
            try:
                current.send()
            except AttemptSuperseded as stop:
                with self._changed:
                    self.superseded = stop
                    self._changed.notify_all()
                return
            except JobApiError as error:
                if not error.final:
                    if error.status and (self.trouble is None or self.trouble.code != error.code):
                        _say(f"{current.what} waits: {error}")
                    self._away, self.trouble = True, error if error.status else self.trouble
                    threading.Event().wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                    continue
                current.refusal = error
                _say(f"{current.what} was refused: {error}")
            self._settle(current)
            self.trouble = None
            pause = FIRST_PAUSE_SECONDS

    def _settle(self, current: Announcement) -> None:
        with self._changed:
            self._queue.popleft()
            if current.refusal is not None:
                self._refused.append(current)
            current.settled.set()
            if self._away and not self._queue:
                self._away = False
                _say("all that was stored is acknowledged")
            self._changed.notify_all()


def unless_refused(what: str, send: Callable[[], object]) -> None:
    """Send what the job does not depend on: a refusal is said on stderr, and is no failure of the job's."""
    try:
        send()
    except JobApiError as error:
        if not error.final:
            raise
        _say(f"{what} were refused: {error}")


def acknowledged(what: str) -> Announcement:
    """One that nobody needs to be told of."""
    made = Announcement(what, lambda: None)
    made.settled.set()
    return made


def _say(text: str) -> None:
    print(f"bedplate: {text}", file=sys.stderr, flush=True)
