"""Beat by the monotonic clock: nobody who sets the time makes a tick late, and no heap grows that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from django.conf import settings
from redis import Redis

from apps.common.queues import QUEUES
from controlplane.celery import app as celery_app
from workers.tasks import steady_beat
from workers.tasks.schedule import BEAT_SCHEDULE
from workers.tasks.steady_beat import HEAP_MOST, STAGGER_SECONDS, SteadyScheduler


class Recording(SteadyScheduler):
    """Notes what it would send."""

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **_: Any) -> None:
        sent.append(entry.name)


sent: list[str] = []
now = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    global now
    now = 1000.0
    sent.clear()
    monkeypatch.setattr(steady_beat, "time", SimpleNamespace(monotonic=lambda: now))


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


def scheduler(cls: type[SteadyScheduler] = Recording, **every: float) -> SteadyScheduler:
    app = Celery("test", broker=settings.BEDPLATE_REDIS_URL)
    app.conf.beat_schedule = {
        name: {"task": name, "schedule": seconds, "options": {"queue": "control"}} for name, seconds in every.items()
    }
    return cls(app=app)


def run(beat: SteadyScheduler, seconds: float, step: float = 0.1) -> list[str]:
    """What is sent in that time, looking at every step."""
    global now
    sent.clear()
    for _ in range(round(seconds / step)):
        now += step
        assert 0 < beat.tick() <= 0.5
    return sent


def test_each_comes_at_its_interval_and_all_at_the_start(redis: Redis) -> None:
    beat = scheduler(often=1, seldom=5)
    assert sorted(run(beat, 2 * STAGGER_SECONDS)) == ["often", "seldom"]
    later = run(beat, 20)
    assert (later.count("often"), later.count("seldom")) == (20, 4)


def test_what_was_missed_is_not_made_up_for(redis: Redis) -> None:
    global now
    beat = scheduler(often=1)
    run(beat, 1)
    now += 3600
    assert run(beat, 0.1) == ["often"]
    assert len(run(beat, 3)) == 3


def test_while_nobody_takes_them_no_more_are_sent(redis: Redis) -> None:
    beat = scheduler(often=1)
    redis.rpush("control", *["x"] * HEAP_MOST)
    assert run(beat, 10) == []
    redis.lpop("control")
    assert len(run(beat, 10)) == 10


def test_a_broker_that_is_away_is_said_once_and_found_again(caplog: pytest.LogCaptureFixture, redis: Redis) -> None:
    caplog.set_level("INFO", logger=steady_beat.__name__)
    beat = scheduler(often=1)
    there = beat._redis
    beat._redis = Redis.from_url("redis://127.0.0.1:1/0")
    assert run(beat, 5) == []
    beat._redis = there
    assert len(run(beat, 5)) == 5
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "the broker does not answer; ticks are left out until it does",
        "the broker answers again",
    ]


def test_it_is_the_one_of_this_installation_and_says_no_time_of_day(redis: Redis) -> None:
    assert celery_app.conf.beat_scheduler == "workers.tasks.steady_beat:SteadyScheduler"
    beat = SteadyScheduler(app=celery_app)
    assert set(beat.schedule) == set(BEAT_SCHEDULE)
    global now
    now += 60
    beat.tick()
    messages = [text.decode() for queue in QUEUES for text in redis.lrange(queue, 0, -1)]
    assert len(messages) == len(BEAT_SCHEDULE)
    assert all('"expires": null' in text and '"eta": null' in text for text in messages)
