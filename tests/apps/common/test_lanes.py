"""Lanes on a PostgreSQL of their own, killed and frozen: what was acknowledged is there, and nobody waits long."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from apps.common.errors import BedplateError, Invalid, RateLimited, Unavailable
from apps.common.lanes import GROUP_ITEMS, Allowance, Busy, Lanes
from controlplane.embedded.home import Home
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.processes import Program, spawn, stop
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("lanes")  # one server for all


class Server:
    """A PostgreSQL that a test may kill."""

    def __init__(self, place: Path) -> None:
        home = Home(place)
        home.ensure()
        self.postgres = EmbeddedPostgres(home)  # durable: without, a kill takes commits with it

    def start(self) -> None:
        self.spawn(self.postgres.program())
        self.wait()

    def spawn(self, program: Program) -> None:
        """In the main thread: the server ends with the thread that began it."""
        self.program = program
        self.process = spawn(program, subprocess.DEVNULL)

    def wait(self) -> None:
        until(self.postgres.answers, 30, what="PostgreSQL")

    def stop(self) -> None:
        stop(self.process, self.program.stop_signals)

    def conninfo(self) -> dict[str, Any]:
        return conninfo_to_dict(self.postgres.url)

    def query(self, sql: str) -> list[Any]:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            done = connection.execute(sql)
            return [row[0] for row in done.fetchall()] if done.description else []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server(Path(settings.BEDPLATE_HOME) / "home-lanes")
    found.start()
    found.query("CREATE TABLE kept (number int PRIMARY KEY, sender text)")
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def empty(server: Server) -> None:
    server.query("TRUNCATE kept")


class Writer:
    """Keeps numbers, each once; remembers the groups in which they came."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(
        self, connection: AsyncConnection[Any], sender: str, numbers: Sequence[int]
    ) -> list[BedplateError | None]:
        self.groups.append((sender, list(numbers)))
        await self.gate.wait()
        async with connection.transaction():
            for number in numbers:
                if number >= 0:
                    sql = "INSERT INTO kept VALUES (%s, %s) ON CONFLICT DO NOTHING"
                    await connection.execute(sql, [number, sender])
        return [Invalid("below 0") if number < 0 else None for number in numbers]


Made = tuple[Lanes[int], Writer]


@pytest.fixture
async def make(server: Server) -> AsyncIterator[Callable[..., Made]]:
    made: list[Lanes[int]] = []

    def one(**kwargs: Any) -> Made:
        writer = Writer()
        lanes: Lanes[int] = Lanes(server.conninfo, writer, **kwargs)
        made.append(lanes)
        return lanes, writer

    yield one
    for lanes in made:
        await lanes.close()


async def outcomes(*waiting: Awaitable[None]) -> list[str]:
    found = await asyncio.gather(*waiting, return_exceptions=True)
    return ["kept" if one is None else type(one).__name__ for one in found]


async def settled(writer: Writer, groups: int) -> None:
    """Until the writer has begun so many groups."""
    while len(writer.groups) < groups:
        await asyncio.to_thread(until, lambda: len(writer.groups) >= groups)


async def test_what_waits_of_one_sender_is_kept_together_and_in_order(
    make: Callable[..., Made], server: Server
) -> None:
    lanes, writer = make()
    writer.gate.clear()
    first = asyncio.create_task(lanes.submit("a", 0, 1))
    await settled(writer, 1)
    rest = [asyncio.create_task(lanes.submit("a", number, 1)) for number in range(1, GROUP_ITEMS + 3)]
    await asyncio.sleep(0)
    writer.gate.set()
    assert await outcomes(first, *rest) == ["kept"] * (GROUP_ITEMS + 3)
    assert writer.groups == [
        ("a", [0]), ("a", list(range(1, GROUP_ITEMS + 1))), ("a", [GROUP_ITEMS + 1, GROUP_ITEMS + 2]),
    ]  # fmt: skip
    assert server.query("SELECT count(*) FROM kept") == [GROUP_ITEMS + 3]


async def test_one_that_is_refused_takes_no_other_with_it(make: Callable[..., Made], server: Server) -> None:
    lanes, writer = make()
    writer.gate.clear()
    first = asyncio.create_task(lanes.submit("a", 0, 1))
    await settled(writer, 1)
    too_large_for_the_column = 2**40
    rest = [asyncio.create_task(lanes.submit("a", number, 1)) for number in (1, -1, too_large_for_the_column, 2)]
    await asyncio.sleep(0)
    writer.gate.set()
    assert await outcomes(first, *rest) == ["kept", "kept", "Invalid", "NumericValueOutOfRange", "kept"]
    assert server.query("SELECT number FROM kept ORDER BY number") == [0, 1, 2]


async def test_a_flood_of_one_sender_lets_others_pass(make: Callable[..., Made]) -> None:
    lanes, writer = make(connections=1)
    writer.gate.clear()
    flood = [asyncio.create_task(lanes.submit("flood", number, 1)) for number in range(5 * GROUP_ITEMS)]
    await settled(writer, 1)
    other = asyncio.create_task(lanes.submit("other", 1000, 1))
    await asyncio.sleep(0)
    writer.gate.set()
    assert set(await outcomes(*flood, other)) == {"kept"}
    assert [sender for sender, _ in writer.groups[:3]] == ["flood", "other", "flood"]


async def test_who_does_not_wait_any_more_is_left_out(make: Callable[..., Made], server: Server) -> None:
    lanes, writer = make()
    writer.gate.clear()
    first = asyncio.create_task(lanes.submit("a", 0, 1))
    await settled(writer, 1)
    gone, stays = (asyncio.create_task(lanes.submit("a", number, 1)) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    writer.gate.set()
    with suppress(asyncio.CancelledError):
        await gone
    assert await outcomes(first, stays) == ["kept", "kept"]
    assert server.query("SELECT number FROM kept ORDER BY number") == [0, 2]


async def test_a_killed_server_costs_no_acknowledged_item_and_no_restart_of_ours(
    make: Callable[..., Made], server: Server
) -> None:
    lanes, _ = make()
    acknowledged: set[int] = set()
    slowest = 0.0
    over = asyncio.Event()

    async def send(sender: int) -> None:
        nonlocal slowest
        number = sender * 1_000_000
        while not over.is_set():
            began = time.monotonic()
            try:
                await lanes.submit(f"s{sender}", number, 1)
            except Unavailable:
                slowest = max(slowest, time.monotonic() - began)
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), 0.05)
            else:
                slowest = max(slowest, time.monotonic() - began)
                acknowledged.add(number)
                number += 1

    senders = [asyncio.create_task(send(sender)) for sender in range(6)]
    for _ in range(2):
        before = len(acknowledged)
        await asyncio.to_thread(until, lambda before=before: len(acknowledged) > before + 50)
        server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.process.wait)
        server.spawn(await asyncio.to_thread(server.postgres.program))  # while this loop stands, every sender waits
        await asyncio.to_thread(server.wait)
        after = len(acknowledged)
        await asyncio.to_thread(until, lambda after=after: len(acknowledged) > after + 50, 15)
    over.set()
    await asyncio.gather(*senders)
    kept = set(server.query("SELECT number FROM kept"))
    assert acknowledged - kept == set()
    assert len(kept) <= len(acknowledged) + 6 * 2  # one of each sender may have been committed unheard, each time
    assert slowest < 5


async def test_connections_that_died_unnoticed_cost_no_answer(make: Callable[..., Made], server: Server) -> None:
    lanes, _ = make()
    assert await outcomes(*(lanes.submit(f"s{n}", n, 1) for n in range(4))) == ["kept"] * 4
    server.stop()
    server.start()
    assert await outcomes(*(lanes.submit(f"s{n}", 10 + n, 1) for n in range(4))) == ["kept"] * 4
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert await outcomes(*(lanes.submit(f"s{n}", 20 + n, 1) for n in range(4))) == ["kept"] * 4


async def test_a_silent_server_is_given_up_soon_and_used_again(make: Callable[..., Made], server: Server) -> None:
    lanes, _ = make(wait_seconds=1.0)
    assert await outcomes(lanes.submit("a", 0, 1)) == ["kept"]
    pids = server.query(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    for pid in pids:
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
    began = time.monotonic()
    assert await outcomes(*(lanes.submit("a", number, 1) for number in (1, 2, 3))) == ["Unavailable"] * 3
    assert time.monotonic() - began < 10
    assert await outcomes(lanes.submit("b", 4, 1)) == ["kept"], "others use other connections"
    for pid in pids:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)

    async def again() -> bool:
        return await outcomes(lanes.submit("a", 5, 1)) == ["kept"]

    for _ in range(20):
        if await again():
            break
    assert 5 in server.query("SELECT number FROM kept")


def test_bytes_in_flight_are_bounded_per_sender_and_in_all() -> None:
    allowance = Allowance(total_bytes=100, sender_bytes=60)
    allowance.take("a", 40)
    with pytest.raises(RateLimited) as too_much_of_one:
        allowance.take("a", 30)
    assert too_much_of_one.value.wait == 1
    allowance.take("b", 60)
    with pytest.raises(Busy):
        allowance.take("c", 1)
    allowance.give_back("b", 60)
    allowance.take("c", 60)
    allowance.give_back("a", 40)
    allowance.take("a", 30)


def test_what_is_larger_than_the_bounds_goes_alone() -> None:
    allowance = Allowance(total_bytes=10, sender_bytes=5)
    allowance.take("a", 50)
    with pytest.raises(RateLimited):
        allowance.take("a", 1)
    allowance.give_back("a", 50)
    allowance.take("a", 1)
