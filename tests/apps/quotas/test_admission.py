"""Admission on the database: what a cycle writes, in how many statements, and under contention."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.models import Event
from apps.quotas.models import Node, Queue, ResourcePool, UsageRecord, Workload
from apps.quotas.selectors import pools_with_work
from apps.quotas.services import admission
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.workloads import workload_resize, workload_stop
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_pool, make_queue, serving
from tests.support.jobs import Sent, admit, fresh, intervals, story

ACTOR = Actor.system("test")


def test_what_fits_is_admitted_billed_and_launched(queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, spec_object=job_spec(2, 4), count_min=2, count_max=3)
    before = clock.db_now()
    assert pool_admit(queue.pool_id) == 1
    now = fresh(workload)
    assert (now.state, now.count_granted, now.flavor_granted, now.not_before) == ("admitted", 3, "", None)
    assert now.assignments == [{"node": "node-0", "devices": []}] * 3
    assert now.admitted_at is not None
    assert before <= now.admitted_at <= clock.db_now()
    record = UsageRecord.objects.get(workload=workload)
    assert (record.members, record.cpu_millis, record.memory_bytes, record.gpus) == (3, 6000, 12 << 30, 0)
    assert (record.reserved_at, record.used_at, record.closed_at, record.attempt) == (now.admitted_at, None, None, None)
    assert (record.project, record.organisation, record.team, record.pool) == (
        now.project,
        now.organisation,
        now.team,
        now.pool,
    )
    assert story(workload) == [("admitted", "")]
    assert sent == [(queues.LAUNCH, str(workload.pk)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_gpus_are_granted_by_kind_and_index(db: None) -> None:
    queue = make_queue(make_pool(H200=4), gpus=4)
    one = WorkloadFactory.create(queue=queue, spec_object=job_spec(gpus=3))
    other = WorkloadFactory.create(queue=queue, spec_object=job_spec(gpus=1, flavor="H200"))
    assert pool_admit(queue.pool_id) == 2
    assert fresh(one).assignments == [{"node": "node-0", "devices": [0, 1, 2]}]
    assert fresh(other).assignments == [{"node": "node-0", "devices": [3]}]
    assert fresh(one).flavor_granted == "H200"
    assert UsageRecord.objects.get(workload=one).flavor == "H200"


def test_what_does_not_fit_is_told_why_and_told_again_only_when_it_changes(pool: ResourcePool, sent: Sent) -> None:
    queue = make_queue(pool, cores=1)
    WorkloadFactory.create(queue=queue, state="running")
    workload = WorkloadFactory.create(queue=queue)
    for _ in range(3):
        assert pool_admit(pool.pk) == 0
    now = fresh(workload)
    assert (now.state, now.state_reason) == ("pending", "waiting_for_quota")
    project = queue.project.name
    assert now.state_detail == f"Waiting: project {project}'s quota of 1 core is used by 1 workload; first in queue."
    assert Event.objects.filter(kind="workload.explained", subject=f"workload.{workload.pk}").count() == 1
    assert story(workload) == []
    assert sent == []


def test_what_is_not_even_read_waits_for_the_same(pool: ResourcePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "pool_read", partial(admission.pool_read, alike_most=2))
    queues_full = [make_queue(pool, cores=1) for _ in range(2)]
    for queue in queues_full:
        WorkloadFactory.create(queue=queue, state="running")
        WorkloadFactory.create_batch(4, queue=queue)
    held = WorkloadFactory.create(queue=queues_full[0], is_held=True, state_reason="budget_exhausted")
    made_way = WorkloadFactory.create(queue=queues_full[0], state_reason="preempted", making_way="For vision.")
    with CaptureQueriesContext(connection) as captured:
        assert pool_admit(pool.pk) == 0
    told = [one["sql"] for one in captured.captured_queries if "held.reason" in one["sql"]]
    assert len(told) == 1, "one statement, however many queues"
    for queue in queues_full:
        waits = Workload.objects.filter(queue=queue, state="pending", is_held=False).exclude(pk=made_way.pk)
        assert {one.state_reason for one in waits} == {"waiting_for_quota"}
        last = list(waits.order_by("created_at"))[1:]
        assert len({one.state_detail for one in last}) == 1, "those behind are told what the last that was read is told"
    assert fresh(held).state_reason == "budget_exhausted"
    assert fresh(made_way).state_reason == "preempted"


def test_what_could_never_run_is_refused(queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, spec_object=job_spec(16))
    assert pool_admit(queue.pool_id) == 0
    now = fresh(workload)
    assert (now.state, now.state_reason) == ("failed", "exceeds_quota")
    assert now.state_detail == "Refused: needs 16 cores, the largest that could run here is 8 cores. Ask for 8 cores."
    assert now.ended_at is not None
    assert sent == [(queues.WORKLOAD_CHANGED, str(workload.pk))]
    assert UsageRecord.objects.count() == 0


def test_what_backs_off_is_not_looked_at_before_its_time(queue: Queue) -> None:
    later = WorkloadFactory.create(
        queue=queue, not_before=clock.db_now() + timedelta(seconds=60), state_reason="backing_off", state_detail="Lost."
    )
    earlier = WorkloadFactory.create(queue=queue, not_before=clock.db_now() - timedelta(seconds=1))
    assert pool_admit(queue.pool_id) == 1
    assert (fresh(later).state, fresh(later).state_reason, fresh(later).state_detail) == (
        "pending",
        "backing_off",
        "Lost.",
    )
    assert fresh(earlier).state == "admitted"


@pytest.mark.parametrize("state", ["admitted", "launching", "running", "stopping"])
def test_quota_is_held_until_the_last_member_is_gone(state: str, pool: ResourcePool) -> None:
    queue = make_queue(pool, cores=1)
    WorkloadFactory.create(queue=queue, state=state)
    assert admit(WorkloadFactory.create(queue=queue)).state == "pending"


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_what_has_ended_holds_nothing(state: str, pool: ResourcePool) -> None:
    queue = make_queue(pool, cores=1)
    WorkloadFactory.create(queue=queue, state=state)
    assert admit(WorkloadFactory.create(queue=queue)).state == "admitted"


def test_a_cycle_touches_its_own_pool_only(queue: Queue) -> None:
    other = WorkloadFactory.create(queue=make_queue(ResourcePool.objects.create(name="other", backend="fake")))
    mine = WorkloadFactory.create(queue=queue)
    assert pool_admit(queue.pool_id) == 1
    assert (fresh(mine).state, fresh(other).state, fresh(other).state_reason) == ("admitted", "pending", "")
    assert pools_with_work() == [other.pool_id]


def test_a_pool_that_is_gone_has_nothing_to_decide(db: None) -> None:
    assert pool_admit(make_pool().organisation_id or Queue().pk) == 0


def test_what_was_cancelled_meanwhile_is_neither_billed_nor_launched(
    queue: Queue, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot is old by the time it is applied; what moved in between stays where it went."""
    workload = WorkloadFactory.create(queue=queue)
    decide = admission.cycle

    def slow(snapshot: Any) -> Any:
        workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
        return decide(snapshot)

    monkeypatch.setattr(admission, "cycle", slow)
    assert pool_admit(queue.pool_id) == 0
    assert fresh(workload).state == "cancelled"
    assert UsageRecord.objects.count() == 0
    assert queues.LAUNCH not in sent.names()


def statements(pool: ResourcePool) -> int:
    with CaptureQueriesContext(connection) as captured:
        pool_admit(pool.pk)
    return len(captured)


def crowd(pool: ResourcePool, size: int) -> None:
    """So many of each: admitted, refused, waiting, and growing, in queues of their own."""
    for _ in range(size):
        queue = make_queue(pool, cores=2)
        WorkloadFactory.create(queue=queue, spec_object=job_spec(0.001))
        WorkloadFactory.create(queue=queue, spec_object=job_spec(3))
        WorkloadFactory.create(queue=queue, spec_object=job_spec(2))
        workload = serving(queue=queue, state="running", count_max=1, cpu_millis=1)
        Workload.objects.filter(pk=workload.pk).update(count_max=2)


def test_a_cycle_takes_the_same_statements_whatever_it_decides_about(pool: ResourcePool) -> None:
    Node.objects.update(cpu_millis=10**9)
    crowd(pool, 1)
    few = statements(pool)
    assert few == 20
    Workload.objects.all().update(state="cancelled")
    crowd(pool, 12)
    assert statements(pool) == few
    assert statements(pool) == 16


def test_idle_pools_cost_little(queue: Queue) -> None:
    assert statements(queue.pool) == 5


def test_a_replica_more_is_granted_and_told_to_the_backend(queue: Queue, sent: Sent) -> None:
    workload = serving(queue=queue, state="running", count_max=1)
    workload_resize(workload, count=3, actor=ACTOR)
    sent.clear()
    pool_admit(queue.pool_id)
    now = fresh(workload)
    assert (now.state, now.count_granted, len(now.assignments)) == ("running", 3, 3)
    assert intervals(workload) == [(1, False, True), (3, False, False)]
    assert sent == [(queues.RESIZE, str(workload.pk)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_growth_keeps_the_bill_used_and_attached(queue: Queue) -> None:
    workload = serving(queue=queue, state="running", count_max=1)
    attempt = workload.current_attempt()
    UsageRecord.objects.update(used_at=clock.db_now(), attempt=attempt)
    workload_resize(workload, count=2, actor=ACTOR)
    pool_admit(queue.pool_id)
    first, second = UsageRecord.objects.order_by("reserved_at")
    assert first.closed_at == second.reserved_at == second.used_at
    assert second.attempt == attempt
    assert (second.members, second.cpu_millis) == (2, 2000)


def test_what_cannot_grow_says_so_until_it_can(pool: ResourcePool) -> None:
    queue = make_queue(pool, cores=2)
    blocker = WorkloadFactory.create(queue=queue, state="running")
    workload = serving(queue=queue, state="running", count_max=1)
    workload_resize(workload, count=2, actor=ACTOR)
    pool_admit(pool.pk)
    now = fresh(workload)
    assert (now.state, now.state_reason, now.count_granted) == ("running", "waiting_for_quota", 1)
    assert now.state_detail == (
        f"1 of 2 members granted. Waiting: project {queue.project.name}'s quota of 2 cores is used by 2 workloads."
    )
    Workload.objects.filter(pk=blocker.pk).update(state="succeeded")
    pool_admit(pool.pk)
    now = fresh(workload)
    assert (now.state_reason, now.state_detail, now.count_granted) == ("", "", 2)


@pytest.mark.parametrize("state", ["admitted", "stopping"])
def test_what_is_not_up_does_not_grow(state: str, queue: Queue) -> None:
    workload = serving(queue=queue, state=state, count_max=1)
    Workload.objects.filter(pk=workload.pk).update(count_max=3)
    pool_admit(queue.pool_id)
    assert fresh(workload).count_granted == 1


@pytest.mark.django_db(transaction=True)
def test_cycles_at_the_same_time_give_nothing_away_twice(settings: Any) -> None:
    queue = make_queue(make_pool(cores=64), cores=5)
    WorkloadFactory.create_batch(20, queue=queue)
    admitted: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        for _ in range(3):
            admitted.append(pool_admit(queue.pool_id))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 5
    assert sorted(admitted)[-1] == 5
    assert Workload.objects.filter(state="admitted").count() == 5
    assert UsageRecord.objects.filter(closed_at=None).count() == 5


@pytest.mark.django_db(transaction=True)
def test_stops_during_cycles_leave_nothing_held(settings: Any) -> None:
    """Admission and cancellation race over the same rows; whoever wins, the books agree."""
    queue = make_queue(make_pool(cores=64), cores=10)
    workloads = WorkloadFactory.create_batch(10, queue=queue)
    start = threading.Barrier(2)

    def stop_all() -> None:
        start.wait()
        for workload in workloads:
            workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
        connections.close_all()

    def admit_all() -> None:
        start.wait()
        for _ in range(5):
            pool_admit(queue.pool_id)
        connections.close_all()

    threads = [threading.Thread(target=stop_all), threading.Thread(target=admit_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Workload.objects.values_list("state", flat=True)) == {"cancelled"}
    assert UsageRecord.objects.filter(closed_at=None).count() == 0
