"""The ASGI application around a handler: `/livez`, `/readyz`, `/metrics`, request ids, errors as problems, logs."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from workers.runtime.web.messages import ClientGone, Headers, Problem, Receive, Request, Response, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]
Readiness = Callable[[], str]
"""Why the server cannot take requests yet; empty when it can."""
Observer = Callable[[Request, Response, float], None]
"""Told of every answered request and how long it took in seconds."""

CLIENT_CLOSED = 499
"""Status noted (never sent) for a request whose client went away."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("bedplate.web")
# A second series for every counter, which says nothing here.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Service:
    """Health and metrics of one server, and its handler for every other path.

    `draining` is set when the process was told to leave: `/readyz` says so, and connections are not kept.
    """

    def __init__(
        self, registry: CollectorRegistry, *, handler: Handler, readiness: Readiness, observer: Observer
    ) -> None:
        self.registry = registry
        self.draining = False
        self.in_flight = 0
        self._handler = handler
        self._readiness = readiness
        self._observer = observer
        ProcessCollector(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"this server speaks HTTP only, not {scope['type']}")
        request = _request(scope, receive)
        if request.path in ("/livez", "/readyz", "/metrics"):
            await self._own(request.path).send(send)
            return
        started = time.perf_counter()
        self.in_flight += 1
        try:
            response = await self._answer(request)
            request.own_seconds = time.perf_counter() - started - request.waited_seconds
            extra: Headers = ((b"x-request-id", request.request_id.encode()),)
            if self.draining:
                extra = (*extra, (b"connection", b"close"))
            await response.send(send, extra)
        finally:
            self.in_flight -= 1
        seconds = time.perf_counter() - started
        self._observer(request, response, seconds)
        self._note(request, response, seconds)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Problem as problem:
            request.labels["code"] = problem.code
            return problem.response(request.request_id)
        except ClientGone:
            return Response(b"", CLIENT_CLOSED)
        except Exception:  # the last stop: whatever goes wrong in one request must not reach its neighbours
            _log.exception("a request failed", extra={"request_id": request.request_id, "path": request.path})
            request.labels["code"] = "internal_error"
            detail = "the server failed on this request; its log has the request id"
            return Problem(500, "internal_error", detail).response(request.request_id)

    def _own(self, path: str) -> Response:
        if path == "/metrics":
            return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST.encode())
        reason = "" if path == "/livez" else "draining" if self.draining else self._readiness()
        if reason:
            return Problem(503, "not_ready", reason, headers=((b"retry-after", b"1"),)).response("")
        return Response(b'{"status":"ok"}')

    def _note(self, request: Request, response: Response, seconds: float) -> None:
        level = logging.WARNING if response.status >= 500 else logging.DEBUG
        if not _log.isEnabledFor(level):
            return
        fields = {
            "request_id": request.request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "duration_seconds": round(seconds, 6),
            **request.labels,
        }
        _log.log(level, "request", extra=fields)


def _request(scope: Scope, receive: Receive) -> Request:
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"")
    request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    return Request(scope["method"], scope["path"], headers, request_id, receive)
