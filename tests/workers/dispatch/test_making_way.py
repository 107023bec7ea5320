"""Preemption between the database and a backend: told with its grace, told anew, and through crashes of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from uuid6 import uuid7

from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.preemption import Smaller, Victim, workloads_preempt, workloads_shrink
from apps.quotas.services.workloads import workload_stop
from tests.support.factories.quotas import WorkloadFactory, serving_spec
from tests.support.jobs import Sent, fresh, story
from workers.backends.fake import FakeBackend, Script
from workers.dispatch import registry
from workers.dispatch.launch import launch_due
from workers.dispatch.observe import observe_due
from workers.dispatch.resize import resize_due
from workers.dispatch.stop import stop, stop_due

ACTOR = Actor.system("admission")
LEAVES = Script(stopping=2, stopped_exit_code=83)
"""Is seen twice while it writes its checkpoint, then leaves as agreed."""


def running(queue: Queue, **kwargs: Any) -> Workload:
    workload = WorkloadFactory.create(queue=queue, **kwargs)
    pool_admit(workload.pool_id)
    launch_due()
    observe_due()
    assert fresh(workload).state == "running"
    return fresh(workload)


def preempt(workload: Workload) -> None:
    victim = Victim(workload, "preempted", "", uuid7())
    assert workloads_preempt([victim], actor=ACTOR, at=clock.db_now()) == {workload.pk}


@pytest.fixture
def grace(settings: Any) -> None:
    settings.BEDPLATE_PREEMPTION_GRACE_SECONDS, settings.BEDPLATE_STOP_GRACE_SECONDS = 90, 20


@pytest.mark.usefixtures("grace")
def test_what_makes_way_has_the_longer_grace_and_what_is_cancelled_the_shorter(
    queue: Queue, fake: FakeBackend, sent: Sent
) -> None:
    fake.plan = Script.stubborn(100)
    workload = running(queue)
    preempt(workload)
    stop(workload.pk)
    stop_due()
    assert fake.graces == [90.0], "it is told once"
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
    stop(workload.pk)
    stop_due()
    assert fake.graces == [90.0, 20.0]


@pytest.mark.usefixtures("grace")
def test_what_lives_on_after_its_time_is_ended_without_grace(queue: Queue, fake: FakeBackend, sent: Sent) -> None:
    fake.plan = Script.stubborn(100)
    workload = running(queue)
    preempt(workload)
    stop_due()
    now = clock.db_now()
    with clock.fixed_at(now.replace(microsecond=0)):
        Attempt.objects.update(stop_sent_at=clock.db_now() - timedelta(seconds=119))
        assert stop_due() == 0, "a backend is left half a minute to do what it was told"
        Attempt.objects.update(stop_sent_at=clock.db_now() - timedelta(seconds=121))
        assert stop_due() == 1
    assert fake.graces == [90.0, 0]
    observe_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("pending", "preempted")


@pytest.mark.parametrize("dies", ["before it tells the backend", "before it notes that it has", "after"])
def test_a_crash_between_notice_and_end_changes_nothing(dies: str, queue: Queue, fake: FakeBackend, sent: Sent) -> None:
    """With every hint lost, and a worker that died anywhere on the way: the ticks of the next one do it."""
    fake.plan = LEAVES
    workload = running(queue)
    attempt_id = Attempt.objects.get().pk
    preempt(workload)
    if dies != "before it tells the backend":
        stop_due()
    if dies == "before it notes that it has":
        Attempt.objects.update(stop_sent_at=None)
    registry.backend_use(FakeBackend(LEAVES, cluster=fake.cluster))  # all that the worker knew is gone
    for _ in range(6):
        stop_due()
        observe_due()
    now, over = fresh(workload), Attempt.objects.get(pk=attempt_id)
    assert (over.outcome, over.exit_code, now.losses, now.back_offs) == ("preempted", 83, 0, 0)
    assert story(workload) == [
        ("admitted", ""), ("launching", ""), ("running", ""), ("stopping", "preempted"), ("pending", "preempted"),
    ]  # fmt: skip
    pool_admit(workload.pool_id)
    launch_due()
    observe_due()
    assert (fresh(workload).state, fresh(workload).attempts_made) == ("running", 2)


def test_a_backend_is_told_of_fewer_replicas_and_later_of_more(queue: Queue, fake: FakeBackend, sent: Sent) -> None:
    workload = running(queue, spec_object=serving_spec(), count_max=3)
    (job,) = fake.cluster.jobs.values()
    workloads_shrink([Smaller(workload, 1, uuid7())], actor=ACTOR, at=clock.db_now())
    assert resize_due() == 1
    assert (job.count, resize_due()) == (1, 0)
    observe_due()
    assert (fresh(workload).count_granted, fresh(workload).count_max) == (1, 3)
    pool_admit(workload.pool_id)
    assert resize_due() == 1
    assert (job.count, fresh(workload).count_granted) == (3, 3)


def test_a_job_is_launched_with_as_many_members_as_it_was_granted_now(
    queue: Queue, fake: FakeBackend, sent: Sent
) -> None:
    """What the job learns of its size (`BEDPLATE_WORLD_SIZE`) is that of its attempt."""
    fake.plan = Script(stopped_exit_code=83)
    workload = running(queue, count_min=2, count_max=4, cpu_millis=2000)
    workloads_shrink([Smaller(workload, 3, uuid7())], actor=ACTOR, at=clock.db_now())
    stop_due()
    WorkloadFactory.create(queue=queue, state="running", cpu_millis=2000)
    pool_admit(workload.pool_id)
    launch_due()
    observe_due()
    assert (fresh(workload).state, fresh(workload).count_granted) == ("running", 3)
    assert [(one.count, len(one.nodes), len(one.devices)) for one in fake.launches] == [(4, 4, 4), (3, 3, 3)]
