"""A TCP proxy that a test can cut, hang and mend, between a client and a server that know nothing of it."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset, not a goodbye."""


class Proxy:
    """Forwards to `port` on loopback. Leaving the block ends it with all its connections."""

    def __init__(self, port: int) -> None:
        self.target_port = port
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self.refused = 0
        """Connections that were turned away, or begun while nothing flowed."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self.reset()

    def cut(self) -> None:
        """Every connection is reset, new ones are turned away: a network that says no."""
        self._refuses = True
        self.reset()

    def hang(self) -> None:
        """Connections stay and new ones are taken, but nothing gets through any more: a network that says nothing."""
        self._flows.clear()

    def reset(self) -> None:
        """Every connection is reset now; new ones are as before."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with suppress(OSError):  # closed already
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def mend(self) -> None:
        """All is as in the beginning; what was held back goes on."""
        self._refuses = False
        self._flows.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # the test is over
                return
            self.refused += self._refuses or not self._flows.is_set()
            if self._refuses:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            except OSError:  # the server is away, and so are we
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for source, target in (pair, pair[::-1]):
                threading.Thread(target=self._carry, args=(source, target, pair), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with suppress(OSError):  # either end went
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        self._drop(pair)

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):  # closed already
                end.shutdown(socket.SHUT_RDWR)
            end.close()
