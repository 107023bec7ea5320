"""Eight that admit, submit, stop and end work in one pool at once: what is held never exceeds what there is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.models import Queue, ResourcePool, UsageRecord, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.moves import workload_locked, workload_move
from apps.quotas.services.queues import queue_ensure
from apps.quotas.services.workloads import workload_stop, workload_submit
from apps.quotas.states import OCCUPYING
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory
from tests.support.factories.quotas import job_spec, make_pool

ACTOR = Actor.system("test")
CORES = 6
WRITERS = 8
ROUNDS = 6


def held(pool: ResourcePool) -> int:
    """Cores, by what holds something now."""
    return (
        sum(one.cpu_millis * one.count_granted for one in Workload.objects.filter(pool=pool, state__in=OCCUPYING))
        // 1000
    )


def submit(queue: Queue, number: int) -> None:
    workload_submit(
        project=queue.project, spec=job_spec(1 + number % 2), owner_kind="test", owner_id=queue.pk, name="work",
        requested_by=None, actor=ACTOR,
    )  # fmt: skip


def end_one(pool: ResourcePool) -> None:
    """What was admitted and not launched is over."""
    first = Workload.objects.filter(pool=pool, state="admitted").order_by("pk").first()
    if first is None:
        return
    with transaction.atomic():
        current = workload_locked(first.pk)
        if current.state == "admitted":
            workload_move(current, "cancelled", at=clock.db_now(), actor=ACTOR, reason="cancelled_by_user")


@pytest.mark.django_db(transaction=True)
def test_eight_writers_never_hold_more_than_there_is(settings: Any) -> None:
    settings.BEDPLATE_BACKEND = "fake"
    pool = make_pool(cores=CORES, memory=1000)
    queues = [queue_ensure(ProjectFactory.create()) for _ in range(3)]
    seen: list[int] = []

    def write(writer: int) -> int:
        for number in range(ROUNDS):
            submit(queues[(writer + number) % 3], number)
            pool_admit(pool.pk)
            seen.append(held(pool))
            if writer % 4 == 0:
                end_one(pool)
            elif writer % 4 == 1:
                waiting = Workload.objects.filter(pool=pool, state="pending").first()
                if waiting is not None:
                    workload_stop(waiting, reason="cancelled_by_user", actor=ACTOR)
        return writer

    threads = [Thread(lambda writer=writer: write(writer)) for writer in range(WRITERS)]
    assert [thread.join(60) for thread in threads] == list(range(WRITERS))
    assert max(seen) <= CORES
    assert Workload.objects.count() == WRITERS * ROUNDS
    open_now = Counter(UsageRecord.objects.filter(closed_at=None).values_list("workload", flat=True))
    assert open_now == Counter(Workload.objects.filter(state__in=OCCUPYING).values_list("pk", flat=True))
    pool_admit(pool.pk)
    assert held(pool) == CORES or not Workload.objects.filter(pool=pool, state="pending").exists()
