"""What jobs send in bulk is taken by small ASGI apps beside Django: one address, one method, an attempt's token.

An app derives from `BulkApp` and says what it does with a body. The rest is here: the token, limits and back-pressure,
errors as problems, request ids, counters. The database is reached over connections of its own (`apps.common.lanes`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import msgspec
from django.db import connection as django_connection
from prometheus_client import Counter, Histogram

from apps.common.context import request_id
from apps.common.errors import BedplateError, Invalid, TooLarge, Unauthenticated
from apps.common.lanes import Allowance
from apps.common.problems import CONTENT_TYPE, problem_body

log = logging.getLogger(__name__)

TOKEN_SECONDS = 5.0
TOKENS_MOST = 10_000
BODY_SECONDS = 30.0
"""How long a body may take to arrive."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TOTAL_BYTES = 64 << 20
SENDER_BYTES = 16 << 20

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class MethodNotAllowed(BedplateError):
    code, status, title = "method_not_allowed", 405, "Send a POST"


class TooSlow(BedplateError):
    code, status, title = "request_timeout", 408, "The body took too long to arrive"
    retryable = True


class ClientGone(Exception):
    """Nobody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request with its whole body."""

    attempt_id: Any
    """Of a valid token; whether it is still the open one is seen when something is stored. Or what an app takes for
    its sender."""
    headers: dict[bytes, bytes]
    """By name in lower case."""
    query: bytes
    body: bytes

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()

    def number(self, name: str, default: int | None = None) -> int:
        """A number of the query, at least 0; raises Invalid."""
        found = parse_qs(self.query.decode("latin-1"), keep_blank_values=True).get(name, [])
        if not found and default is not None:
            return default
        if len(found) != 1 or not (found[0].isascii() and found[0].isdigit() and len(found[0]) <= 19):
            raise Invalid(f"{name}: a number, at least 0, once", fields={name: ["a number, at least 0"]})
        return int(found[0])


def attempt_of_nobody(token: str) -> UUID:
    """For apps that look at tokens in their own way. Raises Unauthenticated."""
    raise Unauthenticated


class BulkApp(ABC):
    """One per process and address.

    Args:
        verify: token → attempt; raises Unauthenticated. Its answers are kept for seconds.
    """

    body_bytes_most: ClassVar[int]
    answers: ClassVar[Counter]
    """By status."""
    seconds: ClassVar[Histogram]

    def __init__(self, verify: Callable[[str], UUID] = attempt_of_nobody) -> None:
        self._verify = verify
        self._tokens: OrderedDict[str, tuple[UUID, float]] = OrderedDict()
        self.allowance = Allowance(total_bytes=TOTAL_BYTES, sender_bytes=SENDER_BYTES)

    @abstractmethod
    async def take(self, request: Incoming) -> Any:
        """Keep what was sent; returns what is answered, as JSON. Raises BedplateError."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what it holds; a later request takes it again."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        known, started = request_id.set(_request_id(headers)), time.perf_counter()
        more: list[tuple[bytes, bytes]] = []
        try:
            status, content_type = 200, "application/json"
            body = msgspec.json.encode(await self._handle(scope, headers, receive))
        except ClientGone:
            request_id.reset(known)
            return
        except BedplateError as error:
            status, content_type, body, more = self.refusal(error)
        except Exception:
            log.exception("what a job sent could not be kept")
            failure = BedplateError("The control plane failed; its log has the cause under this request id.")
            status, content_type, body, more = self.refusal(failure)
        try:
            await _answer(send, status, content_type, body, more)
        finally:
            self.answers.labels(str(status)).inc()
            self.seconds.observe(time.perf_counter() - started)
            request_id.reset(known)

    async def _handle(self, scope: Message, headers: dict[bytes, bytes], receive: Receive) -> Any:
        if scope["method"] != "POST":
            raise MethodNotAllowed
        attempt_id = await self.sender_of(headers)
        size = self._size(headers)
        with self._allowed(attempt_id, size):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await self._body(receive, size)
            except TimeoutError:
                raise TooSlow from None
            return await self.take(Incoming(attempt_id, headers, scope.get("query_string", b""), body))

    @contextmanager
    def _allowed(self, attempt_id: UUID, size: int) -> Iterator[None]:
        self.allowance.take(attempt_id, size)
        try:
            yield
        finally:
            self.allowance.give_back(attempt_id, size)

    def _size(self, headers: dict[bytes, bytes]) -> int:
        """What the body will have at most; raises TooLarge when that is known to be too much."""
        announced = headers.get(b"content-length", b"")
        if not announced.isdigit():
            return self.body_bytes_most
        if int(announced) > self.body_bytes_most:
            raise TooLarge(f"A body has at most {self.body_bytes_most} bytes.")
        return int(announced)

    async def _body(self, receive: Receive, most: int) -> bytes:
        """Raises TooLarge as soon as it is known, and ClientGone."""
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise TooLarge(f"A body has at most {self.body_bytes_most} bytes, and as many as its header says.")
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def sender_of(self, headers: dict[bytes, bytes]) -> Any:
        """Who sends, before the body is read; its allowance is counted by it. Raises Unauthenticated."""
        return self._attempt_of(headers)

    def refusal(self, error: BedplateError) -> tuple[int, str, bytes, list[tuple[bytes, bytes]]]:
        """Status, type, body and more headers of an error."""
        return _refusal(error)

    def _attempt_of(self, headers: dict[bytes, bytes]) -> UUID:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        known, now = self._tokens.get(token), time.monotonic()
        if known is not None and now < known[1]:
            return known[0]
        attempt_id = self._verify(token)
        self._tokens[token] = (attempt_id, now + TOKEN_SECONDS)
        self._tokens.move_to_end(token)
        while len(self._tokens) > TOKENS_MOST:
            self._tokens.popitem(last=False)
        return attempt_id


def django_conninfo() -> dict[str, Any]:
    """How Django reaches the database, without its pool: keyword arguments of a psycopg connection."""
    database = django_connection.settings_dict
    options = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    return {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
        **options,
    }


def _refusal(error: BedplateError) -> tuple[int, str, bytes, list[tuple[bytes, bytes]]]:
    more = [(b"www-authenticate", b"Bearer")] if isinstance(error, Unauthenticated) else []
    wait = getattr(error, "wait", None)
    if wait is not None:
        more.append((b"retry-after", str(wait).encode()))
    return error.status, CONTENT_TYPE, msgspec.json.encode(problem_body(error)), more


async def _answer(send: Send, status: int, content_type: str, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.get().encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _request_id(headers: dict[bytes, bytes]) -> str:
    offered = headers.get(b"x-request-id", b"").decode("latin-1")
    return offered if 0 < len(offered) <= 128 and offered.isascii() and offered.isprintable() else uuid4().hex
