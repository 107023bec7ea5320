"""What one socket has not sent yet: bounded in messages and in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from apps.common.live_messages import Gap, text_of
from apps.common.rounds import cursor_at

MESSAGES_MOST = 256
TEXT_MOST = 4 << 20
"""Characters, unless one message alone has more."""


class Letter(NamedTuple):
    """One message, its text shared by all sockets that get it."""

    text: str
    since: int = 0
    """It tells what happened from this horizon on: that is lost with it. 0: it tells nothing that happened."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whose socket it is, and by which right it is open."""

    user_id: UUID
    token_id: UUID | None = None
    session_key: str | None = field(default=None, repr=False)
    keys: frozenset[str] = frozenset()
    """By which events may close it: `user.<id>`, `api_token.<id>`, `session.<digest>`."""
    good_for_seconds: float | None = None
    """When its token or session ends by itself; None: not known to."""


class Mailbox:
    """The queue of one socket. Belongs to one event loop."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.stamp: str | None = None
        """What its rights were when it opened; another stamp means that they have changed. None: not read yet."""
        self.subjects: set[str] = set()
        self.closing = 0
        """Code to close with; 0: it stays open."""
        self.spoke_at = 0.0
        self._held: dict[str, list[Letter]] = {}
        self._letters: deque[Letter] = deque()
        self._size = 0
        self._filled = asyncio.Event()

    @property
    def holds(self) -> bool:
        """Whether the past of a subject is still being read."""
        return bool(self._held)

    def put(self, letter: Letter) -> None:
        """Never waits: when it is full, all that it tells gives way to one `gap`. Nothing follows a `close`."""
        if self.closing:
            return
        if self._letters and (len(self._letters) >= MESSAGES_MOST or self._size + len(letter.text) > TEXT_MOST):
            self._letters = deque(_without_news(self._letters))
            self._size = sum(len(one.text) for one in self._letters)
        self._letters.append(letter)
        self._size += len(letter.text)
        self._filled.set()

    def tell(self, letter: Letter, subject: str) -> None:
        """As `put`, after what is still being read of the subject's past."""
        held = self._held.get(subject)
        if held is None:
            self.put(letter)
            return
        held.append(letter)
        if len(held) > MESSAGES_MOST:
            held[:] = _without_news(held, subject)

    def hold(self, subject: str) -> None:
        """Keep what comes of this subject back until `release`."""
        self._held[subject] = []

    def release(self, subject: str) -> None:
        """Its past is told: what came meanwhile follows. Nothing follows where it was given up."""
        for letter in self._held.pop(subject, ()):
            self.put(letter)

    def forget(self, subject: str) -> None:
        self.subjects.discard(subject)
        self._held.pop(subject, None)

    def close(self, code: int) -> None:
        """Let the socket end once what is in front is sent."""
        self.closing = self.closing or code
        self._filled.set()

    async def get(self) -> Letter | None:
        """The next message; None when the socket is to be closed."""
        while not self._letters:
            if self.closing:
                return None
            self._filled.clear()
            await self._filled.wait()
        letter = self._letters.popleft()
        self._size -= len(letter.text)
        self.spoke_at = asyncio.get_running_loop().time()
        return letter


def _without_news(letters: Iterable[Letter], subject: str = "") -> list[Letter]:
    """One gap in place of all that tells something, and the answers behind it."""
    known = list(letters)
    since = min((letter.since for letter in known if letter.since), default=0)
    answers = [letter for letter in known if not letter.since]
    return [Letter(text_of(Gap(cursor_at(since), subject)), since), *answers] if since else answers
