"""Redis killed or emptied, the publisher replaced, connections to PostgreSQL cut: a client that follows the protocol
hears of everything all the same.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets
from django.db import connection
from redis import Redis
from websockets.exceptions import ConnectionClosed

from apps.access.models import Project
from apps.common.events import emit
from apps.common.publisher import Publisher
from controlplane.asgi import TAILS, application
from controlplane.embedded.home import Home
from controlplane.embedded.processes import spawn
from controlplane.embedded.redis import EmbeddedRedis
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, UserFactory, token_for
from tests.support.waiting import until
from tests.support.web_server import WebServer, served

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone]


class OwnRedis:
    """One that may be killed."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder)
        home.ensure()
        self.embedded = EmbeddedRedis(home)
        self.start()

    def start(self) -> None:
        self.process = spawn(self.embedded.program(), subprocess.DEVNULL)
        until(self.embedded.answers, what="Redis")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path, settings: Any) -> Iterator[OwnRedis]:
    found = OwnRedis(tmp_path)
    settings.BEDPLATE_REDIS_URL = found.embedded.url
    yield found
    found.kill()


@contextmanager
def publishing(redis: OwnRedis) -> Iterator[None]:
    """As `manage.py publish` does."""
    stop = threading.Event()
    with Redis.from_url(redis.embedded.url, socket_timeout=5, socket_connect_timeout=2) as client:
        thread = Thread(lambda: Publisher(client, TAILS).run(stop))
        try:
            yield
        finally:
            stop.set()
            assert thread.join() is None


class Follower:
    """Follows one subject, in a thread of its own; comes back whenever it is cut off, with its last cursor."""

    def __init__(self, web: WebServer, token: str, subject: str) -> None:
        self.web, self.token, self.subject = web, token, subject
        self.cursor = ""
        self.heard: dict[str, str] = {}
        """Cursor of an event → its kind."""
        self.gaps = 0
        self.doubled: list[str] = []
        self._done = threading.Event()
        self._asked = False
        """What came after the cursor is still to be told: what comes before that is later, no place to go on from."""

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(lambda: asyncio.run(self._run()))
        try:
            until(lambda: self.cursor, what="a subscription")
            yield
        finally:
            self._done.set()
            assert thread.join() is None

    async def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self._done.is_set():
            try:
                async with websockets.connect(
                    self.web.live, additional_headers=headers, compression=None, proxy=None
                ) as link:
                    await self._follow(link)
            except (ConnectionClosed, OSError):
                continue

    async def _follow(self, link: Any) -> None:
        await self._subscribe(link, self.cursor)
        while not self._done.is_set():
            try:
                message = json.loads(await asyncio.wait_for(link.recv(), 0.1))
            except TimeoutError:
                continue
            if message["type"] == "gap":
                self.gaps += 1
                if not self._asked:
                    self.cursor = message["cursor"]
                await self._subscribe(link, self.cursor)
            elif message["type"] == "subscribed":
                self.cursor, self._asked = message["cursor"], False
            elif message["type"] == "update" and not self._asked:
                self.cursor = message["cursor"]
            for event in message.get("events", ()):
                if event["cursor"] in self.heard:
                    self.doubled.append(event["kind"])
                self.heard[event["cursor"]] = event["kind"]

    def hears(self, count: int) -> None:
        """Wait until the events `test.n0` and so on were heard.

        Not for the last alone: it may be told live, right behind a gap, while those before it are still asked for.
        """
        wanted = {f"test.n{number}" for number in range(count)}
        until(lambda: wanted <= set(self.heard.copy().values()), 30, what=f"all of {count} events to be heard")

    async def _subscribe(self, link: Any, after: str) -> None:
        self._asked = True
        known = {"after": after} if after else {}
        await link.send(json.dumps({"type": "subscribe", "subject": self.subject, **known}))


def empty_redis(redis: OwnRedis) -> None:
    with Redis.from_url(redis.embedded.url) as client:
        client.flushall()


def kill_redis(redis: OwnRedis) -> None:
    redis.kill()
    redis.start()


def cut_subscriptions(redis: OwnRedis) -> None:
    with Redis.from_url(redis.embedded.url) as client:
        for one in client.client_list(_type="pubsub"):
            client.client_kill(one["addr"])


def cut_postgres(redis: OwnRedis) -> None:
    """Every connection of this database but this one's: what a restart does to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("fail", [empty_redis, kill_redis, cut_subscriptions, cut_postgres])
def test_nothing_is_missed(redis: OwnRedis, fail: Callable[[OwnRedis], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.publisher.RETRY_SECONDS", 0.05)
    project: Project = ProjectFactory.create()
    token = token_for(UserFactory.create(is_superuser=True))
    emit("test.earlier", project)
    with served(application) as web, publishing(redis):
        follower = Follower(web, token, f"project.{project.pk}")
        with follower.running():
            wrote = 0
            for _ in range(3):
                for step in (lambda: None, lambda: fail(redis), lambda: None):
                    step()
                    for _ in range(5):
                        emit(f"test.n{wrote}", project)
                        wrote += 1
                follower.hears(wrote)
            assert sorted(follower.heard.values()) == sorted(f"test.n{number}" for number in range(wrote))


def test_another_publisher_takes_over(redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.publisher.RETRY_SECONDS", 0.05)
    project: Project = ProjectFactory.create()
    token = token_for(UserFactory.create(is_superuser=True))
    emit("test.earlier", project)
    with served(application) as web:
        follower = Follower(web, token, f"project.{project.pk}")
        wrote = 0
        with publishing(redis), follower.running():
            for _ in range(4):
                with publishing(redis):
                    cut_postgres(redis)  # the one that leads loses its lock; either may lead now
                    for _ in range(5):
                        emit(f"test.n{wrote}", project)
                        wrote += 1
                    follower.hears(wrote)
            assert sorted(follower.heard.values()) == sorted(f"test.n{number}" for number in range(wrote))
            assert (follower.doubled, follower.gaps) == ([], 0)
