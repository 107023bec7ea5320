"""Small bodies posted again and again over one connection, for a twentieth of what a client for everything costs.

What runs in a job's background takes its turn of the interpreter from the loop that trains. This speaks the plain form
of HTTP/1.1 only; whoever answers in another way is for such a client, and `Unusual` says so.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

HEAD_MOST_BYTES, CONTENT_MOST_BYTES = 1 << 16, 1 << 20
PIECE_BYTES = 1 << 16
PORTS = {"http": 80, "https": 443}


class Unusual(Exception):
    """An answer was not in the plain form: of known length, after a head of HTTP/1.1. It was not read."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    reason: str
    headers: dict[str, str]
    """By their names in small letters; of two of a name the last."""
    content: bytes


class Poster:
    """Posts below one address. Safe to use from several threads, which then wait for each other.

    Nothing is read from the environment, proxies included.

    Args:
        url: what every path is added to.
        timeout_seconds: of connecting, and of each piece that is sent or received.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._prefix, self._place = parts.path, parts.netloc
        self._address = (parts.hostname or "", parts.port or PORTS[parts.scheme])
        self._is_secure = parts.scheme == "https"
        self._tls: ssl.SSLContext | None = None  # costs 70 ms: made when it is needed
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self._pid = 0
        self._is_unusual = False

    def post(self, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        """The answer, whatever its status.

        Where a connection turns out to be closed that was open before, the body is sent once more on another one, so it
        must be one that may come twice.

        Raises:
            OSError: there was no answer.
            Unusual: see there; it may have been done. Every later call raises it at once: who is between stays.
        """
        if self._is_unusual:
            raise Unusual
        lines = {"Host": self._place, **headers, "Content-Length": str(len(content))}
        head = f"POST {self._prefix}{path} HTTP/1.1\r\n" + "".join(f"{name}: {lines[name]}\r\n" for name in lines)
        request = f"{head}\r\n".encode("latin-1") + content
        with self._lock:
            found = self._still_open()
            if found is not None:
                with contextlib.suppress(ConnectionError):
                    return self._exchange(found, request)
            return self._exchange(self._connect(), request)

    def close(self) -> None:
        """Let go of the connection. A later call makes another one."""
        found, self._open = self._open, None
        if found is not None:
            found.close()

    # Below ------------------------------------------------------------------------------------------------------

    def _still_open(self) -> socket.socket | None:
        """The connection, where it looks alive: one that has something to read was closed, and a parent's is no use."""
        if self._open is not None and (self._pid != os.getpid() or _can_be_read(self._open)):
            self.close()
        return self._open

    def _connect(self) -> socket.socket:
        self.close()
        made = self._open = socket.create_connection(self._address, self._timeout_seconds)
        self._pid = os.getpid()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_secure:
            self._tls = self._tls or httpx.create_ssl_context(trust_env=False)
            made = self._open = self._tls.wrap_socket(made, server_hostname=self._address[0])
        return made

    def _exchange(self, connection: socket.socket, request: bytes) -> Answer:
        try:
            connection.sendall(request)
            answer = _answer(connection)
        except BaseException as error:
            self._is_unusual = isinstance(error, Unusual)
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer


def _answer(connection: socket.socket) -> Answer:
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        if len(got) > HEAD_MOST_BYTES:
            raise Unusual
        got += _piece(connection)
    first, *others = got[:end].decode("latin-1").split("\r\n")
    version, _, said = first.partition(" ")
    status, _, reason = said.partition(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in others)}
    length = headers.get("content-length", "")
    is_plain = version == "HTTP/1.1" and len(status) == 3 and status >= "200" and (status + length).isdecimal()
    if not is_plain or not length or "transfer-encoding" in headers or int(length) > CONTENT_MOST_BYTES:
        raise Unusual
    content = got[end + 4 :]
    while len(content) < int(length):
        content += _piece(connection)
    return Answer(int(status), reason, headers, content[: int(length)])


def _can_be_read(connection: socket.socket) -> bool:
    looking = select.poll()  # as `select` it would not do where a job has a thousand files open
    looking.register(connection, select.POLLIN)
    return bool(looking.poll(0))


def _piece(connection: socket.socket) -> bytes:
    if found := connection.recv(PIECE_BYTES):
        return found
    raise ConnectionResetError("the connection was closed before there was an answer")
