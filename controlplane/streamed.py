"""Bodies of requests that are read while they arrive: of uploads, which are larger than memory and may break off, and
of files that jobs send."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Final

from apps.common.storage import CHUNK_BYTES

STREAMED: Final = {
    "PATCH": re.compile(r"/api/v1/uploads/[0-9a-f-]{36}"),
    "PUT": re.compile(
        r"/api/v1/(?:runtime/outputs/.+|artifact-parts/.+|(?:runs|logged-models)/[0-9a-f-]{36}/files/.+)"
        r"|(?:/mlflow/[\w-]+)?/(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/.+"
    ),
}
"""What is read so, by method and path."""
SILENT_SECONDS: Final = 60.0
"""A sender that says nothing for so long is gone."""
PAUSE_SECONDS: Final = 0.5
"""What has come is handed over when nothing more comes for so long."""
AT_ONCE: Final = 64
"""So many bodies a process reads at the same time; each has a thread of its own meanwhile."""
DRAINED_BYTES: Final = 32 << 20
"""So much of a refused body is still read, because who is still sending may not see the answer."""
DRAIN_SECONDS: Final = 5.0

Receive = Callable[[], Awaitable[dict[str, Any]]]


def is_streamed(scope: dict[str, Any]) -> bool:
    found = STREAMED.get(scope["method"])
    return found is not None and found.fullmatch(scope["path"]) is not None


class SenderGone(ConnectionError):
    """The connection broke, or nothing came for too long."""


class StreamedBody:
    """What `HttpRequest.read` reads from, in the thread of the request, while the loop takes messages from the server.

    The server stops reading from the connection while nobody asks: no more than a piece is in memory. In Django's
    handler it stands for the messages that follow the body, too.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive, self._loop = receive, asyncio.get_running_loop()
        self._rest = b""
        self._is_over = self._is_gone = False
        self._asked: Future[bytes] | None = None

    async def __call__(self) -> dict[str, Any]:
        """No message after the body: who reads it learns by reading that the sender is gone."""
        await asyncio.Event().wait()
        raise AssertionError("waits for ever")

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """At most so many bytes, not before half a piece is there or the sender pauses; b"" at the end.

        Raises:
            SenderGone: it broke off; what had come before was returned by earlier calls.
        """
        if not self._rest:
            self._asked = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            try:
                self._rest = self._asked.result(SILENT_SECONDS + 5)
            except (CancelledError, TimeoutError):
                raise SenderGone("the server ends") from None
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    async def _next(self) -> bytes:
        taken: list[bytes] = []
        size = 0
        while not (self._is_over or self._is_gone) and size < CHUNK_BYTES // 2:
            try:
                message = await asyncio.wait_for(self._receive(), PAUSE_SECONDS if taken else SILENT_SECONDS)
            except TimeoutError:
                self._is_gone = not taken
                break
            self._is_gone = message["type"] == "http.disconnect"
            if not self._is_gone:
                self._is_over = not message.get("more_body", False)
                taken.append(message.get("body", b""))
                size += len(taken[-1])
        if self._is_gone and not size:
            raise SenderGone("the sender broke off")
        return b"".join(taken)

    async def drain(self) -> None:
        """Take what is still coming, up to a bound."""
        left = DRAINED_BYTES
        with contextlib.suppress(SenderGone, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._is_over and left > 0:
                    left -= len(await self._next())

    def close(self) -> None:
        """Let go of a reader that still waits, because the request is over or the server ends."""
        self._is_gone = True
        if self._asked is not None:
            self._asked.cancel()
