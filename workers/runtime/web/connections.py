"""Connections that do not get to the point: closed, before many of them fill memory or take every descriptor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the begin of a connection, or of a request on a kept one, until its headers are whole."""
HEAD_LIMIT_BYTES = 64 << 10
READ_SECONDS = 30.0
"""How long an answer may wait for its caller to read any of it."""
SWEEP_SECONDS = 1.0


class Connection(HttpToolsProtocol):
    """uvicorn's, which by itself waits for ever for headers, however many, and for a caller that does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_since: float | None = time.monotonic()
        """Since when headers are waited for; None while they are not."""
        self.unread_since: float | None = None
        """Since when so much of an answer is unread that no more can be written."""
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.head_since is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self.give_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_since, self._head_bytes = time.monotonic(), 0

    def on_headers_complete(self) -> None:
        self.head_since = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.unread_since = time.monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.unread_since = None

    def give_up(self) -> None:
        """End it at once: who is at the other end does not ask, or does not listen."""
        self.head_since = self.unread_since = None
        self.transport.abort()


async def close_stuck(
    connections: Iterable[Any], *, head_seconds: float = HEAD_SECONDS, read_seconds: float = READ_SECONDS
) -> None:
    """Close connections that take too long, until cancelled. One look a second, nothing per request.

    Args:
        connections: all that are open, as they are at each look.
    """
    while True:
        await asyncio.sleep(min(SWEEP_SECONDS, head_seconds))
        now = time.monotonic()
        for connection in list(connections):
            if isinstance(connection, Connection) and (
                _before(connection.head_since, now - head_seconds)
                or _before(connection.unread_since, now - read_seconds)
            ):
                connection.give_up()


def _before(moment: float | None, limit: float) -> bool:
    return moment is not None and moment < limit
