"""Elastic work gives members back: what starts with fewer, what lets its last leave, what goes on with fewer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.messages import parts_of
from apps.common.models import Event
from apps.quotas.models import Queue, Workload
from apps.quotas.services.attempts import attempt_observed, attempt_resized
from apps.quotas.services.graces import grace_of
from apps.quotas.services.preemption import Smaller, Victim, waits_as, workloads_preempt, workloads_shrink
from apps.quotas.services.workloads import workload_resize, workload_stop
from tests.apps.quotas.driving import begun, replicas, running, stored
from tests.support.factories.access import ProjectFactory
from tests.support.factories.quotas import WorkloadFactory, make_queue, serving, serving_spec
from tests.support.jobs import Sent, admit, fresh, intervals, story
from workers.contracts.observation import MemberObservation, Observation, Phase

ACTOR = Actor.system("admission")
UP, DOWN = Phase.RUNNING, Phase.SUCCEEDED


@pytest.fixture
def preemptor(queue: Queue) -> Workload:
    """Of the project `vision`; it stays out of the line."""
    other = make_queue(queue.pool, ProjectFactory.create(name="vision"))
    workload: Workload = WorkloadFactory.create(queue=other, is_held=True)
    return workload


def shrink(preemptor: Workload, **counts: Any) -> set[Any]:
    why = {name: counts.pop(name) for name in ("reason", "detail") if name in counts}
    smaller = [Smaller(workload, count, preemptor.pk, **why) for workload, count in counts.pop("of")]
    return workloads_shrink(smaller, actor=ACTOR, at=clock.db_now())


def left(*codes: int) -> Observation:
    members = tuple(MemberObservation(n, Phase.FAILED, exit_code=code) for n, code in enumerate(codes))
    return Observation(Phase.FAILED, "exit_nonzero", "Said.", members)


@pytest.mark.parametrize("kind", ["job", "serving"])
def test_what_is_only_admitted_starts_with_fewer(kind: str, queue: Queue, preemptor: Workload, sent: Sent) -> None:
    make = WorkloadFactory.create if kind == "job" else serving
    workload = make(queue=queue, state="admitted", count_min=1, count_max=4)
    assert shrink(preemptor, of=[(workload, 2)]) == {workload.pk}
    now = fresh(workload)
    assert (now.state, now.count_granted, len(now.assignments), now.count_max) == ("admitted", 2, 2, 4)
    assert (now.preempted_for, intervals(workload)) == (preemptor.pk, [(4, False, True), (2, False, False)])
    assert sent == [(queues.WORKLOAD_CHANGED, str(workload.pk))]
    (news,) = Event.objects.filter(kind="workload.resized")
    assert (news.subject, news.payload) == (f"workload.{workload.pk}", {"count": 2, "actor": "admission"})


def test_of_replicas_the_last_leave_and_what_is_wanted_stays(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=3)
    sent.clear()
    assert shrink(preemptor, of=[(workload, 1)]) == {workload.pk}
    now = fresh(workload)
    assert (now.count_granted, now.count_target, now.count_kept, now.count_max) == (3, 1, 1, 3)
    assert sent.take() == [(queues.RESIZE, str(workload.pk)), (queues.WORKLOAD_CHANGED, str(workload.pk))]
    attempt_observed(attempt.pk, replicas(UP, DOWN, DOWN))
    assert fresh(workload).count_granted == 3, "the backend was not told yet"
    attempt_resized(attempt.pk, count=1)
    attempt_observed(attempt.pk, replicas(UP, UP, DOWN))
    assert fresh(workload).count_granted == 3, "one is still there"
    sent.clear()
    assert not attempt_observed(attempt.pk, replicas(UP))
    now = fresh(workload)
    assert (now.state, now.count_granted, len(now.assignments)) == ("running", 1, 1)
    assert (now.count_target, now.count_max) == (None, 3), "it grows again where there is room"
    assert intervals(workload) == [(3, True, True), (1, True, False)]
    assert sent == [(queues.ADMIT, str(workload.pool_id)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_replicas_grow_again_through_admission(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=3)
    shrink(preemptor, of=[(workload, 1)])
    attempt_resized(attempt.pk, count=1)
    attempt_observed(attempt.pk, replicas(UP))
    now = admit(workload)
    assert (now.count_granted, now.count_target) == (3, None)


def test_an_owner_who_wants_fewer_still_gets_fewer(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=4)
    shrink(preemptor, of=[(workload, 2)])
    workload_resize(workload, count=1, actor=ACTOR)
    assert fresh(workload).count_kept == 1
    attempt_resized(attempt.pk, count=1)
    attempt_observed(attempt.pk, replicas(UP))
    now = fresh(workload)
    assert (now.count_granted, now.count_max, now.count_target) == (1, 1, None)


def test_a_job_leaves_as_a_whole_and_goes_on_with_fewer(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue, count_min=2, count_max=4)
    places = workload.assignments
    sent.clear()
    assert shrink(preemptor, of=[(workload, 3)]) == {workload.pk}
    now = fresh(workload)
    said = "Gives 1 member back to project vision, and goes on with 3 members from its checkpoint."
    assert (now.state, now.state_reason, now.state_detail) == ("stopping", "preempted", said)
    assert [part.code for part in parts_of(said)] == ["gives_back"]
    assert (now.count_granted, now.count_target, now.preempted_for) == (4, None, preemptor.pk)
    assert (now.nominated, now.nominated_at is not None) == (places[:3], True), "its places are kept for it"
    assert sent == [(queues.STOP, str(workload.pk)), (queues.WORKLOAD_CHANGED, str(workload.pk))]
    assert attempt_observed(attempt.pk, left(83, 83, 83, 83))
    now = fresh(workload)
    assert (now.state, now.state_reason, now.count_max, now.losses) == ("pending", "preempted", 4, 0)
    assert now.nominated == places[:3]


def test_a_job_that_found_room_for_fewer_only_is_told_so_at_its_next_start(
    queue: Queue, preemptor: Workload, sent: Sent
) -> None:
    workload, attempt = running(queue, count_min=2, count_max=4, cpu_millis=2000)
    shrink(preemptor, of=[(workload, 3)])
    attempt_observed(attempt.pk, left(83, 83, 83, 83))
    WorkloadFactory.create(queue=queue, state="running", cpu_millis=2000)
    now = admit(workload)
    assert (now.state, now.count_granted, len(now.assignments)) == ("admitted", 3, 3)
    assert begun(now).number == 2


def test_a_job_that_runs_gets_no_more_members(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    """Who was counted at its start cannot be joined."""
    other = WorkloadFactory.create(queue=queue, state="running", cpu_millis=5000)
    workload, _ = running(queue, count_min=2, count_max=4)
    assert workload.count_granted == 3
    Workload.objects.filter(pk=other.pk).update(state="cancelled", ended_at=clock.db_now())
    sent.clear()
    assert (admit(workload).count_granted, sent) == (3, [])


def test_what_gives_members_back_is_given_none_meanwhile(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, _ = running(queue, spec_object=serving_spec(), count_max=2)
    Workload.objects.filter(pk=workload.pk).update(count_max=4)
    shrink(preemptor, of=[(fresh(workload), 1)])
    sent.clear()
    now = admit(workload)
    assert (now.count_granted, now.count_target, sent) == (2, 1, [])


NOT = {
    "as many as it has": ({"count_min": 1, "count_max": 3}, 3),
    "more than it has": ({"count_min": 1, "count_max": 3}, 4),
    "fewer than it can do with": ({"count_min": 2, "count_max": 3}, 1),
    "not elastic": ({"count_min": 3, "count_max": 3}, 2),
}


@pytest.mark.parametrize("state", ["admitted", "running"])
@pytest.mark.parametrize("name", NOT)
def test_what_cannot_shrink_so_is_left_alone(
    name: str, state: str, queue: Queue, preemptor: Workload, sent: Sent
) -> None:
    counts, count = NOT[name]
    workload = WorkloadFactory.create(queue=queue, state=state, **counts)
    assert shrink(preemptor, of=[(workload, count)]) == set()
    now = fresh(workload)
    assert (now.state, now.count_granted, now.preempted_for, sent) == (state, counts["count_max"], None, [])


def test_what_shrinks_already_shrinks_further_only(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload = serving(queue=queue, state="running", count_max=4)
    assert shrink(preemptor, of=[(workload, 2)])
    assert not shrink(preemptor, of=[(workload, 3)])
    assert not shrink(preemptor, of=[(workload, 2)])
    assert shrink(preemptor, of=[(workload, 1)])
    assert fresh(workload).count_target == 1


def test_what_ended_since_it_was_looked_at_is_left_alone(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload = serving(queue=queue, state="running", count_max=4)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason="cancelled_by_user")
    assert shrink(preemptor, of=[(workload, 2)]) == set()
    assert (fresh(workload).count_target, sent) == (None, [])


def test_many_shrink_in_as_many_statements_as_one(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    def statements(count: int) -> int:
        rows = [
            make(queue=queue, state=state, count_min=1, count_max=3)
            for make, state in (
                (WorkloadFactory.create, "admitted"), (WorkloadFactory.create, "running"), (serving, "running"),
            )
            for _ in range(count)
        ]  # fmt: skip
        with CaptureQueriesContext(connection) as seen:
            assert len(shrink(preemptor, of=[(row, 2) for row in rows])) == 3 * count
        return len(seen)

    assert statements(1) == statements(4) <= 14


def test_a_shrink_is_over_when_what_shrinks_is(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    """Stopped, lost or made to wait again meanwhile: nothing of it is left behind."""
    ended, attempt = running(queue, spec_object=serving_spec(), count_max=2)
    lost, other = running(queue, spec_object=serving_spec(), count_max=2)
    shrink(preemptor, of=[(ended, 1), (lost, 1)])
    workload_stop(ended, reason="cancelled_by_user", actor=ACTOR)
    attempt_observed(attempt.pk, Observation(Phase.SUCCEEDED))
    attempt_observed(other.pk, Observation(Phase.LOST))
    assert [(fresh(one).state, fresh(one).count_target) for one in (ended, lost)] == [
        ("cancelled", None), ("pending", None),
    ]  # fmt: skip


def test_what_waits_again_says_for_whom_until_it_is_launched(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue)
    victim = Victim(workload, "reclaimed", "For vision.", preemptor.pk)
    workloads_preempt([victim], actor=ACTOR, at=clock.db_now())
    type(attempt).objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - timedelta(seconds=40))
    attempt_observed(attempt.pk, left(137))
    now = fresh(workload)
    why = "For vision. It did not leave as agreed, has no checkpoint and starts anew: 40 s of work are lost."
    assert (now.state_detail, now.making_way) == (why, why)
    assert waits_as(now.making_way, now.state_reason, "waiting_for_quota", "Wait.") == ("reclaimed", f"{why} Wait.")
    assert waits_as(preemptor.making_way, preemptor.state_reason, "waiting_for_quota", "Wait.") == (
        "waiting_for_quota",
        "Wait.",
    )
    again = begun(admit(workload))
    assert (fresh(workload).making_way, again.number) == ("", 2)
    assert story(workload)[-3:] == [("pending", "reclaimed"), ("admitted", ""), ("launching", "")]


def test_what_was_only_admitted_says_so_too(queue: Queue, sent: Sent) -> None:
    workload = WorkloadFactory.create(queue=queue, state="admitted")
    workloads_preempt([Victim(workload, "preempted", "For vision.", None)], actor=ACTOR, at=clock.db_now())
    now = fresh(workload)
    assert waits_as(now.making_way, now.state_reason, "waiting_for_capacity", "Wait.") == (
        "preempted",
        "For vision. Wait.",
    )


def test_a_pool_may_give_another_time_to_leave(queue: Queue, settings: Any) -> None:
    settings.BEDPLATE_PREEMPTION_GRACE_SECONDS, settings.BEDPLATE_STOP_GRACE_SECONDS = 90, 20
    workload, attempt = running(queue)
    workload.state_reason = "reclaimed"
    assert grace_of(workload) == 90
    queue.pool.preemption_grace_seconds = 600
    queue.pool.save()
    graces = {}
    for reason in ("reclaimed", "preempted", "evicted", "cancelled_by_user", "start_timeout"):
        found = fresh(workload)
        found.state_reason = reason
        graces[reason] = grace_of(found)
    assert graces == {
        "reclaimed": 600, "preempted": 600, "evicted": 600, "cancelled_by_user": 20, "start_timeout": 20,
    }  # fmt: skip
    assert stored(attempt).stop_sent_at is None


TAKEN = "Taken back: 1 × H200 are guaranteed to project vision."


def test_a_job_that_gives_back_says_why_in_its_story(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, _ = running(queue, count_min=2, count_max=4)
    shrink(preemptor, of=[(workload, 3)], reason="reclaimed", detail=TAKEN)
    said = f"{TAKEN} Gives 1 member back to project vision, and goes on with 3 members from its checkpoint."
    assert (fresh(workload).state_reason, fresh(workload).state_detail) == ("reclaimed", said)
    last = workload.story().last()
    assert last is not None
    assert (last.to_state, last.reason, last.detail) == ("stopping", "reclaimed", said)
    assert [part.code for part in parts_of(said)] == ["reclaimed_by", "gives_back"]


def test_replicas_that_give_back_say_why_until_they_grow_again(queue: Queue, preemptor: Workload, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=3)
    shrink(preemptor, of=[(workload, 1)], reason="reclaimed", detail=TAKEN)
    assert (fresh(workload).state, fresh(workload).state_reason, fresh(workload).state_detail) == (
        "running", "reclaimed", TAKEN,
    )  # fmt: skip
    attempt_resized(attempt.pk, count=1)
    attempt_observed(attempt.pk, replicas(UP))
    grown = admit(workload)
    assert (grown.count_granted, grown.state_reason, grown.state_detail) == (3, "", "")


def test_it_shrinks_for_no_other_reason(queue: Queue, preemptor: Workload) -> None:
    workload, _ = running(queue, count_min=2, count_max=4)
    with pytest.raises(Invalid, match="not reasons to make way"):
        shrink(preemptor, of=[(workload, 3)], reason="idle")
