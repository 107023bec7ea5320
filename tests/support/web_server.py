"""The web process's application behind a real uvicorn, on a port, in a thread of the test's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from tests.support.stack import free_ports
from tests.support.waiting import until


@dataclass(frozen=True)
class WebServer:
    """Where it is, and who is there."""

    host: str
    port: int
    server: uvicorn.Server

    @property
    def live(self) -> str:
        return f"ws://{self.host}:{self.port}/ws/v1/live/"

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


@contextmanager
def served(application: Any, **options: Any) -> Iterator[WebServer]:
    """Serve as `controlplane.embedded.programs.web` does.

    Args:
        options: of uvicorn, in place of those.
    """
    (port,) = free_ports(1)
    usual = {
        "ws": "controlplane.sockets:Socket",
        "ws_max_size": 65536,
        "ws_per_message_deflate": False,
        "lifespan": "off",
    }
    config = uvicorn.Config(application, port=port, log_config=None, timeout_graceful_shutdown=1, **usual | options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    until(lambda: server.started, what="a server that listens")
    try:
        yield WebServer("127.0.0.1", port, server)
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the server did not end"
