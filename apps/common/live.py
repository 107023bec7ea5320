"""The one socket of a browser, `/ws/v1/live/`: follow objects by subject, be told what happens to them.

From the client: `{"type": "subscribe", "subject": "run.<id>"}`, `unsubscribe` alike, `{"type": "ping"}`.
To the client: `subscribed`, `refused` (missing and forbidden look the same), `unsubscribed`, `pong`, `error`, and
`{"type": "event", "subject", "kind", "payload", "cursor", "at", …}`; `gap` means: some were lost, read again.
The socket closes with 4401 for who is not signed in, and with 4403 when the caller's rights changed: come again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.serializers.json import DjangoJSONEncoder

from apps.common.feed import CLOSE, EndsOf, Mailbox, feed

Subjects = Mapping[str, Callable[[], Any]]
"""Kind → rows, from which `.visible_to(user)` is taken."""

PROTOCOL = "bedplate.live.1"
UNAUTHENTICATED = 4401
RIGHTS_CHANGED = 4403
TOO_LARGE = 1009
SUBJECTS_MOST = 200
MESSAGE_MOST = 4096

if TYPE_CHECKING:

    class _Consumer:
        scope: Any
        close: Any
        accept: Any
        send: Any

        def __init__(self) -> None: ...

        @classmethod
        def as_asgi(cls, **arguments: Any) -> Any: ...

else:
    _Consumer = AsyncWebsocketConsumer


class LiveConsumer(_Consumer):
    """One socket.

    Args:
        subjects: what may be followed.
        ends: which events close which sockets.
    """

    def __init__(self, subjects: Subjects, ends: EndsOf | None = None) -> None:
        super().__init__()
        self.subjects, self.ends = subjects, ends or {}
        self.box: Mailbox | None = None
        self.sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        user = self.scope.get("user")
        offered = self.scope.get("subprotocols", [])
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        if user is None or not user.is_authenticated or not user.is_active:
            await self.close(UNAUTHENTICATED)
            return
        token = self.scope.get("token")
        keys = [f"user.{user.pk}", *([f"api_token.{token.pk}"] if token else [])]
        self.box = Mailbox(keys)
        await feed(self.ends).join(self.box)
        self.sender = asyncio.create_task(self._forward(self.box), name="live socket")

    async def disconnect(self, code: int) -> None:
        if self.box is not None:
            feed(self.ends).leave(self.box)
        if self.sender is not None:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # that is what was asked for
                await self.sender

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.box is None:
            return
        if text_data is None or len(text_data) > MESSAGE_MOST:
            await self.close(TOO_LARGE)
            return
        kind, subject = _read(text_data)
        if kind == "ping":
            self.box.put({"type": "pong"})
        elif kind == "subscribe":
            await self._subscribe(self.box, subject)
        elif kind == "unsubscribe":
            if subject in self.box.subjects:
                feed(self.ends).unfollow(self.box, subject)
            self.box.put({"type": "unsubscribed", "subject": subject})
        else:
            self.box.put(
                {"type": "error", "detail": "Send a JSON object with the type subscribe, unsubscribe or ping."}
            )

    async def _subscribe(self, box: Mailbox, subject: str) -> None:
        known = subject in box.subjects
        if not known and len(box.subjects) >= SUBJECTS_MOST:
            box.put({"type": "refused", "subject": subject, "detail": f"At most {SUBJECTS_MOST} at a time."})
        elif known or await self._is_visible(subject):
            # Followed before the answer: what happens after `subscribed` is told, what was before can be read.
            feed(self.ends).follow(box, subject)
            box.put({"type": "subscribed", "subject": subject})
        else:
            box.put({"type": "refused", "subject": subject, "detail": "Not found."})

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
        while True:
            message = await box.get()
            if message is CLOSE:
                await self.close(RIGHTS_CHANGED)
                return
            await self.send(json.dumps(message, cls=DjangoJSONEncoder))


def _read(text: str) -> tuple[str, str]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(message, dict):
        return "", ""
    kind, subject = message.get("type"), message.get("subject")
    return (kind if isinstance(kind, str) else ""), (subject if isinstance(subject, str) else "")
