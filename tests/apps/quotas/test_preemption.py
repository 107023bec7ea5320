"""Making way: told, judged, waiting again. What the jobs themselves do is tested end to end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid6 import uuid7

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.models import Event
from apps.quotas.models import Queue, Workload
from apps.quotas.services.attempts import attempt_observed
from apps.quotas.services.preemption import Victim, workload_checkpointed, workloads_preempt
from apps.quotas.services.workloads import workload_stop
from tests.apps.quotas.driving import SUCCEEDED, begin, running, stored
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import Sent, fresh, intervals, story
from workers.contracts.observation import MemberObservation, Observation, Phase

ACTOR = Actor.system("admission")
PREEMPTOR = uuid7()


def preempt(*workloads: Workload, reason: str = "reclaimed", detail: str = "For vision.") -> set[Any]:
    victims = [Victim(workload, reason, detail, PREEMPTOR) for workload in workloads]
    return workloads_preempt(victims, actor=ACTOR, at=clock.db_now())


def left(code: int) -> Observation:
    return Observation(Phase.FAILED, "exit_nonzero", "Said.", (MemberObservation(0, Phase.FAILED, exit_code=code),))


def test_what_was_launched_is_told_to_leave_and_holds_what_it_has(queue: Queue, sent: Sent) -> None:
    workloads = [WorkloadFactory.create(queue=queue, state=state) for state in ("launching", "running")]
    assert preempt(*workloads) == {workload.pk for workload in workloads}
    for workload in workloads:
        now = fresh(workload)
        assert (now.state, now.state_reason, now.state_detail) == ("stopping", "reclaimed", "For vision.")
        assert (now.preempted_for, now.count_granted, intervals(workload)) == (PREEMPTOR, 1, [(1, False, False)])
        assert story(workload) == [("stopping", "reclaimed")]
    told = [(name, str(workload.pk)) for workload in workloads for name in (queues.STOP, queues.WORKLOAD_CHANGED)]
    assert sent == told
    assert Event.objects.filter(kind="workload.stopping").count() == 2


def test_what_was_only_admitted_waits_again_at_once_and_is_never_launched(queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, state="admitted", count_max=2)
    born = workload.created_at
    assert preempt(workload) == {workload.pk}
    now = fresh(workload)
    assert (now.state, now.state_reason, now.state_detail) == ("pending", "reclaimed", "For vision.")
    assert (now.count_granted, now.assignments, now.flavor_granted, now.created_at) == (0, [], "", born)
    assert (intervals(workload), now.preempted_for) == ([(2, False, True)], PREEMPTOR)
    assert sent == [(queues.WORKLOAD_CHANGED, str(workload.pk)), (queues.ADMIT, str(workload.pool_id))]
    assert begin(workload) is None


@pytest.mark.parametrize("state", ["pending", "stopping", "succeeded", "failed", "cancelled"])
def test_what_holds_nothing_or_leaves_already_is_left_alone(state: str, queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, state=state)
    assert preempt(workload) == set()
    assert (fresh(workload).state, story(workload), sent) == (state, [], [])


def test_what_moved_since_it_was_looked_at_is_left_alone(queue: Queue, sent: Sent) -> None:
    ended, launched = (WorkloadFactory.create(queue=queue, state=state) for state in ("running", "admitted"))
    Workload.objects.filter(pk=ended.pk).update(state="succeeded", ended_at=clock.db_now())
    Workload.objects.filter(pk=launched.pk).update(state="launching")
    assert preempt(ended, launched) == set()
    assert (fresh(ended).state, fresh(launched).state) == ("succeeded", "launching")
    assert intervals(launched) == [(1, False, False)]
    assert sent == []


def test_many_make_way_in_as_many_statements_as_two(queue: Queue, sent: Sent) -> None:
    def statements(count: int) -> int:
        states = ("running", "admitted")
        workloads = [WorkloadFactory.create(queue=queue, state=state) for state in states for _ in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert len(preempt(*workloads)) == 2 * count
        return len(seen)

    assert statements(1) == statements(4) <= 10


def test_only_for_a_reason_to_make_way(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    with pytest.raises(Invalid, match="cancelled_by_user"):
        preempt(workload, reason="cancelled_by_user")
    assert fresh(workload).state == "running"


def test_it_leaves_as_agreed_and_waits_again_in_its_place(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue, losses=1, back_offs=3)
    kept_at = clock.db_now()
    workload_checkpointed(workload.pk, at=kept_at)
    preempt(fresh(workload))
    assert not attempt_observed(attempt.pk, Observation(Phase.STOPPING))
    sent.clear()
    assert attempt_observed(attempt.pk, left(83))
    now, over = fresh(workload), stored(attempt)
    assert (now.state, now.state_reason, now.not_before) == ("pending", "reclaimed", None)
    assert now.state_detail == f"For vision. It left in time, with its checkpoint of {kept_at:%Y-%m-%d %H:%M:%S} UTC."
    assert (now.losses, now.back_offs, now.created_at) == (1, 3, workload.created_at), "nothing is held against it"
    assert (over.outcome, over.exit_code, intervals(workload)) == ("reclaimed", 83, [(1, True, True)])
    assert sent.take() == [(queues.ADMIT, str(workload.pool_id)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_what_is_killed_at_the_deadline_waits_again_and_says_what_is_lost(queue: Queue) -> None:
    workload, attempt = running(queue)
    type(attempt).objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - timedelta(seconds=600))
    workload_checkpointed(workload.pk, at=clock.db_now() - timedelta(seconds=240))
    preempt(fresh(workload), reason="preempted")
    assert attempt_observed(attempt.pk, left(137))
    now = fresh(workload)
    assert (now.state, now.state_reason, now.losses, now.not_before) == ("pending", "preempted", 0, None)
    assert now.state_detail.startswith("For vision. It did not leave as agreed: 240 s of work since its checkpoint of ")
    assert (stored(attempt).outcome, stored(attempt).exit_code) == ("preempted", 137)


def test_what_comes_to_its_end_meanwhile_has_succeeded(queue: Queue) -> None:
    workload, attempt = running(queue)
    preempt(fresh(workload))
    assert attempt_observed(attempt.pk, SUCCEEDED)
    assert (fresh(workload).state, stored(attempt).outcome) == ("succeeded", "completed")


def test_a_wish_to_end_it_overrides_and_the_backend_is_told_of_the_shorter_grace(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue)
    preempt(fresh(workload))
    type(attempt).objects.filter(pk=attempt.pk).update(stop_sent_at=clock.db_now())
    sent.clear()
    workload_stop(workload, reason="cancelled_by_user", detail="Enough.", actor=ACTOR)
    assert stored(attempt).stop_sent_at is None
    assert sent == [(queues.WORKLOAD_CHANGED, str(workload.pk)), (queues.STOP, str(workload.pk))]
    assert preempt(fresh(workload)) == set()
    assert attempt_observed(attempt.pk, left(83))
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "cancelled_by_user")


def test_a_checkpoint_that_is_told_late_does_not_make_the_kept_work_less(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="running")
    later, earlier = clock.db_now(), clock.db_now() - timedelta(minutes=5)
    for at in (later, earlier):
        workload_checkpointed(workload.pk, at=at)
    assert fresh(workload).checkpoint_at == later
