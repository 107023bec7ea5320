"""Connections of the live socket: one whose other end has stopped reading is given up."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

UNREAD_SECONDS = 30.0
"""How long what was written may wait for its reader to take any of it."""


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's, which by itself waits for ever for a reader that has stopped: no ping gets past what waits before it.

    The other end cannot be told why: it would have to read it.
    """

    _giving_up: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._giving_up = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._read_again()
        super().connection_lost(exc)

    def _read_again(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
