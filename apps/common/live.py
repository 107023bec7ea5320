"""The one socket of a browser, `/ws/v1/live/`: follow objects by subject, be told what happens to them.

`live_messages` has the words, `LIVE.md` says how they are used.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from apps.common.cursors import cursor_of
from apps.common.errors import Invalid
from apps.common.feed import Feed, feed
from apps.common.live_messages import (
    PROTOCOL,
    Error,
    Gap,
    Pong,
    Refused,
    ServerMessage,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    client_decoder,
    text_of,
)
from apps.common.mailbox import Letter, Mailbox, Who
from apps.common.replay import past_of
from apps.common.rights import TRY_AGAIN, UNAUTHENTICATED, Rules
from apps.common.rounds import Tail

Subjects = Mapping[str, Callable[[], Any]]
"""Kind → rows, from which `.visible_to(user)` is taken."""

TOO_LARGE = 1009
TOO_MANY = 4429
SUBJECTS_MOST = 200
SOCKETS_MOST = 50
"""Of one user in one process."""
MESSAGE_MOST = 4096
BURST, PER_SECOND = 400.0, 50.0
"""Messages that a client may send at once, and then each second."""

if TYPE_CHECKING:

    class _Consumer:
        scope: Any
        close: Any
        accept: Any
        base_send: Any

        def __init__(self) -> None: ...

        @classmethod
        def as_asgi(cls, **arguments: Any) -> Any: ...

else:
    _Consumer = AsyncWebsocketConsumer


class LiveConsumer(_Consumer):
    """One socket.

    Args:
        subjects: what may be followed.
        rules: what closes sockets.
        tails: what rides on them beside events.
    """

    def __init__(self, subjects: Subjects, rules: Rules | None = None, tails: Sequence[Tail] = ()) -> None:
        super().__init__()
        self.subjects, self.rules, self.tails = subjects, rules or Rules(), tails
        self.box: Mailbox | None = None
        self.sender: asyncio.Task[None] | None = None
        self._tokens, self._counted_at = BURST, 0.0
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def feed(self) -> Feed:
        return feed(self.rules)

    async def connect(self) -> None:
        user, offered = self.scope.get("user"), self.scope.get("subprotocols", [])
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        who: Who | None = self.scope.get("who")
        if user is None or not user.is_authenticated or not user.is_active or who is None:
            await self.close(UNAUTHENTICATED)
            return
        if sum(box.who.user_id == who.user_id for box in self.feed.boxes) >= SOCKETS_MOST:
            await self.close(TOO_MANY)
            return
        # In the feed at once: of many that come at the same moment each counts, and what ends its rights from here on
        # ends it, whatever is read below.
        box = self.box = Mailbox(who)
        try:
            await self.feed.join(box)
            await self.feed.rights.settle(box)
        except DatabaseError:
            await self.close(TRY_AGAIN)
            return
        if not box.stamp:
            await self.close(UNAUTHENTICATED)
            return
        loop = asyncio.get_running_loop()
        self._counted_at = loop.time()
        if who.good_for_seconds is not None:
            self._expiry = loop.call_later(max(0.0, who.good_for_seconds), box.close, UNAUTHENTICATED)
        self.sender = asyncio.create_task(self._forward(box), name="live socket")

    async def disconnect(self, code: int) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        if self.box is not None:
            self.feed.leave(self.box)
        if self.sender is not None:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # that is what was asked for
                await self.sender

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        box = self.box
        if box is None or box.closing:
            return
        if text_data is None or len(text_data) > MESSAGE_MOST:
            await self.close(TOO_LARGE)
            return
        if not self._may_speak():
            box.close(TOO_MANY)
            return
        try:
            message = client_decoder.decode(text_data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self._say(box, Error(f"Send a JSON object with the type subscribe, unsubscribe or ping: {error}"))
            return
        if isinstance(message, Subscribe):
            await self._subscribe(box, message)
        elif isinstance(message, Unsubscribe):
            if message.subject in box.subjects:
                self.feed.unfollow(box, message.subject)
            self._say(box, Unsubscribed(message.subject))
        else:
            self._say(box, Pong())

    def _may_speak(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._tokens = min(BURST, self._tokens + (now - self._counted_at) * PER_SECOND) - 1
        self._counted_at = now
        return self._tokens >= 0

    def _say(self, box: Mailbox, message: ServerMessage) -> None:
        box.put(Letter(text_of(message)))

    async def _subscribe(self, box: Mailbox, asked: Subscribe) -> None:
        subject, known = asked.subject, asked.subject in box.subjects
        try:
            after = cursor_of(asked.after) if asked.after else None
        except Invalid as error:
            self._say(box, Error(f"after: {error.detail}"))
            return
        if not known and len(box.subjects) >= SUBJECTS_MOST:
            self._say(box, Refused(subject, f"At most {SUBJECTS_MOST} at a time."))
            return
        try:
            if not known and not await self._is_visible(subject):
                self._say(box, Refused(subject, "Not found."))
                return
        except DatabaseError:
            self._say(box, Refused(subject, "The database does not answer; try again."))
            return
        # Followed before the answer: what happens after `subscribed` is told, what was before can be read.
        await self.feed.announce([subject])
        cursor, horizon = self.feed.follow(box, subject, hold=after is not None), self.feed.horizon
        # Not further than what it knows: if it breaks off before its past is told, it comes back with this cursor.
        self._say(box, Subscribed(subject, asked.after or cursor))
        if after is None:
            return
        try:
            past = await database_sync_to_async(past_of)(subject, after, horizon, self.tails)
        except DatabaseError:
            past = Gap(asked.after, subject)
        if past is not None:
            box.put(Letter(text_of(past), min(after[0] + 1, horizon)))
        box.release(subject)

    async def _is_visible(self, subject: str) -> bool:
        kind, _, key = subject.partition(".")
        rows = self.subjects.get(kind)
        try:
            object_id = UUID(key)
        except ValueError:
            return False
        if rows is None or str(object_id) != key:
            return False
        found = rows().visible_to(self.scope["user"]).filter(pk=object_id)
        return bool(await database_sync_to_async(found.exists)())

    async def _forward(self, box: Mailbox) -> None:
        # Past the consumer's own `send`: the text is ready, and a thousand sockets get the same.
        send = self.base_send
        while (letter := await box.get()) is not None:
            await send({"type": "websocket.send", "text": letter.text})
        await self.close(box.closing)
