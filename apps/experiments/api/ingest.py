"""Metric points from jobs: `POST /api/v1/runtime/metrics`, a plain ASGI app beside Django.

    {"rank": 0, "sequence": 7, "points": [
        {"key": "train/loss", "steps": [1, 2], "values": [0.5, 0.4], "times": [1772443800.0, 1772443800.4]}]}
    → 200 {"accepted": 2}

The attempt token says which run. A batch is kept once per (attempt, rank, sequence): sending it again is answered
alike and changes nothing. Values are finite numbers, because JSON has no others; a job that meets NaN says so in its
log. Errors are problems as everywhere; 4 MiB, 10,000 points and 1,000 metrics of a run are the limits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from django.db import connection as django_connection
from prometheus_client import Counter, Histogram
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from apps.common.context import request_id
from apps.common.errors import BedplateError, Invalid, TooLarge, Unauthenticated, Unavailable
from apps.common.problems import CONTENT_TYPE, problem_body
from apps.experiments.services.metric_batches import Series, batch_store
from apps.quotas.services import attempt_tokens

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 4 << 20
POINTS_MOST = 10_000
TOKEN_SECONDS = 5.0
TOKENS_MOST = 10_000
POOL_SIZE = 4
POOL_WAIT_SECONDS = 5.0

BATCHES = Counter("bedplate_metric_batches", "Batches of metric points answered, by status.", ["status"])
POINTS = Counter("bedplate_metric_points", "Metric points accepted, those sent again included.")
SECONDS = Histogram(
    "bedplate_metric_batch_seconds",
    "Time per batch.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Step = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class PointsIn(msgspec.Struct):
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    steps: list[Step]
    values: list[float]
    times: list[float]


class BatchIn(msgspec.Struct):
    rank: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    sequence: Number
    points: list[PointsIn]


class MethodNotAllowed(BedplateError):
    code, status, title = "method_not_allowed", 405, "Send a POST"


class ClientGone(Exception):
    """Nobody waits for the answer."""


class IngestApp:
    """One per process. Its pool opens with the first request, in the loop that serves it.

    Args:
        conninfo: keyword arguments of a psycopg connection; by default those of Django's database.
        pool_wait_seconds: how long a batch waits for a connection.
    """

    def __init__(
        self, conninfo: Callable[[], dict[str, Any]] | None = None, *, pool_wait_seconds: float = POOL_WAIT_SECONDS
    ) -> None:
        self._conninfo = conninfo or _django_conninfo
        self._pool_wait_seconds = pool_wait_seconds
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()
        self._tokens: OrderedDict[str, tuple[UUID, float]] = OrderedDict()
        self._decoder = msgspec.json.Decoder(BatchIn)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        known, started = request_id.set(_request_id(headers)), time.perf_counter()
        try:
            accepted = await self._handle(scope, headers, receive)
            status, content_type, body = 200, "application/json", msgspec.json.encode({"accepted": accepted})
        except ClientGone:
            return
        except BedplateError as error:
            status, content_type, body = error.status, CONTENT_TYPE, msgspec.json.encode(problem_body(error))
        except Exception:
            log.exception("a batch of metric points could not be kept")
            failure = BedplateError("The control plane failed; its log has the cause under this request id.")
            status, content_type, body = failure.status, CONTENT_TYPE, msgspec.json.encode(problem_body(failure))
        try:
            await _answer(send, status, content_type, body)
        finally:
            BATCHES.labels(str(status)).inc()
            SECONDS.observe(time.perf_counter() - started)
            request_id.reset(known)

    async def close(self) -> None:
        """Close the pool; a later request opens another."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _handle(self, scope: Message, headers: dict[bytes, bytes], receive: Receive) -> int:
        if scope["method"] != "POST":
            raise MethodNotAllowed
        attempt_id = self._attempt_of(headers)
        batch = self._decode(await _body(headers, receive))
        series = _series(batch)
        if series:
            await self._store(attempt_id, batch, series)
        accepted = sum(len(one.steps) for one in series)
        POINTS.inc(accepted)
        return accepted

    async def _store(self, attempt_id: UUID, batch: BatchIn, series: list[Series]) -> None:
        try:
            pool = await self._opened()
            async with pool.connection() as connection:
                await batch_store(
                    connection, attempt_id=attempt_id, rank=batch.rank, sequence=batch.sequence, series=series
                )
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Unavailable("the database did not answer in time") from error

    async def _opened(self) -> AsyncConnectionPool[Any]:
        async with self._opening:
            if self._pool is None:
                pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
                    kwargs={**self._conninfo(), "autocommit": True},
                    min_size=1,
                    max_size=POOL_SIZE,
                    timeout=self._pool_wait_seconds,
                    name="metrics",
                    open=False,
                )
                await pool.open()
                self._pool = pool
            return self._pool

    def _attempt_of(self, headers: dict[bytes, bytes]) -> UUID:
        """The attempt of a valid token; whether it is still current is seen when the batch is stored."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        known, now = self._tokens.get(token), time.monotonic()
        if known is not None and now < known[1]:
            return known[0]
        attempt_id = attempt_tokens.verify(token)
        self._tokens[token] = (attempt_id, now + TOKEN_SECONDS)
        self._tokens.move_to_end(token)
        while len(self._tokens) > TOKENS_MOST:
            self._tokens.popitem(last=False)
        return attempt_id

    def _decode(self, body: bytes) -> BatchIn:
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"not a batch of metric points: {error}") from error


def _series(batch: BatchIn) -> list[Series]:
    """The points by key; raises Invalid."""
    found: dict[str, Series] = {}
    count = 0
    for points in batch.points:
        if not len(points.steps) == len(points.values) == len(points.times):
            raise Invalid(f"{points.key!r}: steps, values and times are lists of one length")
        if "\x00" in points.key:
            raise Invalid("the name of a metric has no NUL character")
        count += len(points.steps)
        if not points.steps:
            continue
        one = found.setdefault(points.key, Series(points.key, [], [], []))
        one.steps.extend(points.steps)
        one.values.extend(points.values)
        one.times.extend(points.times)
    if count > POINTS_MOST:
        raise Invalid(f"{count} points in one batch; at most {POINTS_MOST}")
    return list(found.values())


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """Raises TooLarge as soon as it is known, and ClientGone."""
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > BODY_LIMIT_BYTES:
        raise TooLarge(f"a batch is at most {BODY_LIMIT_BYTES} bytes")
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            raise TooLarge(f"a batch is at most {BODY_LIMIT_BYTES} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.get().encode()),
    ]
    if status == Unauthenticated.status:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _request_id(headers: dict[bytes, bytes]) -> str:
    offered = headers.get(b"x-request-id", b"").decode("latin-1")
    return offered if 0 < len(offered) <= 128 and offered.isascii() and offered.isprintable() else uuid4().hex


def _django_conninfo() -> dict[str, Any]:
    """How Django reaches the database, without its pool."""
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


application = IngestApp()
