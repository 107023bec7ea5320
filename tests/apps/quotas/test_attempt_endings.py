"""How attempts end: lost and tried again, stopped for a reason, refused, too slow; and how replicas leave."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock, queues
from apps.quotas.models import Attempt, Queue, UsageRecord, Workload
from apps.quotas.services.attempts import (
    attempt_observed,
    attempt_refused,
    attempt_resized,
    attempt_stop_sent,
    attempt_submitted,
    launch_undo,
    observation_matters,
)
from tests.apps.quotas.driving import FAILED, GONE, LOST, RUNNING, SUCCEEDED, begun, replicas, running, stored
from tests.support.factories.quotas import WorkloadFactory, serving_spec
from tests.support.jobs import Sent, admit, fresh, intervals, story
from workers.contracts.observation import MemberObservation, Observation, Phase


def test_a_submit_on_its_way_is_not_taken_for_a_loss(queue: Queue) -> None:
    """The backend was asked before it acknowledged the job; the answer arrives afterwards."""
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    asked_at = clock.db_now()
    attempt_submitted(attempt.pk, count=1)
    assert not attempt_observed(attempt.pk, GONE, asked_at=asked_at)
    assert fresh(workload).state == "launching"
    assert attempt_observed(attempt.pk, GONE, asked_at=clock.db_now())
    assert fresh(workload).state == "pending"


def test_a_loss_is_tried_again_later_and_given_up_after_three(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue)
    waits = []
    for number in (1, 2, 3):
        Workload.objects.filter(pk=workload.pk).update(not_before=None)
        attempt = begun(admit(workload))
        attempt_submitted(attempt.pk, count=1)
        attempt_observed(attempt.pk, RUNNING)
        assert attempt_observed(attempt.pk, LOST)
        now = fresh(workload)
        assert (stored(attempt).outcome, stored(attempt).number, now.losses) == ("lost", number, number)
        if now.not_before is not None:
            waits.append((now.not_before - stored(attempt).ended_at).total_seconds())
    assert waits == [1, 5]
    assert (now.state, now.state_reason) == ("failed", "lost")
    assert now.state_detail == "Its supervisor died. Lost 3 times in a row; given up."
    tried = [("admitted", ""), ("launching", ""), ("running", "")]
    again = [("pending", "backing_off")]
    assert story(workload) == tried + again + tried + again + tried + [("failed", "lost")]
    assert intervals(workload) == [(1, True, True)] * 3


def test_what_was_evicted_is_tried_again_soon_however_often(queue: Queue) -> None:
    """Whoever stops and starts the installation three times finds what was served then."""
    workload = WorkloadFactory.create(queue=queue)
    stopped = Observation(Phase.FAILED, "evicted", "The installation was stopped while it ran.")
    for _ in range(4):
        Workload.objects.filter(pk=workload.pk).update(not_before=None)
        attempt = begun(admit(workload))
        attempt_submitted(attempt.pk, count=1)
        attempt_observed(attempt.pk, RUNNING)
        assert attempt_observed(attempt.pk, stopped)
        now = fresh(workload)
        assert (stored(attempt).outcome, now.state, now.losses) == ("evicted", "pending", 0)
        assert now.not_before - stored(attempt).ended_at == timedelta(seconds=5)


def test_what_backs_off_holds_nothing_and_says_how_long(queue: Queue) -> None:
    workload, attempt = running(queue)
    attempt_observed(attempt.pk, LOST)
    now = fresh(workload)
    assert (now.state, now.count_granted, now.assignments, now.back_offs) == ("pending", 0, [], 1)
    assert now.state_detail == "Its supervisor died. Tries again in 1 s."


def test_the_back_off_doubles_up_to_five_minutes(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue)
    waits = []
    for _ in range(9):
        Workload.objects.filter(pk=workload.pk).update(not_before=None)
        admit(workload)
        launch_undo(workload.pk, detail="The backend is away.")
        now = fresh(workload)
        assert now.not_before is not None
        waits.append(round((now.not_before - now.state_at).total_seconds()))
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert (now.losses, now.attempts_made, Attempt.objects.count()) == (0, 0, 0)
    assert (now.state_reason, now.state_detail) == ("backing_off", "The backend is away. Tries again in 300 s.")


def test_a_loss_after_a_long_run_is_no_sign_of_trouble(queue: Queue) -> None:
    workload, attempt = running(queue, losses=2, back_offs=6)
    Attempt.objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - timedelta(hours=2))
    attempt_observed(attempt.pk, LOST)
    now = fresh(workload)
    assert (now.state, now.losses, now.back_offs) == ("pending", 1, 1)


@pytest.mark.parametrize(
    ("reason", "state", "later"),
    [
        ("cancelled_by_user", "cancelled", False),
        ("scaled_down", "cancelled", False),
        ("approval_denied", "cancelled", False),
        ("preempted", "pending", False),
        ("evicted", "pending", False),
        ("start_timeout", "pending", True),
    ],
)
def test_what_was_stopped_ends_by_its_reason(reason: str, state: str, later: bool, queue: Queue) -> None:
    workload, attempt = running(queue)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason=reason, state_detail="so")
    stopping = Observation(Phase.STOPPING, members=(MemberObservation(0, Phase.STOPPING),))
    assert not attempt_observed(attempt.pk, stopping)
    assert intervals(workload) == [(1, True, False)]
    assert attempt_observed(attempt.pk, FAILED)
    now = fresh(workload)
    assert (now.state, stored(attempt).outcome, now.not_before is not None) == (state, reason, later)
    assert now.state_reason == ("backing_off" if later else reason)
    assert (stored(attempt).exit_code, intervals(workload)) == (137, [(1, True, True)])
    assert now.losses == 0


def test_what_succeeded_while_it_was_told_to_stop_succeeded(queue: Queue) -> None:
    workload, attempt = running(queue)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason="cancelled_by_user")
    attempt_observed(attempt.pk, SUCCEEDED)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("succeeded", "completed")


def test_a_stop_before_any_submit_ends_once_the_backend_has_it(queue: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason="cancelled_by_user")
    assert not attempt_observed(attempt.pk, GONE)
    attempt_stop_sent(attempt.pk)
    assert attempt_observed(attempt.pk, GONE)
    assert fresh(workload).state == "cancelled"
    assert intervals(workload) == [(1, False, True)]


def test_what_came_and_went_between_two_looks_is_billed_from_its_submit(queue: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    attempt_submitted(attempt.pk, count=1)
    assert attempt_observed(attempt.pk, SUCCEEDED)
    attempt, record = stored(attempt), UsageRecord.objects.get(workload=workload)
    assert record.used_at == attempt.submitted_at == fresh(workload).started_at
    assert story(workload) == [("admitted", ""), ("launching", ""), ("succeeded", "completed")]


def test_a_launch_that_can_never_succeed_fails(queue: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    attempt_refused(attempt.pk, detail="No such secret.")
    attempt_refused(attempt.pk, detail="Twice.")
    now = fresh(workload)
    assert (now.state, now.state_reason, now.state_detail) == ("failed", "launch_error", "No such secret.")
    assert (stored(attempt).outcome, intervals(workload)) == ("launch_error", [(1, False, True)])


def test_a_refused_launch_that_was_told_to_stop_ends_as_stopped(queue: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason="cancelled_by_user")
    attempt_refused(attempt.pk, detail="No such secret.")
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "cancelled_by_user")


def test_undo_touches_only_what_is_still_admitted(queue: Queue) -> None:
    workload, _ = running(queue)
    launch_undo(workload.pk, detail="away")
    assert fresh(workload).state == "running"


def test_surplus_replicas_are_given_back_once_they_are_gone(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=3)
    Workload.objects.filter(pk=workload.pk).update(count_max=1)
    up, leaving, down = Phase.RUNNING, Phase.STOPPING, Phase.SUCCEEDED
    attempt_observed(attempt.pk, replicas(up, down, down))
    assert fresh(workload).count_granted == 3, "the backend was not told yet: it may start them again"
    asked_at = clock.db_now()
    attempt_resized(attempt.pk, count=1)
    attempt_observed(attempt.pk, replicas(up, down, down), asked_at=asked_at)
    assert fresh(workload).count_granted == 3, "seen before it was told"
    attempt_observed(attempt.pk, replicas(up, leaving, down))
    assert fresh(workload).count_granted == 3, "one is still there"
    sent.clear()
    assert not attempt_observed(attempt.pk, replicas(up))
    now = fresh(workload)
    assert (now.state, now.count_granted, len(now.assignments)) == ("running", 1, 1)
    assert intervals(workload) == [(3, True, True), (1, True, False)]
    assert sent == [(queues.ADMIT, str(workload.pool_id)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_members_are_stored_and_announced_only_when_they_change(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue, spec_object=serving_spec(), count_max=2)
    sent.clear()
    one_up, both_up = replicas(Phase.RUNNING, Phase.PENDING), replicas(Phase.RUNNING, Phase.RUNNING)
    for seen in (one_up, one_up, both_up, both_up):
        assert not attempt_observed(attempt.pk, seen)
    assert sent.take() == [(queues.WORKLOAD_CHANGED, str(workload.pk))] * 2
    assert [(m["ready"], m["address"]) for m in stored(attempt).members] == [(True, "h:0"), (True, "h:1")]


def test_what_is_no_news_needs_no_transaction(queue: Queue) -> None:
    workload, attempt = running(queue)
    loaded, at = Attempt.objects.select_related("workload").get(pk=attempt.pk), clock.db_now()
    assert not observation_matters(loaded, RUNNING, asked_at=at)
    assert observation_matters(loaded, replicas(Phase.RUNNING), asked_at=at)
    assert observation_matters(loaded, SUCCEEDED, asked_at=at)
    workload.kind, workload.count_max, workload.count_granted = "serving", 1, 2
    loaded.workload = workload
    assert observation_matters(loaded, RUNNING, asked_at=at)


def test_a_twin_that_is_refused_does_not_end_what_was_acknowledged(queue: Queue) -> None:
    workload, attempt = running(queue)
    attempt_refused(attempt.pk, detail="The secret is gone now.")
    assert fresh(workload).state == "running"
