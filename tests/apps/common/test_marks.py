"""Marks: when something was last seen at work, by Redis's clock; never in anybody's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from apps.common import marks


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setattr(marks, "_due", {})
    redis = Redis.from_url(settings.BEDPLATE_REDIS_URL)
    redis.delete(marks.KEY)
    yield redis
    redis.delete(marks.KEY)
    redis.close()


def test_what_was_marked_is_read_with_its_age(redis: Redis) -> None:
    marks.mark(marks.SENT, "control.tick_admit")
    marks.mark(marks.WORKER, "celery@one")
    found = marks.marks_read(redis)
    assert {kind: sorted(names) for kind, names in found.items()} == {
        "sent": ["control.tick_admit"],
        "taken": [],
        "worker": ["celery@one"],
    }
    assert all(0 <= age < 30 for names in found.values() for age in names.values())


def test_the_age_is_by_the_clock_of_redis(redis: Redis) -> None:
    now: Any = redis.time()
    redis.hset(marks.KEY, mapping={"sent:slow": now[0] - 40, "sent:gone": now[0] - marks.FORGET_AFTER_SECONDS - 60})
    found = marks.marks_read(redis)["sent"]
    assert set(found) == {"slow"}
    assert 40 <= found["slow"] < 60
    assert redis.hkeys(marks.KEY) == [b"sent:slow"], "what is old is forgotten"


def test_a_second_mark_within_a_second_costs_nothing(redis: Redis) -> None:
    marks.mark(marks.TAKEN, "control")
    redis.delete(marks.KEY)
    marks.mark(marks.TAKEN, "control")
    assert not redis.exists(marks.KEY)
    marks.mark(marks.TAKEN, "dispatch")
    assert redis.hkeys(marks.KEY) == [b"taken:dispatch"], "each on its own"


def test_without_redis_nothing_happens_and_it_rests(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(marks, "_due", {})
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"
    marks.mark(marks.WORKER, "celery@one")

    def fail(url: str) -> None:
        raise AssertionError("it was tried again")

    monkeypatch.setattr(marks, "marks_redis", fail)
    marks.mark(marks.WORKER, "celery@two")
