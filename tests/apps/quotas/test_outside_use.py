"""What a cluster says of GPUs of members that cannot tell themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, MemberUsage
from apps.quotas.services.outside_use import use_take, with_outside
from apps.quotas.services.pools import pool_discover
from apps.quotas.services.reports import heartbeat
from tests.support.factories.quotas import job_spec, make_queue
from tests.workers.dispatch.driving import attempt_of_workload, launched
from workers.backends.base import GpuFacts, GpuUse, MemberUse, NodeFacts
from workers.backends.fake import FakeBackend

pytestmark = pytest.mark.django_db
NOTHING: dict[str, Any] = {"cpu_ratio": 0.5, "memory_bytes": 5, "gpus": []}
OWN = {"index": 0, "utilisation_ratio": 0.9, "memory_bytes": 7}


@pytest.fixture
def attempt(fake: FakeBackend) -> Attempt:
    """Of one member with one GPU, which was never heard of."""
    node = NodeFacts("box", 8000, 64 << 30, (GpuFacts(0, "NVIDIA H200", "GPU-0", 141 << 30),))
    queue = make_queue(pool_discover("fake", "fake", [node]), cores=99, memory=999, gpus=99)
    return attempt_of_workload(launched(queue, spec_object=job_spec(gpus=1)))


def beat(attempt: Attempt, sample: dict[str, Any] = NOTHING) -> dict[str, Any]:
    """The member's last sample after one heartbeat more."""
    heartbeat(Attempt.objects.get(pk=attempt.pk), rank=0, sample=sample)
    return said(attempt)


def said(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = Attempt.objects.get(pk=attempt.pk).usage["0"]
    return found


def seen(attempt: Attempt, busy: float | None = 0.25, rank: int = 0, backend: str = "fake") -> int:
    return use_take(backend, [MemberUse(str(attempt.pk), rank, (GpuUse(busy, 3),))])


def test_what_is_seen_goes_with_the_samples_that_follow(attempt: Attempt) -> None:
    before = beat(attempt)
    assert seen(attempt) == 1
    told = said(attempt)
    assert (told["at"], told["cpu_ratio"]) == (before["at"], 0.5)
    [gpu] = told["gpus"]
    assert {**gpu, "measured_at": ""} == {
        **{"index": 0, "utilisation_ratio": 0.25, "memory_bytes": 3, "measured_at": ""},
    }
    assert beat(attempt)["gpus"] == [gpu]
    [usage] = MemberUsage.objects.all()
    assert usage.gpus == [0]
    assert usage.samples()[-1][1:] == [0.5, 5.0, 0.25, 3.0]
    assert len(usage.samples()) == 2, "one row for each heartbeat, and none besides"


def test_what_is_seen_later_takes_its_place(attempt: Attempt) -> None:
    beat(attempt)
    seen(attempt)
    assert seen(attempt, 0.75) == 1
    assert [gpu["utilisation_ratio"] for gpu in beat(attempt)["gpus"]] == [0.75]


def test_a_member_that_tells_of_its_gpus_is_never_spoken_for(attempt: Attempt) -> None:
    beat(attempt)
    seen(attempt)
    assert beat(attempt, {**NOTHING, "gpus": [OWN]})["gpus"] == [OWN]
    assert seen(attempt) == 0
    assert beat(attempt)["gpus"] == []


def test_who_was_never_heard_of_stays_so(attempt: Attempt) -> None:
    assert seen(attempt) == 0
    assert Attempt.objects.get(pk=attempt.pk).usage == {}


def test_only_its_own_backend_speaks_of_an_attempt_and_only_while_it_is_open(attempt: Attempt) -> None:
    beat(attempt)
    assert seen(attempt, backend="kubernetes/gpu") == 0
    assert seen(attempt, rank=5) == 0
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=clock.db_now())
    assert seen(attempt) == 0
    assert said(attempt)["gpus"] == []


def test_what_names_no_attempt_is_left_out(attempt: Attempt) -> None:
    beat(attempt)
    other = MemberUse("no uuid", 0, (GpuUse(0.1, 1),))
    assert use_take("fake", [other, MemberUse(str(attempt.pk), 0, (GpuUse(0.1, 1),))]) == 1


def test_devices_are_called_as_the_pool_calls_them(attempt: Attempt) -> None:
    beat(attempt)
    workload = attempt.workload
    workload.assignments = [{**workload.assignments[0], "devices": [3, 5]}]
    workload.save(update_fields=["assignments"])
    two = (GpuUse(0.1, 1), GpuUse(0.2, 2))
    use_take("fake", [MemberUse(str(attempt.pk), 0, two)])
    assert [(gpu["index"], gpu["memory_bytes"]) for gpu in said(attempt)["gpus"]] == [(3, 1), (5, 2)]
    use_take("fake", [MemberUse(str(attempt.pk), 0, (*two, GpuUse(None, 3)))])
    assert [gpu["index"] for gpu in said(attempt)["gpus"]] == [0, 1, 2], "others than it was given"


@pytest.mark.parametrize(("seconds", "held"), [(0, True), (90, True), (91, False)])
def test_it_counts_until_it_is_too_old(seconds: int, held: bool) -> None:
    now = clock.now()
    gpu = {**OWN, "measured_at": (now - timedelta(seconds=seconds)).isoformat()}
    assert with_outside(NOTHING, {"gpus": [gpu]}, now)["gpus"] == ([gpu] if held else [])


@pytest.mark.parametrize("before", [{}, {"gpus": None}, {"gpus": [OWN]}, {"gpus": [{**OWN, "measured_at": 5}]}])
def test_nothing_else_of_the_last_sample_is_kept(before: dict[str, Any]) -> None:
    assert with_outside(NOTHING, before, clock.now()) == NOTHING
