"""What members used over time: kept in bounded room, without losing how much memory it was at most."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.common.errors import TooLarge
from apps.quotas.models import Attempt, MemberUsage
from apps.quotas.selectors.member_usage import usage_of
from apps.quotas.services import member_usage
from apps.quotas.services.member_usage import merged, usage_keep
from apps.quotas.services.reports import environment_note, heartbeat
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory

pytestmark = pytest.mark.django_db
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NAN = float("nan")


def keep(attempt: Attempt, number: int, *, rank: int = 0, seconds: float = 5.0, **sample: Any) -> None:
    usage_keep(attempt.pk, rank=rank, sample=sample, at=BEGAN + timedelta(seconds=number * seconds))


@pytest.fixture
def attempt() -> Attempt:
    made: Attempt = AttemptFactory.create()
    return made


def test_a_heartbeat_becomes_a_sample() -> None:
    attempt = WorkloadFactory.create(state="running", count_granted=1).attempts.get()
    heartbeat(attempt, rank=0, sample={"cpu_ratio": 1.5, "memory_bytes": 1000, "gpus": []})
    (member,) = usage_of(attempt, 100)
    assert (member["rank"], member["cpu_cores"], member["memory_bytes"], member["gpus"]) == (0, [1.5], [1000.0], [])
    attempt.refresh_from_db()
    assert member["times"] == [datetime.fromisoformat(attempt.usage["0"]["at"]).timestamp()]


def test_gpus_that_come_later_have_no_samples_before(attempt: Attempt) -> None:
    keep(attempt, 0, cpu_ratio=1, memory_bytes=10)
    gpus = [{"index": 3, "utilisation_ratio": 0.5, "memory_bytes": 7}]
    keep(attempt, 1, cpu_ratio=2, memory_bytes=20, gpus=gpus)
    keep(attempt, 2, cpu_ratio=3, memory_bytes=30)
    (member,) = usage_of(attempt, 100)
    assert member["cpu_cores"] == [1.0, 2.0, 3.0]
    (gpu,) = member["gpus"]
    assert gpu == {"index": 3, "utilisation_ratio": [None, 0.5, None], "memory_bytes": [None, 7.0, None]}


def test_members_are_apart_and_in_order(attempt: Attempt) -> None:
    keep(attempt, 0, rank=1, cpu_ratio=1, memory_bytes=10)
    keep(attempt, 0, rank=0, cpu_ratio=2, memory_bytes=20)
    assert [(one["rank"], one["cpu_cores"]) for one in usage_of(attempt, 100)] == [(0, [2.0]), (1, [1.0])]


def test_two_that_become_one_keep_the_most_memory_and_the_mean_of_cores() -> None:
    row = merged([[1.0, 1.0, 100.0, NAN, 5.0], [2.0, 3.0, 50.0, 0.5, NAN]])
    assert row == [2.0, 2.0, 100.0, 0.5, 5.0]
    assert math.isnan(merged([[1.0, NAN, 1.0], [2.0, NAN, 2.0]])[1])


def test_the_room_is_bounded_however_long_it_runs(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_usage, "KEPT_MOST", 128)
    most = 0
    for number in range(1000):
        keep(attempt, number, cpu_ratio=number % 2, memory_bytes=number)
        most = max(most, len(MemberUsage.objects.get().samples()))
    row = MemberUsage.objects.get()
    assert (row.stride, most <= 128 + 64) == (8, True)
    (member,) = usage_of(attempt, 1000)
    assert member["memory_bytes"][-1] == 999
    assert set(member["cpu_cores"][: len(member["cpu_cores"]) - 40]) == {0.5}
    apart = {round(after - before) for before, after in itertools.pairwise(member["times"])}
    assert apart == {40, 5}  # the recent ones are as they came


def test_a_chart_gets_no_more_than_it_asked_for_and_keeps_peaks(attempt: Attempt) -> None:
    for number in range(60):
        keep(attempt, number, cpu_ratio=9.0 if number == 31 else 1.0, memory_bytes=1)
    (member,) = usage_of(attempt, 10)
    assert len(member["times"]) == 10
    assert max(member["cpu_cores"]) == 9.0


def test_the_first_word_about_the_environment_counts(attempt: Attempt) -> None:
    environment_note(attempt, {"python": "3.11.7", "packages": {"numpy": "2.2\x00"}})
    environment_note(attempt, {"python": "3.12.0"})
    attempt.refresh_from_db()
    assert attempt.environment == {"python": "3.11.7", "packages": {"numpy": "2.2"}}
    with pytest.raises(TooLarge):
        environment_note(attempt, {"packages": {f"package-{number}": "1.0" for number in range(4000)}})
