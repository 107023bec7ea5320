"""Writes of many senders over few connections, beside Django: one lane per sender; what waits in it is kept together.

While one transaction of a sender runs, what the sender sends meanwhile waits in its lane and goes into the next one:
a commit is shared by as many as wait for it, and nobody waits for company. The lanes take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
from psycopg import AsyncConnection

from apps.common.errors import BedplateError, RateLimited, Unavailable

log = logging.getLogger(__name__)

CONNECTIONS = 4
CONNECT_SECONDS = 2
WRITE_SECONDS = 10.0
"""Of one transaction, from its first statement to its commit."""
STATEMENT_MS = 8000
WAIT_SECONDS = 12.0
"""How long a sender waits for its answer."""
GROUP_ITEMS = 32
GROUP_BYTES = 8 << 20
RETRY_AFTER_SECONDS = 1

Item = TypeVar("Item")
Outcome = BedplateError | None
"""Of one item: what refused it, or nothing."""
Write = Callable[[AsyncConnection[Any], Any, Sequence[Any]], Awaitable[Sequence[Outcome]]]
"""Keeps a group of one sender in one transaction: (connection in autocommit mode, key, items) → outcomes in order.

May run twice with the same items; an error it raises is everybody's.
"""


class Busy(Unavailable):
    """Too much is on its way through this process."""

    code, title = "busy", "Too much is being sent at once"
    wait = RETRY_AFTER_SECONDS


class Allowance:
    """Bytes that may be in flight, in all and per sender. What is beyond is refused at once and costs no memory."""

    def __init__(self, *, total_bytes: int, sender_bytes: int) -> None:
        self._total_bytes, self._sender_bytes = total_bytes, sender_bytes
        self._used = 0
        self._by_sender: dict[Hashable, int] = {}

    def take(self, sender: Hashable, size: int) -> None:
        """Raises RateLimited: the sender has too much in flight; Busy: all together have."""
        used = self._by_sender.get(sender, 0)
        if used and used + size > self._sender_bytes:
            raise RateLimited("Too much of this job is on its way; send less at once.", wait=RETRY_AFTER_SECONDS)
        if self._used and self._used + size > self._total_bytes:
            raise Busy("Too much is on its way; send it again.")
        self._used += size
        self._by_sender[sender] = used + size

    def give_back(self, sender: Hashable, size: int) -> None:
        self._used -= size
        left = self._by_sender[sender] - size
        if left:
            self._by_sender[sender] = left
        else:
            del self._by_sender[sender]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item]):
    item: Item
    size: int
    done: asyncio.Future[Outcome]


class Lanes(Generic[Item]):
    """One per process and kind of item; belongs to the loop that uses it first.

    Args:
        conninfo: keyword arguments of a psycopg connection.
        write: keeps a group.
        connections: most connections, each opened when it is needed and dropped at its first error.
    """

    def __init__(
        self,
        conninfo: Callable[[], dict[str, Any]],
        write: Write,
        *,
        connections: int = CONNECTIONS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._conninfo, self._write = conninfo, write
        self._most, self._wait_seconds = connections, wait_seconds
        self._lanes: dict[Hashable, deque[_Waiting[Item]]] = {}
        self._ready: OrderedDict[Hashable, None] = OrderedDict()
        self._writers: set[asyncio.Task[None]] = set()
        self._idle: list[AsyncConnection[Any]] = []

    async def submit(self, sender: Hashable, item: Item, size: int) -> None:
        """Returns once the item is committed.

        Raises:
            BedplateError: what the write said of it; Unavailable when the database did not answer in time.
        """
        waiting = _Waiting(item, size, asyncio.get_running_loop().create_future())
        lane = self._lanes.get(sender)
        if lane is None:
            self._lanes[sender] = deque([waiting])
            self._call(sender)
        else:
            lane.append(waiting)
        try:
            async with asyncio.timeout(self._wait_seconds):
                refused = await waiting.done
        except TimeoutError as error:
            with contextlib.suppress(KeyError, ValueError):  # it is being written just now
                self._lanes[sender].remove(waiting)
            raise _unavailable(error) from None
        if refused is not None:
            raise refused

    async def close(self) -> None:
        """Let what waits be written, and close the connections; later items open others."""
        while self._writers:
            await asyncio.wait(set(self._writers))
        await self._drop_idle()

    def _call(self, sender: Hashable) -> None:
        """The lane has something to write and nobody writes for it."""
        self._ready[sender] = None
        if len(self._writers) < self._most:
            writer = asyncio.create_task(self._write_ready())
            self._writers.add(writer)  # the loop itself keeps no task alive
            writer.add_done_callback(self._writers.discard)

    async def _write_ready(self) -> None:
        while self._ready:
            sender, _ = self._ready.popitem(last=False)
            group = self._group(self._lanes[sender])
            try:
                if group:
                    await self._settle(sender, group)
            finally:
                if self._lanes[sender]:
                    self._ready[sender] = None
                else:
                    del self._lanes[sender]

    def _group(self, lane: deque[_Waiting[Item]]) -> list[_Waiting[Item]]:
        """The oldest of a lane, as many as fit into one transaction; those who gave up waiting are left out."""
        group: list[_Waiting[Item]] = []
        size = 0
        while lane and len(group) < GROUP_ITEMS and (not group or size + lane[0].size <= GROUP_BYTES):
            waiting = lane.popleft()
            if not waiting.done.done():
                group.append(waiting)
                size += waiting.size
        return group

    async def _settle(self, sender: Hashable, group: list[_Waiting[Item]]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._written(sender, [waiting.item for waiting in group])
        except BedplateError as error:
            outcomes = [error] * len(group)
        except Exception as error:
            if len(group) > 1:  # one that the database refuses must not take the others with it
                for waiting in group:
                    await self._settle(sender, [waiting])
                return
            log.exception("what a job sent could not be kept")
            _tell(group[0].done, error)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(outcome)

    async def _written(self, sender: Hashable, items: list[Item]) -> Sequence[Outcome]:
        """Raises Unavailable. A connection from before may have died unnoticed: then once more on a new one."""
        while True:
            reused = bool(self._idle)
            try:
                connection = self._idle.pop() if reused else await self._connect()
            except (psycopg.Error, TimeoutError) as error:
                raise _unavailable(error) from error
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    outcomes = await self._write(connection, sender, items)
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                died = connection.closed
                await _close(connection)
                if not (died and reused):
                    raise _unavailable(error) from error
                await self._drop_idle()
            except BedplateError:
                self._idle.append(connection)
                raise
            except BaseException:
                await _close(connection)
                raise
            else:
                self._idle.append(connection)
                return outcomes

    async def _connect(self) -> AsyncConnection[Any]:
        given = self._conninfo()
        options = f"{given.get('options', '')} -c statement_timeout={STATEMENT_MS} -c lock_timeout={STATEMENT_MS}"
        own = {"autocommit": True, "connect_timeout": CONNECT_SECONDS, "options": options}
        return await AsyncConnection.connect(**{**given, **own})

    async def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await _close(connection)


def _unavailable(error: Exception) -> Unavailable:
    log.warning("what a job sent is not kept: %s", str(error) or "the database is silent")
    return Unavailable("The database did not answer in time.")


async def _close(connection: AsyncConnection[Any]) -> None:
    with contextlib.suppress(psycopg.Error):  # it is dead already
        await connection.close()


def _tell(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
