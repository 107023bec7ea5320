"""Requests, responses, and the problems (RFC 9457) that handlers raise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
BODY_TIMEOUT_SECONDS = 30.0
RETRYABLE = frozenset({408, 429, 502, 503, 504})
"""Statuses of problems that may be gone at the next try."""
DISCARD_LIMIT_BYTES = 16 << 20
"""A body that is too large is read to its end up to here, because a client that still sends does not see the
answer when the connection closes under it."""


@dataclass(slots=True)
class Response:
    """A whole answer; bodies here are small."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: Headers = ()

    async def send(self, send: Send, extra: Headers = ()) -> None:
        length = str(len(self.body)).encode()
        headers = [(b"content-type", self.content_type), (b"content-length", length), *self.headers, *extra]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Problem(Exception):
    """An answer that says what is wrong: a stable code, and a sentence for people.

    `more` are further members of the document (`record`, `field`); `headers` go with the answer.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Headers = (), more: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.more = more or {}

    def response(self, request_id: str) -> Response:
        document = {
            "type": f"urn:bedplate:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "retryable": self.status in RETRYABLE,
            "request_id": request_id,
            **self.more,
        }
        return Response(msgspec.json.encode(document), self.status, PROBLEM_JSON, self.headers)


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


@dataclass(slots=True)
class Request:
    method: str
    path: str
    headers: dict[bytes, bytes]
    """By name in lower case."""
    request_id: str
    receive: Receive
    labels: dict[str, str] = field(default_factory=dict)
    """What the handler found out about the request, for logs and metrics."""
    waited_seconds: float = 0.0
    """For the caller, to send the body."""
    own_seconds: float = 0.0
    """From the request to its answer, without that wait; 0 before there is one."""

    def header(self, name: bytes) -> str:
        """Value of a header as text, empty when it is not there."""
        return self.headers.get(name, b"").decode("latin-1")

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises:
            Problem: 413 when it is longer than the limit, 408 when it does not arrive in time.
            ClientGone: the connection closed.
        """
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > DISCARD_LIMIT_BYTES:
            raise self._too_large(limit_bytes)
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                return await self._read(limit_bytes)
        except TimeoutError as error:
            detail = f"the body did not arrive within {BODY_TIMEOUT_SECONDS:.0f} seconds"
            raise Problem(408, "request_timeout", detail, headers=((b"connection", b"close"),)) from error
        finally:
            self.waited_seconds += time.perf_counter() - asked

    async def _read(self, limit_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            if size <= limit_bytes:
                chunks.append(chunk)
            elif size > DISCARD_LIMIT_BYTES:
                break
        if size > limit_bytes:
            raise self._too_large(limit_bytes)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    @staticmethod
    def _too_large(limit_bytes: int) -> Problem:
        detail = f"the body is longer than {limit_bytes} bytes"
        return Problem(413, "too_large", detail, headers=((b"connection", b"close"),))
