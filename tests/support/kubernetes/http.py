"""The HTTP/1.1 of the fake server: a thread a connection, keep-alive, bodies and chunked streams."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader
from urllib.parse import parse_qsl, unquote

import msgspec


@dataclass
class Request:
    """One request, read to its end."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    client: tuple[str, tuple[str, ...]] | None = None
    """User and groups of the client's certificate."""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()


@dataclass
class Response:
    """One answer; with `stream` its parts are sent as chunks, as they come."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Iterator[bytes] | None = None
    after: Callable[[], None] | None = None
    """Called when the stream has ended, however it did."""
    half: bool = False
    """Send a part of the body and drop the connection."""


class Dropped(Exception):
    """The connection is to be closed without (more of) an answer."""


def as_json(status: int, body: object, headers: list[tuple[str, str]] | None = None) -> Response:
    return Response(status, msgspec.json.encode(body), headers=headers or [])


class Listener:
    """Accepts connections of 127.0.0.1 and answers their requests by `answer`, which may raise `Dropped`."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[Request], Response], date: Callable[[], str]) -> None:
        self._context, self._answer, self._date = context, answer, date
        self._socket = _bound()
        self.port: int = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._here = threading.Event()
        self._here.set()
        self._thread = threading.Thread(target=self._accept, name="kubernetes-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._here.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop_all()
        if self._thread.is_alive():
            self._thread.join(5)

    def leave(self) -> None:
        """Refuse connections, as a server that is down; the port stays ours."""
        self._here.clear()
        self._socket.shutdown(socket.SHUT_RDWR)
        self.drop_all()

    def come_back(self) -> None:
        self._socket.listen(512)
        self._here.set()

    def drop_all(self) -> None:
        """Close every open connection, in whatever state it is."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                self._here.wait()
                continue
            threading.Thread(target=self._serve, args=(raw,), name="kubernetes-connection", daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with raw, self._context.wrap_socket(raw, server_side=True) as connection:
                with self._lock:
                    self._open.add(connection)
                try:
                    client = _client(connection)
                    with connection.makefile("rb") as reader:
                        while not self._closing and self._exchange(connection, reader, client):
                            continue
                finally:
                    with self._lock:
                        self._open.discard(connection)
        except (OSError, Dropped, ValueError):
            return

    def _exchange(
        self, connection: ssl.SSLSocket, reader: BufferedReader, client: tuple[str, tuple[str, ...]] | None
    ) -> bool:
        """One request and its answer; whether the connection goes on."""
        request = _read(reader)
        if request is None:
            return False
        request.client = client
        if request.headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        response = self._answer(request)
        keep = request.headers.get("connection", "").lower() != "close"
        head = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}", f"Date: {self._date()}"]
        if response.status != 204:
            head.append(f"Content-Type: {response.content_type}")
        head += [f"{name}: {value}" for name, value in response.headers]
        if response.stream is not None:
            self._stream(connection, head, response)
            return keep
        head.append(f"Content-Length: {len(response.body)}")
        whole = "\r\n".join(head).encode() + b"\r\n\r\n" + response.body
        if response.half:
            connection.sendall(whole[: len(whole) - max(1, len(response.body) // 2)])
            raise Dropped
        connection.sendall(whole)
        return keep

    def _stream(self, connection: ssl.SSLSocket, head: list[str], response: Response) -> None:
        assert response.stream is not None
        try:
            connection.sendall("\r\n".join([*head, "Transfer-Encoding: chunked"]).encode() + b"\r\n\r\n")
            for part in response.stream:
                if part:
                    connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
            connection.sendall(b"0\r\n\r\n")
        finally:
            if response.after is not None:
                response.after()


def _bound() -> socket.socket:
    """A listening socket that keeps its port while it does not listen: only a port that was asked for is kept."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        try:
            return socket.create_server(("127.0.0.1", port), backlog=512)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


def _client(connection: ssl.SSLSocket) -> tuple[str, tuple[str, ...]] | None:
    certificate = connection.getpeercert()
    if not certificate:
        return None
    parts: list[tuple[str, str]] = [pair for each in certificate["subject"] for pair in each]  # type: ignore[misc, union-attr]
    user = next(value for name, value in parts if name == "commonName")
    return user, tuple(value for name, value in parts if name == "organizationName")


def _read(reader: BufferedReader) -> Request | None:
    line = reader.readline(1 << 20)
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline(1 << 20)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _chunks(reader)
    else:
        body = reader.read(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body)


def _chunks(reader: BufferedReader) -> bytes:
    parts = []
    while size := int(reader.readline().split(b";")[0], 16):
        parts.append(reader.read(size))
        reader.readline()
    reader.readline()
    return b"".join(parts)
