"""One health check of a replica, without waiting: a GET on loopback, one step at a time."""

from __future__ import annotations

import select
import socket
import time

ANSWER_SECONDS = 2.0


class Probe:
    """Asks once; `step` until it says yes or no."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self.deadline = time.monotonic() + ANSWER_SECONDS
        self._request = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        self._answer = b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.connect_ex((host, port))  # what goes wrong here is said again by the first step

    @property
    def waits_for(self) -> tuple[int, int]:
        """The descriptor, and the event after which `step` may get further."""
        return self._socket.fileno(), select.POLLOUT if self._request else select.POLLIN

    def step(self) -> bool | None:
        """True: it answered 200. False: it answered otherwise, or not at all. None: not yet."""
        try:
            while self._request:
                self._request = self._request[self._socket.send(self._request) :]
            while b"\n" not in self._answer:
                part = self._socket.recv(4096)
                if not part:
                    break
                self._answer += part
        except BlockingIOError:
            return None if time.monotonic() < self.deadline else False
        except OSError:
            return False
        return self._answer.split(maxsplit=2)[1:2] == [b"200"]

    def close(self) -> None:
        self._socket.close()
