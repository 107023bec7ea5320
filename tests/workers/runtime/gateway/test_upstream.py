"""The gateway's HTTP client before real servers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.gateway_api import Server, reply
from workers.runtime.gateway.upstream import Answer, Broken, TimedOut, Unreachable, Upstream


class Scripted(Server):
    """Answers by the body it gets: `echo …`, `chunks`, `hang`, `rubbish`, `close`."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: set[int] = set()
        self.ended = threading.Event()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.connections.add(request.client_address[1])
        text = body.decode()
        if text == "chunks":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Case: a\r\n\r\n"
            request.wfile.write(head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        elif text == "hang":
            self.ended.wait(10)
        elif text == "rubbish":
            request.wfile.write(b"SSH-2.0-no\r\n")
            request.close_connection = True
        elif text == "close":
            reply(request, 200, text, Connection="close")
        else:
            reply(request, 200, text)


def _with_upstream(use: Callable[[Upstream, Scripted], Awaitable[None]], timeout_seconds: float = 5.0) -> None:
    async def run(server: Scripted) -> None:
        upstream = Upstream(response_timeout_seconds=timeout_seconds)
        try:
            await use(upstream, server)
        finally:
            server.ended.set()
            upstream.close()

    with Scripted() as server:
        asyncio.run(run(server))


async def _post(upstream: Upstream, server: Server, body: str) -> Answer:
    return await upstream.post(server.address, "/predict", {"content-type": "text/plain"}, body.encode())


def test_one_connection_serves_requests_in_a_row() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        for number in range(5):
            assert json.loads((await _post(upstream, server, f"echo {number}")).body) == f"echo {number}"
        assert len(server.connections) == 1

    _with_upstream(use)


def test_many_at_once_get_their_own_answers() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        for _ in range(3):
            answers = await asyncio.gather(*(_post(upstream, server, f"echo {number}") for number in range(40)))
            assert [json.loads(answer.body) for answer in answers] == [f"echo {number}" for number in range(40)]
        assert len(server.connections) <= 40

    _with_upstream(use)


def test_an_answer_in_chunks() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        answer = await _post(upstream, server, "chunks")
        assert (answer.status, answer.body, answer.headers[b"x-case"]) == (200, b"abc", b"a")

    _with_upstream(use)


def test_a_connection_that_the_replica_ends_is_not_kept() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        await _post(upstream, server, "close")
        await _post(upstream, server, "echo")
        assert len(server.connections) == 2

    _with_upstream(use)


def test_no_answer_in_time_and_the_late_one_goes_to_nobody() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        with pytest.raises(TimedOut, match=r"no answer within 0\.2 seconds"):
            await _post(upstream, server, "hang")
        server.ended.set()
        assert json.loads((await _post(upstream, server, "echo 1")).body) == "echo 1"
        assert len(server.connections) == 2

    _with_upstream(use, timeout_seconds=0.2)


def test_what_is_no_http_is_broken_and_nobody_there_is_unreachable() -> None:
    async def use(upstream: Upstream, server: Scripted) -> None:
        with pytest.raises(Broken, match="does not speak HTTP"):
            await _post(upstream, server, "rubbish")
        server.stop()
        for address in (server.address, "127.0.0.1:none", "[::1]:1"):
            with pytest.raises(Unreachable):
                await upstream.post(address, "/predict", {}, b"")

    _with_upstream(use)
