"""The handler of the gateway: who asks, for what, and which replica answers."""

from __future__ import annotations

import time
import uuid

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from workers.runtime.gateway.access import Access
from workers.runtime.gateway.control_plane import ControlPlane, ControlPlaneAway, EndpointRoute, RevisionRoute, Routes
from workers.runtime.gateway.forwarding import EndpointGone, Forwarder, NoReadyReplica, Unanswered
from workers.runtime.gateway.routes import RouteTable
from workers.runtime.gateway.upstream import TimedOut, Upstream
from workers.runtime.web.figures import Window
from workers.runtime.web.messages import Headers, Problem, Request, Response
from workers.runtime.web.service import Service

BODY_LIMIT_BYTES = 4 << 20
IN_FLIGHT_LIMIT = 512
"""Each may hold a body of 4 MiB; beyond it requests are turned away rather than memory filled."""
TOKEN_LIMIT = 512
NO_ENDPOINT = str(uuid.UUID(int=0))
"""Asked about for an endpoint that is not in the table, so that it takes as long as one that is not allowed."""
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROUTE_LABELS = ("project", "endpoint", "revision")
FORWARDED = (b"accept", b"content-type", b"traceparent", b"tracestate")
"""Headers that a replica gets. It never gets the caller's token."""
RETURNED = (b"retry-after", b"traceresponse")


class Gateway:
    """Answers `POST /{project}/{endpoint}/predict`."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.table = RouteTable(control_plane.routes, self._on_routes)
        self.upstream = Upstream()
        self.window = Window()
        self._access = Access(control_plane.authorize)
        self._forwarder = Forwarder(self.table, self.upstream, self._on_retry)
        registry = CollectorRegistry()
        self.service = Service(registry, handler=self.handle, readiness=self._readiness, observer=self._observe)
        self._requests = Counter(
            "bedplate_gateway_requests", "Requests answered.", [*ROUTE_LABELS, "status"], registry=registry
        )
        self._errors = Counter(
            "bedplate_gateway_errors", "Problems answered, by code.", [*ROUTE_LABELS, "code"], registry=registry
        )
        self._seconds = Histogram(
            "bedplate_gateway_request_duration_seconds",
            "From request to answer.",
            ROUTE_LABELS,
            buckets=BUCKETS,
            registry=registry,
        )
        self._retries = Counter(
            "bedplate_gateway_retries", "Tries that had to be repeated.", [*ROUTE_LABELS, "reason"], registry=registry
        )
        in_flight = Gauge("bedplate_gateway_requests_in_flight", "Requests not answered yet.", registry=registry)
        in_flight.set_function(lambda: self.service.in_flight)
        age = Gauge("bedplate_gateway_routes_age_seconds", "Since the table was last confirmed.", registry=registry)
        age.set_function(lambda: time.monotonic() - self.table.confirmed_at)

    async def handle(self, request: Request) -> Response:
        """Raises Problem for every request that no replica answered."""
        project, endpoint = _address(request)
        token = _bearer(request)
        if self.service.in_flight > IN_FLIGHT_LIMIT:
            raise _unavailable("overloaded", f"more than {IN_FLIGHT_LIMIT} requests wait for an answer")
        route = await self._allowed_route(project, endpoint, token)
        request.labels.update(project=project, endpoint=endpoint, endpoint_id=route.endpoint_id)
        body = await request.body(BODY_LIMIT_BYTES)
        headers = {name.decode(): request.header(name) for name in FORWARDED if name in request.headers}
        headers["x-request-id"] = request.request_id
        try:
            done = await self._forwarder.post(route, "/predict", headers, body)
        except NoReadyReplica as error:
            raise _unavailable("no_ready_replica", "no replica of the endpoint took the request in time") from error
        except EndpointGone as error:
            raise _not_found() from error
        except Unanswered as error:
            _note(request, error.revision)
            if isinstance(error.__cause__, TimedOut):
                raise Problem(504, "upstream_timeout", f"the replica gave {error.__cause__}") from error
            raise Problem(502, "upstream_broken", str(error.__cause__)) from error
        _note(request, done.revision)
        extra: Headers = ((b"x-bedplate-revision", request.labels["revision"].encode()),)
        extra += tuple((name, done.answer.headers[name]) for name in RETURNED if name in done.answer.headers)
        content_type = done.answer.headers.get(b"content-type", b"application/octet-stream")
        return Response(done.answer.body, done.answer.status, content_type, extra)

    async def _allowed_route(self, project: str, endpoint: str, token: str) -> EndpointRoute:
        """Unknown and not allowed end the same way. Raises Problem."""
        route = self.table.find(project, endpoint)
        if route is None:  # it may be new
            await self.table.newer_than(time.monotonic())
            route = self.table.find(project, endpoint)
        if not self.table.loaded:
            raise _unavailable("not_ready", "the gateway has not heard from the control plane yet")
        try:
            grant = await self._access.grant(token, route.endpoint_id if route else NO_ENDPOINT)
        except ControlPlaneAway as error:
            raise _unavailable("unavailable", "the control plane cannot be asked about this token now") from error
        if route is None or not grant.allowed:
            raise _not_found()
        return route

    def _readiness(self) -> str:
        return "" if self.table.loaded else "the control plane has not answered yet"

    def _on_routes(self, routes: Routes) -> None:
        revisions = [revision for route in routes.endpoints for revision in route.revisions]
        self.upstream.keep_only({address for revision in revisions for address in revision.replicas})
        self._forwarder.balancer.keep_only({revision.revision_id for revision in revisions})

    def _on_retry(self, route: EndpointRoute, revision: RevisionRoute, reason: str) -> None:
        self._retries.labels(route.project, route.endpoint, str(revision.number), reason).inc()

    def _observe(self, request: Request, response: Response, seconds: float) -> None:
        labels = [request.labels.get(name, "") for name in ROUTE_LABELS]
        self._requests.labels(*labels, str(response.status)).inc()
        self._seconds.labels(*labels).observe(seconds)
        if "code" in request.labels:
            self._errors.labels(*labels, request.labels["code"]).inc()
        if "endpoint_id" in request.labels:  # whoever was not let in is no traffic of the endpoint
            key = (request.labels["endpoint_id"], request.labels.get("revision_id", ""))
            self.window.add(key, response.status, request.own_seconds)


def _note(request: Request, revision: RevisionRoute) -> None:
    """Which revision got the request."""
    request.labels.update(revision=str(revision.number), revision_id=revision.revision_id)


def _address(request: Request) -> tuple[str, str]:
    """Project and endpoint of the path. Raises Problem."""
    parts = request.path.split("/")
    if len(parts) != 4 or parts[3] != "predict" or not (parts[1] and parts[2]):
        raise _not_found()
    if request.method != "POST":
        raise Problem(405, "method_not_allowed", "send a POST", headers=((b"allow", b"POST"),))
    return parts[1], parts[2]


def _bearer(request: Request) -> str:
    """The caller's token. Raises Problem."""
    scheme, _, token = request.header(b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token.strip()) <= TOKEN_LIMIT:
        detail = "send your API token: Authorization: Bearer <token>"
        raise Problem(401, "unauthenticated", detail, headers=((b"www-authenticate", b"Bearer"),))
    return token.strip()


def _not_found() -> Problem:
    return Problem(
        404, "not_found", "there is no such endpoint, or you may not use it: POST /{project}/{endpoint}/predict"
    )


def _unavailable(code: str, detail: str) -> Problem:
    return Problem(503, code, detail, headers=((b"retry-after", b"1"),))
