"""Work that leaves its GPUs idle is warned once, stopped when the policy says so, and left in peace when it works."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import nan
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.models import AuditEvent, Event
from apps.quotas.models import Attempt, IdlePolicy, MemberUsage, Queue, ResourcePool, Workload
from apps.quotas.models.member_usage import packed
from apps.quotas.services.idle import idle_due, idle_enforce
from apps.quotas.services.idle_policies import DEFAULT, idle_policy_remove, idle_policy_set, rules_in_force
from apps.quotas.services.workloads import workload_stop
from tests.apps.quotas.driving import running
from tests.support.factories.quotas import (
    IdlePolicyFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
    serving_spec,
)
from tests.support.jobs import Sent, fresh, story
from workers.contracts.observation import Phase

ACTOR = Actor.system("test")


@pytest.fixture
def gpu_pool(db: None, settings: Any) -> ResourcePool:
    settings.BEDPLATE_BACKEND = "fake"
    return make_pool(H200=8)


@pytest.fixture
def gpu_queue(gpu_pool: ResourcePool) -> Queue:
    return make_queue(gpu_pool, gpus=8)


def working(queue: Queue, members: int = 1, **spec: Any) -> tuple[Workload, Attempt]:
    """A gang that runs with a GPU each, since an hour."""
    workload, attempt = running(queue, spec_object=job_spec(gpus=1, **spec), count_min=members, count_max=members)
    seen = [{"index": rank, "phase": Phase.RUNNING, "ready": False} for rank in range(members)]
    Attempt.objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - timedelta(hours=1), members=seen)
    return workload, attempt


def sampled(attempt: Attempt, *phases: tuple[float, float, float], rank: int = 0) -> datetime:
    """Samples of phases (from and to so many seconds ago, share) of GPU 0, as heartbeats leave them."""
    now = clock.db_now()
    times = [(ago, busy) for start, end, busy in phases for ago in range(int(start), int(end), -5)]
    rows = [[(now - timedelta(seconds=ago)).timestamp(), 1.0, 2.0, busy, 3.0] for ago, busy in times]
    MemberUsage.objects.filter(attempt=attempt, rank=rank).delete()
    MemberUsage.objects.create(attempt=attempt, rank=rank, gpus=[0], recent=packed(rows))
    gpu = {"index": 0, "utilisation_ratio": rows[-1][3], "memory_bytes": 3}
    kept = Attempt.objects.get(pk=attempt.pk).usage
    said = {"at": now.isoformat(), "gpus": [gpu] if rows[-1][3] == rows[-1][3] else []}
    Attempt.objects.filter(pk=attempt.pk).update(usage={**kept, str(rank): said})
    return now


def enforce_all() -> list[bool]:
    return [idle_enforce(workload_id) for workload_id in idle_due()]


def actions() -> list[str]:
    rows = AuditEvent.objects.filter(action__startswith="workload.").order_by("id")
    return list(rows.values_list("action", flat=True))


def test_its_owner_is_warned_once(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool, action="warn")
    workload, attempt = working(gpu_queue)
    now = sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == [True]
    told = fresh(workload)
    assert told.idle_since is not None
    assert abs((told.idle_since - (now - timedelta(seconds=100))).total_seconds()) < 0.001
    assert told.idle_warned_at is not None
    assert (told.state, told.idle_stops_at) == ("running", None)
    assert enforce_all() == []
    assert not idle_enforce(workload.pk)
    assert actions() == ["workload.idle_warned"]
    [event] = Event.objects.filter(kind="workload.idle_warned")
    assert (event.subject, event.payload["threshold_ratio"]) == (f"workload.{workload.pk}", 0.1)


def test_it_is_stopped_so_long_after_the_warning(gpu_queue: Queue, sent: Sent) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue)
    sampled(attempt, (400, 300, 0.9), (300, 0, 0.0))
    assert enforce_all() == [True]
    told = fresh(workload)
    assert told.idle_warned_at is not None
    assert told.idle_stops_at == told.idle_warned_at + timedelta(seconds=60)
    assert enforce_all() == [], "it has been idle for long enough, and was warned a moment ago"
    Workload.objects.filter(pk=workload.pk).update(
        idle_warned_at=told.idle_warned_at - timedelta(seconds=61),
        idle_stops_at=told.idle_stops_at - timedelta(seconds=61),
    )
    sent.take()
    assert enforce_all() == [True]
    now = fresh(workload)
    assert (now.state, now.state_reason) == ("stopping", "idle")
    assert now.state_detail.startswith("Its GPUs were used for less than 10% of the time since 20")
    assert (queues.STOP, str(workload.pk)) in sent
    assert actions() == ["workload.idle_warned", "workload.idle_stopped"]
    assert enforce_all() == []
    assert fresh(workload).idle_since == told.idle_since, "what was stopped keeps since when it was idle"


def test_the_warning_is_taken_back_when_it_works_again(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue)
    sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == [True]
    sampled(attempt, (200, 100, 0.9), (100, 5, 0.0), (5, 0, 0.8))
    assert enforce_all() == [True]
    now = fresh(workload)
    assert (now.state, now.idle_since, now.idle_warned_at, now.idle_stops_at) == ("running", None, None, None)
    assert enforce_all() == []
    assert actions() == ["workload.idle_warned", "workload.idle_withdrawn"]


def test_work_between_two_looks_takes_it_back_and_the_time_begins_anew(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue)
    Workload.objects.filter(pk=workload.pk).update(
        idle_since=clock.db_now() - timedelta(seconds=900),
        idle_warned_at=clock.db_now() - timedelta(seconds=800),
        idle_stops_at=clock.db_now() - timedelta(seconds=740),
    )
    sampled(attempt, (950, 900, 0.9), (900, 100, 0.0), (100, 95, 0.9), (95, 0, 0.0))
    assert enforce_all() == [True]
    now = fresh(workload)
    assert now.state == "running", "the warning was of an idleness that is over"
    assert now.idle_warned_at is None or now.idle_warned_at > now.state_at


@pytest.mark.parametrize(
    ("phases", "why"),
    [
        ([(200, 100, 0.9), (100, 0, 0.2)], "it works a little"),
        ([(200, 40, 0.9), (40, 0, 0.0)], "not for long enough"),
        ([(200, 100, 0.9), (100, 50, 0.0), (50, 0, nan)], "no figures come any more"),
        ([(400, 300, 0.9), (300, 150, 0.0)], "no sample comes any more"),
        ([(400, 300, 0.9), (300, 150, 0.0), (40, 0, 0.0)], "nobody knows what was in the gap"),
    ],
)
def test_whom_nobody_may_blame(gpu_queue: Queue, phases: list[Any], why: str) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue)
    sampled(attempt, *phases)
    assert enforce_all() == [], why
    assert fresh(workload).idle_warned_at is None


def test_one_busy_member_keeps_the_gang(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue, members=2)
    sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    sampled(attempt, (200, 0, 0.9), rank=1)
    assert enforce_all() == []
    sampled(attempt, (200, 80, 0.9), (80, 0, 0.0), rank=1)
    assert enforce_all() == [True]
    since = fresh(workload).idle_since
    assert since is not None
    assert since > clock.db_now() - timedelta(seconds=90), "since the last of them ceased to work"


def test_a_member_that_has_left_is_waited_for_no_more(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    _, attempt = working(gpu_queue, members=2)
    sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == [], "of the other nothing is known"
    gone = [{"index": 0, "phase": Phase.RUNNING}, {"index": 1, "phase": Phase.SUCCEEDED}]
    Attempt.objects.filter(pk=attempt.pk).update(members=gone)
    assert enforce_all() == [True]


def test_loading_is_left_its_time(gpu_queue: Queue) -> None:
    policy = IdlePolicyFactory.create(pool=gpu_queue.pool, grace_seconds=3500)
    _, attempt = working(gpu_queue)
    sampled(attempt, (300, 0, 0.0))
    assert enforce_all() == [True], "an hour after its start the grace was over a hundred seconds ago"
    Workload.objects.update(idle_since=None, idle_warned_at=None, idle_stops_at=None)
    IdlePolicy.objects.filter(pk=policy.pk).update(grace_seconds=3580)
    assert enforce_all() == []


def test_what_has_no_gpu_or_serves_is_left_alone(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    _, cores = running(gpu_queue)
    served, serves = running(gpu_queue, spec_object=serving_spec(), gpus=1)
    for attempt in (cores, serves):
        sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == []
    IdlePolicy.objects.update(kinds=["serving"])
    assert idle_due() == [served.pk]


def test_the_policy_of_a_queue_holds_instead_of_that_of_its_pool(gpu_queue: Queue) -> None:
    pool = gpu_queue.pool
    assert rules_in_force()(pool.pk, gpu_queue.pk) == DEFAULT
    idle_policy_set(pool=pool, action="stop", warn_seconds=60, stop_seconds=60, grace_seconds=0, actor=ACTOR)
    own = idle_policy_set(pool=pool, queue=gpu_queue, action="off", actor=ACTOR)
    other = make_queue(pool, gpus=8)
    assert rules_in_force()(pool.pk, gpu_queue.pk).action == "off"
    assert rules_in_force()(pool.pk, other.pk).action == "stop"
    _, attempt = working(gpu_queue)
    sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == []
    idle_policy_remove(own, actor=ACTOR)
    assert enforce_all() == [True]


def test_a_policy_that_changes_is_judged_by_at_once(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool, action="warn")
    workload, attempt = working(gpu_queue)
    sampled(attempt, (400, 300, 0.9), (300, 0, 0.0))
    assert enforce_all() == [True]
    idle_policy_set(pool=gpu_queue.pool, action="stop", warn_seconds=60, stop_seconds=600, grace_seconds=0, actor=ACTOR)
    assert enforce_all() == [True]
    now = fresh(workload)
    assert now.idle_warned_at is not None
    assert now.idle_stops_at == now.idle_warned_at + timedelta(seconds=600)
    idle_policy_set(pool=gpu_queue.pool, action="off", actor=ACTOR)
    assert enforce_all() == [True]
    assert fresh(workload).idle_warned_at is None
    assert enforce_all() == []


def test_what_waits_again_is_warned_of_nothing(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    workload, attempt = working(gpu_queue)
    sampled(attempt, (200, 100, 0.9), (100, 0, 0.0))
    assert enforce_all() == [True]
    workload_stop(fresh(workload), reason="evicted", actor=ACTOR)
    assert enforce_all() == [True]
    assert fresh(workload).idle_warned_at is None
    assert enforce_all() == []
    assert story(workload)[-1] == ("stopping", "evicted")


def test_setting_a_policy_is_audited_with_what_it_was(gpu_queue: Queue) -> None:
    pool = gpu_queue.pool
    first = idle_policy_set(pool=pool, action="warn", actor=ACTOR)
    assert idle_policy_set(pool=pool, action="warn", actor=ACTOR) == first
    idle_policy_set(pool=pool, action="stop", threshold_ratio=0.2, actor=ACTOR)
    [made, changed] = AuditEvent.objects.filter(action="idle_policy.set").order_by("id")
    assert made.detail["was"] is None
    assert changed.detail["was"] == {k: v for k, v in made.detail.items() if k != "was"}
    assert (changed.detail["action"], changed.detail["threshold_ratio"]) == ("stop", 0.2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "shout"},
        {"threshold_ratio": 0.0},
        {"threshold_ratio": 1.1},
        {"warn_seconds": 59},
        {"stop_seconds": 0},
        {"grace_seconds": -1},
        {"kinds": ["job", "toy"]},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(gpu_queue: Queue, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as error:
        idle_policy_set(pool=gpu_queue.pool, actor=ACTOR, **wrong)
    assert list(error.value.fields) == list(wrong)
    assert IdlePolicy.objects.count() == 0


def test_a_queue_of_another_pool_is_refused(gpu_queue: Queue) -> None:
    other = make_queue(WorkloadFactory.create().pool)
    with pytest.raises(Invalid, match="is not in the pool"):
        idle_policy_set(pool=gpu_queue.pool, queue=other, actor=ACTOR)


def test_a_look_takes_the_same_statements_however_much_runs(gpu_queue: Queue) -> None:
    IdlePolicyFactory.create(pool=gpu_queue.pool)
    for _ in range(2):
        sampled(working(gpu_queue)[1], (200, 100, 0.9), (100, 0, 0.0))
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(idle_due()) == 2
    for _ in range(4):
        sampled(working(gpu_queue)[1], (200, 100, 0.9), (100, 0, 0.0))
    with CaptureQueriesContext(connection) as many:
        assert len(idle_due()) == 6
    assert len(many) == len(few) == 5
