"""A real HTTP server on loopback that misbehaves as a test says."""

from __future__ import annotations

import itertools
import json
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PREFIX = "/api/v1/runtime/attempts/self"
SUPERSEDED = {"code": "attempt_superseded", "title": "Attempt superseded", "status": 410}

Behaviour = Callable[["Handler"], None]


class MisbehavingApi:
    """Remembers every request; answers each path by its `behaviours`, and with an empty object by default."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[tuple[str, dict[str, Any], str]] = []
        """Path below the prefix, body, and the Authorization header."""
        self.behaviours: dict[str, Behaviour] = {}
        self.open = threading.Event()
        """Set at the end: what hangs may go on."""
        self.wrong: list[str] = []
        """Requests that are not as agreed; there must be none at the end."""
        self._server = Server(("127.0.0.1", port), type("BoundHandler", (Handler,), {"api": self}))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert self.wrong == []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def behave(self, behaviour: Behaviour, *paths: str) -> None:
        """Answer these paths so from now on; all of them when none is given."""
        for path in paths or ("/heartbeat", "/logs", "/exit"):
            self.behaviours[path] = behaviour

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for where, body, _ in list(self.requests) if where == path]

    def text(self) -> str:
        """The log as the control plane would store it: each chunk once, in the order of its number."""
        return "".join(chunk["text"] for chunk in self.chunks())

    def chunks(self) -> list[dict[str, Any]]:
        """By their number, each as it came. Fails when one number came with two contents."""
        found: dict[int, dict[str, Any]] = {}
        for body in self.bodies("/logs"):
            assert found.setdefault(body["sequence"], body) == body
        return [found[number] for number in sorted(found)]


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """The other side is killed in some tests; what it said wrong is in `wrong`."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: MisbehavingApi

    def do_POST(self) -> None:
        path, query = urlsplit(self.path).path.removeprefix(PREFIX), parse_qs(urlsplit(self.path).query)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if len(content) < int(self.headers["Content-Length"]):  # the other side was killed in the middle
            self.close_connection = True
            return
        try:
            body = self.chunk(query, content) if path == "/logs" else json.loads(content)
        except (AssertionError, ValueError) as error:
            self.api.wrong.append(f"{self.path} {dict(self.headers)} {content[:100]!r}: {error!r}")
            raise
        self.api.requests.append((path, body, self.headers.get("Authorization", "")))
        self.api.behaviours.get(path, answer(200, {}))(self)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix(PREFIX)
        self.api.requests.append((path, {}, self.headers.get("Authorization", "")))
        self.api.behaviours.get(path, answer(200, {}))(self)

    def chunk(self, query: dict[str, list[str]], content: bytes) -> dict[str, Any]:
        """The native form of a chunk of the log, held to what was agreed."""
        assert self.headers["Content-Type"] == "text/plain; charset=utf-8"
        encoding = self.headers.get("Content-Encoding", "")
        assert encoding in ("", "deflate")
        text = (zlib.decompress(content) if encoding else content).decode("utf-8")
        assert 0 < len(text.encode()) <= 2 << 20
        assert "\0" not in text
        numbers = {name: int(value) for name, [value] in query.items()}
        assert numbers.keys() == {"rank", "sequence", "first_line"}
        return {**numbers, "text": text}

    def say(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests read `api.requests`, not a log."""


def answer(status: int, body: Any) -> Behaviour:
    return lambda handler: handler.say(status, json.dumps(body).encode())


def garbage(handler: Handler) -> None:
    """A page where an object was due."""
    handler.say(200, b"<html>\xff\xfe nginx </html>", "text/html")


def not_http(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def silent(handler: Handler) -> None:
    """Takes the request and never answers."""
    handler.api.open.wait()
    handler.close_connection = True


def by_turns(*behaviours: Behaviour) -> Behaviour:
    """One after the other, over and over."""
    turns = itertools.cycle(behaviours)
    return lambda handler: next(turns)(handler)


def endless(handler: Handler) -> None:
    """Answers for ever, fast."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    try:
        while not handler.api.open.is_set():
            handler.wfile.write(b" " * 65536)
    except OSError:  # the other side had enough
        return
