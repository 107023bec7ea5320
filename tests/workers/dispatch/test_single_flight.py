"""A tick runs once at a time, and not again before half its interval is over, by Redis's clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from apps.common import queues
from workers.tasks.single_flight import PREFIX, paced, rest_after, single_flight

HOUR = 3600.0


@pytest.fixture
def redis(settings: Any) -> Iterator[Redis]:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        _clear(found)
        yield found
        _clear(found)


def _clear(redis: Redis) -> None:
    for key in redis.scan_iter(f"{PREFIX}*"):
        redis.delete(key)


def marks(redis: Redis) -> list[Any]:
    return [redis.get(key) for key in redis.scan_iter(f"{PREFIX}*")]


def test_a_tick_that_runs_elsewhere_is_left_out(redis: Redis) -> None:
    ran: list[str] = []

    @single_flight(every_seconds=0)
    def tick() -> None:
        ran.append("outer")
        if len(ran) == 1:
            thread = threading.Thread(target=tick)
            thread.start()
            thread.join()

    tick()
    assert ran == ["outer"]


def test_a_heap_of_ticks_is_one_tick(redis: Redis) -> None:
    ran: list[int] = []

    @single_flight(every_seconds=8)
    def tick() -> None:
        ran.append(1)

    began = time.monotonic()
    for _ in range(100):  # in far less than the rest, however busy the machine is
        tick()
    assert ran == [1]
    (key,) = redis.scan_iter(f"{PREFIX}*")
    left = int(redis.pttl(key))
    assert 4000 - (time.monotonic() - began) * 1000 - 2 <= left <= 4000
    redis.delete(key)
    tick()
    assert ran == [1, 1]


@pytest.mark.parametrize(
    ("worked", "every", "rest"),
    [(0.0, 2, 1.0), (0.25, 2, 0.75), (1.0, 2, 1.0), (3.0, 2, 3.0), (20.0, 2, 5.0), (0, 60, 5)],
)
def test_a_tick_that_has_much_to_do_rests_as_long_as_it_worked(worked: float, every: float, rest: float) -> None:
    assert rest_after(worked, every) == rest


def test_a_tick_that_fails_may_be_tried_at_once(redis: Redis) -> None:
    ran: list[int] = []

    @single_flight(every_seconds=HOUR)
    def tick() -> None:
        ran.append(1)
        raise RuntimeError("a bug")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            tick()
    assert ran == [1, 1]


def test_a_tick_that_outlives_its_mark_leaves_another_ones_alone(redis: Redis) -> None:
    @single_flight(every_seconds=HOUR)
    def tick() -> None:
        for key in redis.scan_iter(f"{PREFIX}*"):
            redis.set(key, "somebody else")

    tick()
    assert marks(redis) == [b"somebody else"]


def test_a_mark_goes_by_itself_when_its_tick_dies(redis: Redis) -> None:
    lasts: list[int] = []

    @single_flight(every_seconds=1)
    def tick() -> None:
        (key,) = redis.scan_iter(f"{PREFIX}*")
        lasts.append(int(redis.pttl(key)))

    tick()
    assert 4_000 < lasts[0] <= 5_000


def test_redis_emptied_meanwhile_is_no_error(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    ran: list[int] = []

    @single_flight(every_seconds=HOUR)
    def tick() -> None:
        redis.flushdb()
        ran.append(1)

    tick()
    tick()
    assert (ran, caplog.records) == ([1, 1], [])


def test_without_redis_the_tick_runs(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"
    ran: list[int] = []
    single_flight(every_seconds=HOUR)(lambda: ran.append(1))()
    assert ran == [1]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert [record.exc_info for record in caplog.records] == [None, None], "one line each, no stack"


def test_what_is_asked_for_at_once_runs_at_once_and_once_more(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    sent: list[tuple[str, str, float]] = []

    def send(name: str, *args: object, after_seconds: float = 0.0) -> None:
        sent.append((name, str(args[0]), after_seconds))

    monkeypatch.setattr(queues, "send", send)

    @paced("control.look", rest_seconds=60)
    def look(identity: str) -> None:
        ran.append(identity)

    for _ in range(100):
        look("a")
    look("b")
    assert ran == ["a", "b"], "the first about each thing runs at once"
    assert [(name, identity) for name, identity, _ in sent] == [("control.look", "a")], "of the others one is put off"
    left = max(int(redis.pttl(key)) for key in redis.scan_iter(f"{PREFIX}control.look.a*"))
    assert left <= 60_000 < sent[0][2] * 1000, "it comes when the marks have gone, so that it is not put off again"
    for key in redis.scan_iter(f"{PREFIX}*"):
        redis.delete(key)
    look("a")
    assert ran == ["a", "b", "a"]
