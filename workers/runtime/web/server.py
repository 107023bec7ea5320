"""Listening, and leaving on a signal without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator

import uvicorn

from workers.runtime.web.connections import HEAD_SECONDS, READ_SECONDS, Connection, close_stuck
from workers.runtime.web.service import Service

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
"""Longer than clients keep idle connections, so that it is they who close and no request meets a closed door."""
FINISH_SECONDS = 25
"""How long requests in flight may take to end after the doors are closed; the stop grace of jobs is 30 s."""
_log = logging.getLogger("bedplate.web")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would end the process by the signal once more, not with status 0."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a port in use is known here and now.

    Raises:
        OSError: `EADDRINUSE` when another process listens there.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


async def serve(
    service: Service,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    drain_seconds: float,
    head_seconds: float = HEAD_SECONDS,
    read_seconds: float = READ_SECONDS,
) -> None:
    """Serve until SIGTERM, SIGINT, or `stop` is set.

    A first signal makes `/readyz` answer 503 while requests are still taken for `drain_seconds`, so that
    balancers look elsewhere; then the doors close and requests in flight end. A second signal closes at once.
    """
    server = _Server(_config(service))
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def on_signal() -> None:
        if service.draining:
            stop.set()
        service.draining = True
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    leaving = asyncio.create_task(_leave(server, service, told, stop, drain_seconds))
    connections = server.server_state.connections
    sweeping = asyncio.create_task(close_stuck(connections, head_seconds=head_seconds, read_seconds=read_seconds))
    try:
        await server.serve(sockets=[listener])
    finally:
        leaving.cancel()
        sweeping.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _config(service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )


async def _leave(
    server: uvicorn.Server, service: Service, told: asyncio.Event, stop: asyncio.Event, drain_seconds: float
) -> None:
    """Close the doors after a signal and its drain time, or as soon as `stop` is set."""
    stopped = asyncio.create_task(stop.wait())
    signalled = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({stopped, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            _log.info("draining", extra={"in_flight": service.in_flight, "drain_seconds": drain_seconds})
            await asyncio.wait({stopped}, timeout=drain_seconds)
        server.should_exit = True
    finally:
        stopped.cancel()
        signalled.cancel()
