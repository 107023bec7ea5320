"""Hostile connections: they are closed, and nobody beside them notices."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from prometheus_client import CollectorRegistry

from tests.support.waiting import until
from workers.runtime.web.connections import HEAD_LIMIT_BYTES
from workers.runtime.web.messages import Request, Response
from workers.runtime.web.server import listen, serve
from workers.runtime.web.service import Service

GOOD = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
HEAD = b"POST /echo HTTP/1.1\r\nhost: a\r\n"
LONG = 8 << 20


async def _handle(request: Request) -> Response:
    if request.path == "/long":
        return Response(b"x" * LONG)
    return Response(await request.body(1 << 20))


@asynccontextmanager
async def server() -> AsyncIterator[tuple[Service, int]]:
    """A server that gives a connection 0.3 s for its headers and an answer 0.6 s to be read."""
    service = Service(CollectorRegistry(), handler=_handle, readiness=lambda: "", observer=lambda *_: None)
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    running = asyncio.create_task(serve(service, listener, stop, drain_seconds=0, head_seconds=0.3, read_seconds=0.6))
    try:
        yield service, listener.getsockname()[1]
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


async def _open(port: int, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(5):
            return await reader.read() == b""
    except ConnectionResetError:
        return True


def _is_held(port: int) -> bool:
    """Whether this process, which is the server, still has the connection that comes from a port."""
    return any(one.raddr and one.raddr.port == port for one in psutil.Process().net_connections("tcp"))


async def _asks(port: int) -> bytes:
    reader, writer = await _open(port, GOOD)
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n\r\nhi")
    writer.close()
    return answer.split(b"\r\n")[0]


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + b"x-long: " + b"a" * 1000])
async def test_headers_that_do_not_come_close_the_connection(sent: bytes) -> None:
    async with server() as (_, port):
        stuck = [await _open(port, sent) for _ in range(50)]
        assert await _asks(port) == b"HTTP/1.1 200 OK"
        assert [await _is_closed(reader) for reader, _ in stuck] == [True] * 50
        for _, writer in stuck:
            writer.close()


async def test_a_kept_connection_has_as_long_for_its_next_headers() -> None:
    async with server() as (_, port):
        reader, writer = await _open(port, GOOD)
        await reader.readuntil(b"\r\n\r\nhi")
        writer.write(HEAD)
        assert await _is_closed(reader)
        writer.close()


async def test_headers_that_come_drop_by_drop_do_not_buy_time() -> None:
    async with server() as (_, port):
        reader, writer = await _open(port, HEAD)

        async def drop() -> None:
            for number in range(1000):
                writer.write(b"x-%d: a\r\n" % number)
                await asyncio.sleep(0.05)

        dropping = asyncio.create_task(drop())
        assert await _is_closed(reader)
        dropping.cancel()
        writer.close()


async def test_endless_headers_are_not_kept() -> None:
    async with server() as (_, port):
        reader, writer = await _open(port, HEAD)
        for _ in range(20):
            writer.write(b"x: " + b"a" * (HEAD_LIMIT_BYTES // 4) + b"\r\n")
        assert await _is_closed(reader)
        assert await _asks(port) == b"HTTP/1.1 200 OK"
        writer.close()


async def test_a_large_body_is_no_header() -> None:
    async with server() as (_, port):
        body = b"b" * (1 << 20)
        reader, writer = await _open(port, HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(len(body))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with server() as (service, port):
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(b"POST /long HTTP/1.1\r\nhost: a\r\n\r\n")
            assert await _asks(port) == b"HTTP/1.1 200 OK"
            await asyncio.to_thread(until, lambda: not _is_held(deaf.getsockname()[1]))
            size = 0
            with contextlib.suppress(ConnectionResetError):  # that is how it ends
                while chunk := deaf.recv(1 << 20):
                    size += len(chunk)
        assert size < LONG
        assert service.in_flight == 0


async def test_half_open_connections_do_not_keep_the_server_from_leaving() -> None:
    async with asyncio.timeout(10):
        async with server() as (_, port):
            stuck = [await _open(port, HEAD) for _ in range(20)]
    for _, writer in stuck:
        writer.close()
