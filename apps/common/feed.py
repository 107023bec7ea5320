"""News for the sockets of one process: one Redis subscription, a line per subject, a bounded queue per socket.

Whatever is lost on the way (Redis away, a publisher that lost its place, a socket too slow) becomes one message
`gap`, after which the client reads again what it shows. Rounds tell from where they tell: a hole is always seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from apps.common.alerts import ALERTS
from apps.common.alerts import decode as decode_keys
from apps.common.cursors import visible_up_to
from apps.common.line import Line
from apps.common.live_messages import Gap, Heartbeat, text_of
from apps.common.mailbox import Letter, Mailbox
from apps.common.rights import Rights, Rules
from apps.common.rounds import CHANNEL, FOLLOWED, FOLLOWED_SECONDS, Item, Round, cursor_at, decode

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.1, 0.5, 1.0)
HEARTBEAT_SECONDS = 15.0


class Feed:
    """Who follows what in this process. All of it runs in one event loop."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.boxes: set[Mailbox] = set()
        self.rights = Rights(rules, self.boxes)
        self.lines: dict[str, Line] = {}
        self.horizon = 0
        """All below it was told in this process; 0: not known yet."""
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        self._redis: Any = None

    @property
    def cursor(self) -> str:
        return cursor_at(self.horizon)

    async def join(self, box: Mailbox) -> None:
        """Add a socket; returns once the subscription listens, or Redis turned out to be away.

        Raises:
            DatabaseError: it is not known from where on news are told.
        """
        self.boxes.add(box)
        if not self._tasks or any(task.done() for task in self._tasks):
            # After a task that failed the horizon stays: who is here already is told of what nobody heard meanwhile.
            self._cancel()
            self._listening.clear()  # the same one: others may wait for it
            self._tasks = [
                asyncio.create_task(self._read(), name="live feed"),
                asyncio.create_task(self._look_after(), name="live sockets"),
                asyncio.create_task(self.rights.watch(), name="live rights"),
            ]
        await self._listening.wait()
        if not self.horizon:
            transaction_id, _ = await database_sync_to_async(visible_up_to)()
            self.horizon = self.horizon or transaction_id + 1
        box.spoke_at = asyncio.get_running_loop().time()

    def leave(self, box: Mailbox) -> None:
        """Remove a socket; with the last one the subscription ends."""
        for subject in list(box.subjects):
            self.unfollow(box, subject)
        self.boxes.discard(box)
        if not self.boxes:
            self._stop()

    def follow(self, box: Mailbox, subject: str, *, hold: bool = False) -> str:
        """From now on tell this socket what happens to the subject; returns the cursor from which on.

        Args:
            hold: what comes waits for `box.release(subject)`, and begins at the horizon of this moment.
        """
        line = self.lines.get(subject)
        if line is None:
            line = self.lines[subject] = Line(subject, self.horizon)
        if hold:
            box.hold(subject)
        box.subjects.add(subject)
        return cursor_at(line.join(box, self.horizon, anew=hold))

    def unfollow(self, box: Mailbox, subject: str) -> None:
        box.forget(subject)
        line = self.lines.get(subject)
        if line is not None:
            line.leave(box)
            if not line.is_followed:
                line.close()
                del self.lines[subject]

    async def announce(self, subjects: Sequence[str]) -> None:
        """Tell the publisher that somebody wants the points of these subjects. What it misses is fetched instead."""
        wanted = [subject for subject in subjects if subject.partition(".")[0] in self.rules.carried]
        if not wanted or self._redis is None:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for subject in wanted:
                    pipeline.set(FOLLOWED + subject, 1, ex=FOLLOWED_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError):
            log.debug("the publisher is not told who follows: Redis does not answer")

    def take(self, told: Round) -> None:
        """Give what a round tells to who follows it; close the sockets that it ends."""
        self.rights.heard()
        known = self.horizon
        hole = bool(known) and (told.since > known or told.horizon < known)  # or the database is another one
        if hole:
            self._tell_gap()
            self.rights.doubt_all()  # what ended somebody's may have been in it
        touched: dict[str, Line] = {}
        for item in told.items:
            if hole or item.t >= known:  # else it was told before: another publisher took over
                self._hand_out(item, touched)
        self.horizon = told.horizon
        for line in touched.values():
            line.reach(self.horizon)

    def _hand_out(self, item: Item, touched: dict[str, Line]) -> None:
        event = item.event
        project = f"project.{event.project_id}" if event is not None and event.project_id else ""
        for subject in {item.subject, project}:
            line = self.lines.get(subject)
            if line is not None:
                line.add(item)
                touched[subject] = line
        for subject in item.also:
            line = self.lines.get(subject)
            if line is not None:
                line.note(f"{subject.partition('.')[0]}.changed")
                touched[subject] = line
        if event is not None:
            self.rights.doubt_event(event)

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
                    await pubsub.subscribe(CHANNEL, ALERTS)
                    self._redis, failures = redis, 0
                    self._listening.set()
                    self.rights.doubt_all()  # nobody listened until now
                    async for message in pubsub.listen():
                        self._take_text(message["channel"].decode(), message["data"])
            except (RedisError, OSError):
                if not failures:
                    log.warning("live news are interrupted: Redis does not answer")
            self._redis = None
            self._listening.set()
            failures += 1
            self.rights.doubt_all()
            await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1])

    def _take_text(self, channel: str, data: bytes) -> None:
        try:
            if channel == ALERTS:
                self.rights.doubt(decode_keys(data))
            else:
                self.take(decode(data))
        except msgspec.MsgspecError:
            log.exception("what came by %s is not what comes there", channel)

    async def _look_after(self) -> None:
        """Heartbeats, and who is followed."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS / 3)
            now = loop.time()
            beat = Letter(text_of(Heartbeat(self.cursor)))
            for box in self.boxes if self.horizon else ():
                if now - box.spoke_at >= HEARTBEAT_SECONDS and not _has_more(self.lines, box):
                    box.put(beat)
            await self.announce(list(self.lines))

    def _tell_gap(self) -> None:
        """Something was missed by all. Lines begin anew after it."""
        for line in self.lines.values():
            line.flush()
        gap = Letter(text_of(Gap(self.cursor)), self.horizon)
        for box in self.boxes:
            box.put(gap)

    def _stop(self) -> None:
        self._cancel()
        self.horizon = 0

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks, self._redis = [], None


def _has_more(lines: Mapping[str, Line], box: Mailbox) -> bool:
    """Whether something below the horizon is still to be told: a heartbeat would claim that it was."""
    return box.holds or any(lines[subject].waits for subject in box.subjects)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feed] = WeakKeyDictionary()


def feed(rules: Rules) -> Feed:
    """The feed of the running event loop: one per process, as a server has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = Feed(rules)
    return _feeds[loop]
