"""News of the outbox for the sockets of one process: one Redis subscription, a bounded queue per socket.

The socket notifies and the API answers: whatever is lost on the way (Redis away, a socket too slow) becomes one
message `gap`, after which the client reads again what it shows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "bedplate:events"
"""Carries JSON lists of events: `{"cursor", "kind", "subject", "project_id", "payload", "at"}`."""
QUEUE_MOST = 256
GAP: Mapping[str, Any] = {"type": "gap"}
CLOSE: Mapping[str, Any] = {"type": "close"}
RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)

EndsOf = Mapping[str, Callable[[Mapping[str, Any]], str]]
"""Kind of event → the key whose sockets it closes: `{"api_token.revoked": lambda event: event["subject"]}`."""


class Mailbox:
    """What one socket has not sent yet."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.keys = frozenset(keys)
        """By which events may close it: `user.<id>`, `api_token.<id>`."""
        self.subjects: set[str] = set()
        self._queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(QUEUE_MOST)

    def put(self, message: Mapping[str, Any]) -> None:
        """Never waits: when it is full, all that is in it gives way to one `gap`."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(GAP)
        self._queue.put_nowait(message)

    async def get(self) -> Mapping[str, Any]:
        return await self._queue.get()


class Feed:
    """Who follows what in this process. All of it runs in one event loop."""

    def __init__(self, ends: EndsOf) -> None:
        self.ends = ends
        self.boxes: set[Mailbox] = set()
        self.followers: defaultdict[str, set[Mailbox]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def join(self, box: Mailbox) -> None:
        """Add a socket; returns once the subscription listens, or Redis turned out to be away."""
        self.boxes.add(box)
        if self._reader is None or self._reader.done():
            self._listening.clear()
            self._reader = asyncio.create_task(self._read(), name="live feed")
        await self._listening.wait()

    def leave(self, box: Mailbox) -> None:
        """Remove a socket; with the last one the subscription ends."""
        for subject in list(box.subjects):
            self.unfollow(box, subject)
        self.boxes.discard(box)
        if not self.boxes and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def follow(self, box: Mailbox, subject: str) -> None:
        box.subjects.add(subject)
        self.followers[subject].add(box)

    def unfollow(self, box: Mailbox, subject: str) -> None:
        box.subjects.discard(subject)
        self.followers[subject].discard(box)
        if not self.followers[subject]:
            del self.followers[subject]

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Give one event to who follows its subject; close the sockets that it ends."""
        for box in self.followers.get(event["subject"], ()):
            box.put({"type": "event", **event})
        end = self.ends.get(event["kind"])
        if end is not None:
            key = end(event)
            for box in self.boxes:
                if key in box.keys:
                    box.put(CLOSE)

    async def _read(self) -> None:
        failures = 0
        while True:
            try:
                async with (
                    Redis.from_url(
                        settings.BEDPLATE_REDIS_URL, socket_connect_timeout=2, socket_keepalive=True
                    ) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as pubsub,
                ):
                    await pubsub.subscribe(CHANNEL)
                    if failures:
                        self._tell_gap()
                    failures = 0
                    self._listening.set()
                    async for message in pubsub.listen():
                        self._deliver_all(message["data"])
            except (RedisError, OSError):
                log.warning("live news are interrupted: Redis does not answer")
            self._listening.set()
            failures += 1
            await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1])

    def _deliver_all(self, data: bytes) -> None:
        try:
            for event in json.loads(data):
                self.deliver(event)
        except (ValueError, KeyError, TypeError):
            log.exception("what came by %s is not a list of events", CHANNEL)

    def _tell_gap(self) -> None:
        for box in self.boxes:
            box.put(GAP)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feed] = WeakKeyDictionary()


def feed(ends: EndsOf) -> Feed:
    """The feed of the running event loop: one per process, as a server has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = Feed(ends)
    return _feeds[loop]
