"""The live socket over a real server and real connections: what a hostile or broken client can do, and cannot."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.conf import settings
from redis import Redis
from websockets.exceptions import ConnectionClosed

from apps.access.models import Project
from apps.common.events import emit
from apps.common.live import BURST
from apps.common.models import Event
from apps.common.publisher import Publisher
from controlplane.asgi import application
from tests.support.factories.access import ProjectFactory, UserFactory, token_for
from tests.support.waiting import until
from tests.support.web_server import WebServer, served

# The publisher waits for every open transaction of the server, and Redis carries what it says to every listener.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone]


@pytest.fixture(autouse=True)
def redis() -> Iterator[Any]:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


@pytest.fixture
def token() -> str:
    return token_for(UserFactory.create(is_superuser=True))


@pytest.fixture
def project() -> Project:
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def web() -> Iterator[WebServer]:
    with served(application) as found:
        yield found


def connect(web: WebServer, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return websockets.connect(web.live, additional_headers=headers, compression=None, proxy=None)


@contextmanager
def deaf(web: WebServer, token: str, *messages: dict[str, Any]) -> Iterator[None]:
    """A client that is let in, says these, and reads nothing more, not even the server's pings."""
    with sockets.socket() as link:
        link.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        link.connect((web.host, web.port))
        link.sendall(
            f"GET /ws/v1/live/ HTTP/1.1\r\nHost: {web.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        assert link.recv(1024).startswith(b"HTTP/1.1 101 ")
        for message in messages:
            text = json.dumps(message).encode()
            link.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        yield


async def ask(link: Any, **message: Any) -> dict[str, Any]:
    await link.send(json.dumps(message))
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(link.recv(), 10))
    return answer


async def closed_with(link: Any) -> int:
    """The code with which the server ends the connection; what it says before is passed over."""
    try:
        while True:
            await asyncio.wait_for(link.recv(), 20)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def publish(publisher: Publisher, project: Project, kind: str, size: int = 0) -> None:
    """Let something happen, and tell it: a round waits for whatever transaction the web process has open just now."""
    emit(kind, project, project_id=project.pk, payload={"text": "x" * size})
    at = Event.objects.get(kind=kind).transaction_id

    def is_told() -> bool:
        publisher.step()
        return (publisher.horizon or 0) > at

    until(is_told, what="a round with the event")


async def test_a_frame_of_ten_megabytes_ends_its_own_connection_only(web: WebServer, token: str) -> None:
    async with connect(web, token) as bad, connect(web, token) as good:
        with suppress(ConnectionClosed):  # it may be refused while it is still being sent
            await bad.send("x" * 10_000_000)
        assert await closed_with(bad) in (1006, 1009)
        assert await ask(good, type="ping") == {"type": "pong"}


@pytest.mark.parametrize("content", ["x" * 5_000, b"binary"])
async def test_what_is_too_long_or_binary_is_closed(web: WebServer, token: str, content: str | bytes) -> None:
    async with connect(web, token) as link:
        await link.send(content)
        assert await closed_with(link) == 1009


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x05hello",  # not masked
        b"\xf1\x80\x00\x00\x00\x00",  # reserved bits
        b"\x83\x80\x00\x00\x00\x00",  # an opcode that is none
        b"\x89\xfe\x00\xff\x00\x00\x00\x00" + b"x" * 255,  # a ping that is too long
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # no UTF-8
    ],
)
async def test_malformed_frames_end_their_own_connection_only(web: WebServer, token: str, frame: bytes) -> None:
    async with connect(web, token) as bad, connect(web, token) as good:
        bad.transport.write(frame)
        assert await closed_with(bad) in (1002, 1007)
        assert await ask(good, type="ping") == {"type": "pong"}


async def test_ten_thousand_subscriptions_are_cut_short(
    web: WebServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.common.live.PER_SECOND", 0.0)  # however slow this machine is
    projects = await sync_to_async(ProjectFactory.create_batch)(201)
    async with connect(web, token) as bad, connect(web, token) as good:
        answers: list[str] = []

        async def read() -> None:
            async for text in bad:
                answers.append(json.loads(text)["type"])

        reading = asyncio.create_task(read())
        with suppress(ConnectionClosed):  # it is closed long before the end
            for number in range(10_000):
                subject = f"project.{projects[number % len(projects)].pk}"
                await bad.send(json.dumps({"type": "subscribe", "subject": subject}))
        with suppress(ConnectionClosed):
            await reading
        assert bad.close_code == 4429
        assert answers.count("refused") >= 1
        assert len(answers) <= BURST
        assert await ask(good, type="ping") == {"type": "pong"}


async def test_a_reader_that_stopped_is_given_up_and_nobody_else_waits(
    web: WebServer, token: str, project: Project, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.common.line.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("controlplane.sockets.UNREAD_SECONDS", 1.0)
    publisher = Publisher(redis)
    await sync_to_async(publisher.step)()
    follow = {"type": "subscribe", "subject": f"project.{project.pk}"}
    async with connect(web, token) as good:
        assert (await ask(good, **follow))["type"] == "subscribed"
        with deaf(web, token, follow):
            await asyncio.to_thread(until, lambda: web.connections == 2, what="2 connections")
            heard: list[str] = []
            for number in range(120):
                await sync_to_async(publish)(publisher, project, f"test.n{number}", 60_000)
                message = json.loads(await asyncio.wait_for(good.recv(), 10))
                heard += [event["kind"] for event in message["events"]]
            assert heard == [f"test.n{number}" for number in range(120)]  # whatever the other one does
            await asyncio.to_thread(until, lambda: web.connections == 1, what="1 connections")
        assert await ask(good, type="ping") == {"type": "pong"}
    await sync_to_async(publisher.release)()


async def test_a_client_that_is_gone_without_a_word_is_dropped(token: str) -> None:
    with served(application, ws_ping_interval=0.2, ws_ping_timeout=0.2) as web, deaf(web, token):
        await asyncio.to_thread(until, lambda: web.connections == 1, what="1 connections")
        await asyncio.to_thread(until, lambda: web.connections == 0, what="0 connections")
