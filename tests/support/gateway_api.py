"""Real servers around a gateway: a control plane (routes, authorize, figures), and replicas that misbehave."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

TOKEN = "gateway-token-of-the-tests"


class Server:
    """An HTTP server in a thread, which can be stopped, connections and all, and started again on its port."""

    def __init__(self) -> None:
        self.port = 0
        self._server: _HttpServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = _HttpServer(("127.0.0.1", self.port), self.answer)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        raise AssertionError("a server of the tests says what it answers")


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> None:
        super().__init__(address, _handler(answer))
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def cut(self) -> None:
        """End every connection, as the end of a process does."""
        for connection in list(self._open):
            self._open.discard(connection)
            with contextlib.suppress(OSError):  # the other end, or its handler, was faster
                connection.shutdown(socket.SHUT_RDWR)


def _handler(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            answer(self, b"")

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def log_message(self, *_: object) -> None:
            """Tests read what the servers remember, not a log."""

    return Handler


def reply(request: BaseHTTPRequestHandler, status: int, document: Any, **headers: str) -> None:
    content = b"" if status == 304 else json.dumps(document).encode()
    request.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)


class ControlPlane(Server):
    """Routes with an ETag, and grants. `grants` maps a caller's token to the endpoints that it may call."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoints: dict[tuple[str, str], dict[str, Any]] = {}
        self.grants: dict[str, set[str]] = {}
        self.ttl_seconds = 30.0
        self.route_statuses: list[int] = []
        self.asked: list[tuple[str, str]] = []
        """Every (token, endpoint id) that was asked about."""
        self.figures_mood = "well"
        """`well`, `away` (503), `slow` (no answer in time), `silent` (kept, and 503), `refuses` (400)."""
        self.figures: dict[tuple[str, int, str, str], dict[str, Any]] = {}
        """By source, second, endpoint and revision, as first sent."""
        self.figures_sent: list[tuple[str, list[int]]] = []
        """Of every request of the gateway with figures: the mood, and the seconds in it."""
        self.ended = threading.Event()

    def start(self) -> None:
        self.ended.clear()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.ended.set()

    def figures_of(self, endpoint_id: str) -> dict[str, Any]:
        """Sums over all seconds: requests and errors, and requests by revision."""
        found: dict[str, Any] = {"requests": 0, "caller_errors": 0, "server_errors": 0, "revisions": {}}
        for (_, _, endpoint, revision), figure in list(self.figures.items()):
            if endpoint == endpoint_id:
                for name in ("requests", "caller_errors", "server_errors"):
                    found[name] += figure[name]
                if figure["requests"]:
                    revisions = found["revisions"]
                    revisions[revision] = revisions.get(revision, 0) + figure["requests"]
        return found

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def add(self, project: str, endpoint: str, *revisions: tuple[int, list[str]], caller: str = "") -> str:
        """Serve an endpoint: per revision its weight and replicas; returns the id. `caller` may use it."""
        endpoint_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project}/{endpoint}"))
        self.endpoints[project, endpoint] = {
            "project": project,
            "endpoint": endpoint,
            "endpoint_id": endpoint_id,
            "revisions": [
                {"revision_id": f"{endpoint_id}-{number}", "number": number, "weight": weight, "replicas": replicas}
                for number, (weight, replicas) in enumerate(revisions, 1)
            ],
        }
        if caller:
            self.grants.setdefault(caller, set()).add(endpoint_id)
        return endpoint_id

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        path = request.path.removeprefix("/api/v1/runtime/gateway")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            reply(request, 401, {"code": "unauthenticated"})
        elif path == "/routes":
            table = {"endpoints": list(self.endpoints.values())}
            etag = f'"{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(table))}"'
            status = 304 if request.headers.get("If-None-Match") == etag else 200
            self.route_statuses.append(status)
            reply(request, status, table, ETag=etag)
        elif path == "/authorize":
            asked = json.loads(body)
            self.asked.append((asked["token"], asked["endpoint_id"]))
            allowed = asked["endpoint_id"] in self.grants.get(asked["token"], set())
            user = "demo" if allowed else ""
            reply(request, 200, {"allowed": allowed, "user": user, "ttl_seconds": self.ttl_seconds})
        elif path == "/figures":
            self._take_figures(request, json.loads(body))
        else:
            reply(request, 404, {"code": "not_found"})

    def _take_figures(self, request: BaseHTTPRequestHandler, sent: dict[str, Any]) -> None:
        mood = self.figures_mood
        self.figures_sent.append((mood, [second["number"] for second in sent["seconds"]]))
        if mood in ("well", "silent"):
            for second in sent["seconds"]:
                for one in second["figures"]:
                    key = (sent["source"], second["number"], one.get("endpoint", ""), one.get("revision", ""))
                    self.figures.setdefault(key, one)
        if mood == "slow":
            self.ended.wait(10)
        if mood == "well":
            reply(request, 200, {"accepted": 1})
        elif mood == "refuses":
            reply(request, 400, {"code": "invalid", "detail": "seconds[0]: no"})
        else:
            reply(request, 503, {"code": "unavailable"})


class Replica(Server):
    """Answers with its name and what it got; `mood` makes it refuse, or break the connection."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.mood = "well"
        self.requests: list[dict[str, Any]] = []
        """Path, headers and body of every request."""
        self.ended = threading.Event()

    def start(self) -> None:
        self.ended.clear()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.ended.set()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append({"path": request.path, "headers": headers, "body": body.decode()})
        if self.mood == "well":
            reply(request, 200, {"replica": self.name})
        elif self.mood == "invalid":
            reply(request, 422, {"code": "invalid_record", "record": 3})
        elif self.mood == "not ready":
            reply(request, 503, {"code": "not_ready"})
        elif self.mood == "waits":
            self.ended.wait(40)
            request.close_connection = True
        else:
            if self.mood == "breaks":
                request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            request.close_connection = True  # "dies": nothing was answered
