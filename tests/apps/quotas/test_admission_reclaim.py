"""What is guaranteed is taken back: by whole cycles on the database, from notice to the place that was promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Queue, Quota, ResourcePool, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.states import Reason
from tests.support.factories.quotas import (
    QueueFactory,
    QuotaFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    serving_spec,
)
from tests.support.jobs import fresh

pytestmark = pytest.mark.django_db
GIB = 1 << 30


def sharing(pool: ResourcePool, cores: int) -> Queue:
    """Guaranteed so many cores, free to borrow the others."""
    queue = QueueFactory.create(pool=pool)
    QuotaFactory.create(queue=queue, resource="cpu_millis", nominal=cores * 1000, borrowing_limit=None)
    QuotaFactory.create(queue=queue, resource="memory_bytes", nominal=0, borrowing_limit=None)
    return queue


def running(queue: Queue, cores: int, **more: Any) -> Workload:
    """For an hour already."""
    workload = WorkloadFactory.create(
        queue=queue, spec_object=job_spec(cores), state="running",
        admitted_at=clock.db_now() - timedelta(hours=1), **more,
    )  # fmt: skip
    workload.attempts.update(started_at=clock.db_now() - timedelta(hours=1))
    return workload


@pytest.fixture
def pool() -> ResourcePool:
    """Of eight cores, where what is guaranteed is taken back at once."""
    pool = make_pool()
    ResourcePool.objects.filter(pk=pool.pk).update(reclaim_after_seconds=0)
    pool.refresh_from_db()
    return pool


@pytest.fixture
def lender(pool: ResourcePool) -> Queue:
    return sharing(pool, 4)


@pytest.fixture
def borrower(pool: ResourcePool) -> Queue:
    return sharing(pool, 4)


def test_who_borrowed_leaves_and_who_lent_gets_exactly_that_place(
    pool: ResourcePool, lender: Queue, borrower: Queue
) -> None:
    kept, lent = running(borrower, 4), running(borrower, 4)
    waiting = WorkloadFactory.create(queue=lender, spec_object=job_spec(4))
    assert pool_admit(pool.pk) == 0
    leaving = [one for one in (fresh(kept), fresh(lent)) if one.state == "stopping"]
    assert [(one.state_reason, one.preempted_for) for one in leaving] == [(Reason.RECLAIMED, waiting.pk)]
    assert leaving[0].state_detail == f"Taken back: 4 cores are guaranteed to project {lender.project.name}."
    promised = fresh(waiting)
    assert (promised.state, promised.nominated) == ("pending", [{"node": "node-0", "devices": []}])
    assert promised.state_detail == "Waiting: its place is being freed by others that leave for it."

    late = WorkloadFactory.create(queue=borrower, spec_object=job_spec(1))
    assert pool_admit(pool.pk) == 0, "neither is gone yet, nor is the place anybody else's"
    assert fresh(late).state == "pending"

    Workload.objects.filter(pk=leaving[0].pk).update(
        state="pending", count_granted=0, assignments=[], not_before=clock.db_now() + timedelta(hours=1)
    )
    assert pool_admit(pool.pk) == 1
    admitted = fresh(waiting)
    assert (admitted.state, admitted.nominated, admitted.nominated_flavor) == ("admitted", None, "")
    assert fresh(late).state == "pending"


def test_nobody_is_asked_to_leave_in_its_first_minutes(pool: ResourcePool, lender: Queue, borrower: Queue) -> None:
    young = running(borrower, 8)
    young.attempts.update(started_at=clock.db_now() - timedelta(seconds=pool.min_run_seconds - 30))
    WorkloadFactory.create(queue=lender, spec_object=job_spec(4))
    assert pool_admit(pool.pk) == 0
    assert fresh(young).state == "running"


def test_a_pool_that_preempts_nobody_lets_what_is_guaranteed_wait(
    pool: ResourcePool, lender: Queue, borrower: Queue
) -> None:
    ResourcePool.objects.filter(pk=pool.pk).update(preemption=False)
    borrowing = running(borrower, 8)
    waiting = WorkloadFactory.create(queue=lender, spec_object=job_spec(4))
    assert pool_admit(pool.pk) == 0
    assert fresh(borrowing).state == "running"
    assert fresh(waiting).state_reason == Reason.WAITING_FOR_CAPACITY


def test_replicas_that_can_be_spared_leave_before_anything_is_stopped(
    pool: ResourcePool, lender: Queue, borrower: Queue
) -> None:
    replicas = WorkloadFactory.create(
        queue=borrower, spec_object=serving_spec(2), state="running", count_min=1, count_max=4,
        admitted_at=clock.db_now() - timedelta(hours=1),
    )  # fmt: skip
    replicas.attempts.update(started_at=clock.db_now() - timedelta(hours=1))
    waiting = WorkloadFactory.create(queue=lender, spec_object=job_spec(4))
    assert pool_admit(pool.pk) == 0
    smaller = fresh(replicas)
    assert (smaller.state, smaller.count_target, smaller.count_max) == ("running", 2, 4)
    assert smaller.preempted_for == waiting.pk
    assert fresh(waiting).nominated is not None
    assert pool_admit(pool.pk) == 0, "told once"
    assert fresh(replicas).count_target == 2


def test_a_queue_that_may_not_borrow_has_nothing_taken_back(pool: ResourcePool, lender: Queue, borrower: Queue) -> None:
    Quota.objects.filter(queue=borrower, resource="cpu_millis").update(nominal=8000, borrowing_limit=0)
    own = running(borrower, 8)
    WorkloadFactory.create(queue=lender, spec_object=job_spec(4))
    assert pool_admit(pool.pk) == 0
    assert fresh(own).state == "running"
