"""Sending the figures of a server to the control plane, in the background: once a second, in one request.

What cannot be sent now waits, up to an hour of seconds, and is sent in batches once the control plane is back. Every
second has a number, so that one that is sent twice is stored once. Nothing here can slow or fail a request.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import msgspec

from workers.runtime.web.figures import SECONDS_KEPT, Second, Window

LAG_SECONDS = 0.05
"""How long after a second's end it is sent."""
AWAY_SECONDS = 2.0
"""What is waited longer between two tries while the control plane is away."""
LAST_SECONDS = 2.0
"""How long leaving may take."""
BATCH_SECONDS = 60
BATCH_BYTES = 1 << 20
KEPT_BYTES = 64 << 20
"""Of what waits: an hour of a hundred busy revisions."""
TIMEOUT = httpx.Timeout(3.0, connect=1.0)
_log = logging.getLogger("bedplate.figures")


class Away(Exception):
    """The control plane did not take it; it may later."""


class Refused(Exception):
    """The control plane will never take it."""


Send = Callable[[bytes], Awaitable[None]]
"""Takes the body of a request. Raises Away or Refused."""


class Figure(msgspec.Struct, omit_defaults=True):
    requests: int
    caller_errors: int
    server_errors: int
    latencies: bytes
    endpoint: str = ""
    revision: str = ""


class _Numbered(msgspec.Struct):
    number: int
    figures: list[Figure]


class _Body(msgspec.Struct):
    source: str
    sent_at: float
    rank: int
    seconds: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    encoded: bytes


class Publisher:
    """Takes the closed seconds of a window and sends them.

    Args:
        source: names this process's numbers; another for every start.
        rank: of a member of a job.
    """

    def __init__(self, window: Window, send: Send, *, source: str = "", rank: int = 0) -> None:
        self.source = source or str(uuid.uuid4())
        self.lost = 0
        """Seconds that were given up because they waited too long or were refused."""
        self._window = window
        self._send = send
        self._rank = rank
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._failures = 0

    async def run(self) -> None:
        """Publish every second, until cancelled."""
        while True:
            await asyncio.sleep(self._pause())
            try:
                await self.publish()
            except Exception:  # the last stop: figures that are sent no more would go unnoticed for long
                self._failures += 1
                _log.exception("the figures could not be published")

    async def last(self) -> None:
        """Send what is there, the running second included, if that can be done at once."""
        self._window.close()
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.publish()
        except TimeoutError:
            _log.warning("the last figures were not sent in time", extra={"seconds": len(self._waiting)})

    async def publish(self) -> None:
        """Send what is closed, oldest first, until nothing waits or the control plane is away."""
        self._take()
        while self._waiting:
            batch = self._batch()
            try:
                await self._send(self._body(batch))
            except Away as error:
                if not self._failures:
                    _log.warning("the figures wait: the control plane is away", extra={"reason": str(error)})
                self._failures += 1
                return
            except Refused as error:
                self.lost += len(batch)
                _log.error("figures were given up", extra={"seconds": len(batch), "reason": str(error)})
            for _ in batch:
                self._drop_oldest()
            if self._failures:
                _log.info("the figures go on", extra={"waiting": len(self._waiting), "lost": self.lost})
            self._failures = 0
            self._take()

    def _pause(self) -> float:
        """Until a moment after the end of the running second; longer while the control plane is away."""
        now = self._window.clock()
        until_end = math.floor(now) + 1 + LAG_SECONDS - now
        return until_end + (AWAY_SECONDS if self._failures > 1 else 0.0)

    def _take(self) -> None:
        """Encode what was closed, and forget what waits for too long or takes too much memory."""
        self._window.roll()
        closed = self._window.closed
        while closed:
            second = closed.popleft()
            encoded = _encoded(second)
            self._waiting.append(_Waiting(second.number, encoded))
            self._waiting_bytes += len(encoded)
        oldest = math.floor(self._window.clock()) - SECONDS_KEPT
        while self._waiting and (self._waiting[0].number < oldest or self._waiting_bytes > KEPT_BYTES):
            self._drop_oldest()
            self.lost += 1

    def _drop_oldest(self) -> None:
        self._waiting_bytes -= len(self._waiting.popleft().encoded)

    def _batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        for one in self._waiting:
            size += len(one.encoded)
            if batch and (len(batch) >= BATCH_SECONDS or size > BATCH_BYTES):
                break
            batch.append(one)
        return batch

    def _body(self, batch: list[_Waiting]) -> bytes:
        seconds = [msgspec.Raw(one.encoded) for one in batch]
        return msgspec.json.encode(_Body(self.source, self._window.clock(), self._rank, seconds))


def _encoded(second: Second) -> bytes:
    figures = [
        Figure(one.requests, one.caller_errors, one.server_errors, one.packed(), *key)
        for key, one in second.counts.items()
    ]
    return msgspec.json.encode(_Numbered(second.number, figures))


class Link:
    """Posts JSON to one address of the control plane.

    Args:
        token: asked for at every request, because it may be renewed; may raise OSError.
    """

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._url = url
        self._token = token
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT,
            trust_env=False,
            verify=url.startswith("https"),
        )

    async def send(self, body: bytes) -> None:
        """Raises Away, Refused."""
        try:
            headers = {"authorization": f"Bearer {self._token()}", "content-type": "application/json"}
            response = await self._http.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise Away(f"{type(error).__name__}: {error}") from error
        if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE):
            raise Refused(f"it answered {response.status_code}: {response.text[:500]}")
        if not response.is_success:
            raise Away(f"it answered {response.status_code}: {response.text[:200]}")

    async def close(self) -> None:
        await self._http.aclose()
