"""Attempts on the database: begun once, observed in any order, ended with everything they held."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from uuid6 import uuid7

from apps.common import clock, queues
from apps.quotas.models import Attempt, Queue, UsageRecord, Workload
from apps.quotas.services.attempts import (
    attempt_begin,
    attempt_observed,
    attempt_refused,
    attempt_resized,
    attempt_stop_sent,
    attempt_submitted,
    launch_undo,
    observation_matters,
)
from apps.quotas.services.expiry import starts_expire
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory, make_pool, make_queue, serving, serving_spec
from tests.support.jobs import Sent, admit, fresh, intervals, story
from workers.contracts.launch import JobHandle
from workers.contracts.observation import MemberObservation, Observation, Phase

RUNNING = Observation(Phase.RUNNING, members=(MemberObservation(0, Phase.RUNNING),))
SUCCEEDED = Observation(Phase.SUCCEEDED, "completed", members=(MemberObservation(0, Phase.SUCCEEDED, exit_code=0),))
FAILED = Observation(
    Phase.FAILED, "out_of_memory", "Killed.", (MemberObservation(0, Phase.FAILED, exit_code=137),)
)
LOST = Observation(Phase.LOST, "lost", "Its supervisor died.")
GONE = Observation(Phase.NOT_FOUND)


def begin(workload: Workload) -> Attempt | None:
    attempt_id = uuid7()
    return attempt_begin(workload.pk, attempt_id, JobHandle("fake", {"attempt_id": str(attempt_id)}))


def begun(workload: Workload) -> Attempt:
    attempt = begin(workload)
    assert attempt is not None
    return attempt


def running(queue: Queue, **kwargs: Any) -> tuple[Workload, Attempt]:
    """A workload that went the whole way until it ran."""
    workload = admit(WorkloadFactory.create(queue=queue, **kwargs))
    attempt = begun(workload)
    attempt_submitted(attempt.pk, count=workload.count_granted)
    assert attempt_observed(attempt.pk, RUNNING)
    return fresh(workload), stored(attempt)


def stored(attempt: Attempt) -> Attempt:
    found: Attempt = Attempt.objects.get(pk=attempt.pk)
    return found


def test_begin_commits_the_attempt_and_names_it_on_the_bill(queue: Queue, sent: Sent) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    sent.clear()
    attempt = begun(workload)
    now = fresh(workload)
    assert (now.state, now.attempts_made) == ("launching", 1)
    assert (attempt.number, attempt.handle["backend"], attempt.submitted_at) == (1, "fake", None)
    assert now.current_attempt() == attempt
    assert UsageRecord.objects.get(workload=workload).attempt == attempt
    assert sent == [(queues.WORKLOAD_CHANGED, str(workload.pk))]


@pytest.mark.parametrize("state", ["pending", "launching", "running", "stopping", "succeeded", "cancelled"])
def test_only_what_is_admitted_begins(state: str, queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state=state)
    before = Attempt.objects.count()
    assert begin(workload) is None
    assert (fresh(workload).state, Attempt.objects.count()) == (state, before)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_begin_at_the_same_time_one_does() -> None:
    workload = WorkloadFactory.create(queue=make_queue(make_pool()), state="admitted")
    start, made = threading.Barrier(2), []

    def run() -> None:
        start.wait()
        made.append(begin(workload))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [attempt is None for attempt in made].count(True) == 1
    assert Attempt.objects.count() == 1
    assert story(workload) == [("launching", "")]


def test_what_runs_is_used_from_then_on(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue)
    assert workload.state == "running"
    assert workload.started_at == attempt.started_at is not None
    record = UsageRecord.objects.get(workload=workload)
    assert record.used_at == workload.started_at
    assert attempt.members == RUNNING.members_to_json()
    assert sent[-1] == (queues.WORKLOAD_CHANGED, str(workload.pk))


def test_success_ends_everything_it_held(queue: Queue, sent: Sent) -> None:
    workload, attempt = running(queue)
    sent.clear()
    assert attempt_observed(attempt.pk, SUCCEEDED)
    now, attempt = fresh(workload), stored(attempt)
    assert (now.state, now.state_reason, now.ended_at) == ("succeeded", "completed", attempt.ended_at)
    assert (attempt.outcome, attempt.exit_code) == ("completed", 0)
    assert intervals(workload) == [(1, True, True)]
    assert story(workload) == [("admitted", ""), ("launching", ""), ("running", ""), ("succeeded", "completed")]
    assert sent == [(queues.ADMIT, str(workload.pool_id)), (queues.WORKLOAD_CHANGED, str(workload.pk))]


def test_failure_says_what_the_backend_said(queue: Queue) -> None:
    workload, attempt = running(queue)
    assert attempt_observed(attempt.pk, FAILED)
    now, attempt = fresh(workload), stored(attempt)
    assert (now.state, now.state_reason, now.state_detail) == ("failed", "out_of_memory", "Killed.")
    assert (attempt.outcome, attempt.exit_code) == ("out_of_memory", 137)


def test_the_result_is_there_before_anybody_hears_of_the_end(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    _, attempt = running(queue)
    heard: list[tuple[str, Any]] = []
    monkeypatch.setattr(queues, "send", lambda name, *args: heard.append((name, stored(attempt).result)))
    report = {"exit_code": 0, "reason": "", "result": {"auc": 0.83, "odd": float("nan"), "text": "a\x00b"}}
    done = Observation(Phase.SUCCEEDED, "completed", report=report)
    attempt_observed(attempt.pk, done)
    assert (queues.WORKLOAD_CHANGED, {"auc": 0.83, "odd": None, "text": "ab"}) in heard
    assert all(result is not None for _, result in heard)


def test_the_first_result_stays(queue: Queue) -> None:
    _, attempt = running(queue)
    Attempt.objects.filter(pk=attempt.pk).update(result={"auc": 0.9})
    attempt_observed(attempt.pk, Observation(Phase.SUCCEEDED, report={"exit_code": 0, "result": {"auc": 0.1}}))
    assert stored(attempt).result == {"auc": 0.9}


@pytest.mark.parametrize("twice", [RUNNING, SUCCEEDED, FAILED, LOST, GONE])
def test_seeing_the_same_twice_changes_nothing(twice: Observation, queue: Queue) -> None:
    workload, attempt = running(queue)
    attempt_observed(attempt.pk, twice)
    before = (story(workload), intervals(workload), fresh(workload).state_at, stored(attempt).ended_at)
    assert not attempt_observed(attempt.pk, twice)
    assert (story(workload), intervals(workload), fresh(workload).state_at, stored(attempt).ended_at) == before


def test_an_old_observation_of_an_attempt_that_has_ended_changes_nothing(queue: Queue) -> None:
    workload, attempt = running(queue)
    attempt_observed(attempt.pk, LOST)
    Workload.objects.filter(pk=workload.pk).update(not_before=None)
    again = begun(admit(workload))
    assert again.number == 2
    for late in (RUNNING, SUCCEEDED, GONE):
        assert not attempt_observed(attempt.pk, late)
    assert fresh(workload).state == "launching"


def test_an_unknown_attempt_is_nobodys_business(db: None) -> None:
    assert not attempt_observed(uuid7(), SUCCEEDED)


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


def test_what_was_never_submitted_is_not_lost(queue: Queue) -> None:
    attempt = begun(admit(WorkloadFactory.create(queue=queue)))
    assert not attempt_observed(attempt.pk, GONE)


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
    assert waits == [5, 10]
    assert (now.state, now.state_reason) == ("failed", "lost")
    assert now.state_detail == "Its supervisor died. Lost 3 times in a row; given up."
    tried = [("admitted", ""), ("launching", ""), ("running", "")]
    again = [("pending", "backing_off")]
    assert story(workload) == tried + again + tried + again + tried + [("failed", "lost")]
    assert intervals(workload) == [(1, True, True)] * 3


def test_what_backs_off_holds_nothing_and_says_how_long(queue: Queue) -> None:
    workload, attempt = running(queue)
    attempt_observed(attempt.pk, LOST)
    now = fresh(workload)
    assert (now.state, now.count_granted, now.assignments, now.back_offs) == ("pending", 0, [], 1)
    assert now.state_detail == "Its supervisor died. Tries again in 5 s."


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


def test_what_nobody_saw_ending_is_billed_until_its_last_heartbeat(queue: Queue) -> None:
    workload, attempt = running(queue)
    beat = clock.db_now() - timedelta(minutes=20)
    UsageRecord.objects.update(reserved_at=beat - timedelta(hours=1), used_at=beat - timedelta(hours=1))
    Attempt.objects.filter(pk=attempt.pk).update(heartbeat_at=beat)
    attempt_observed(attempt.pk, LOST)
    assert UsageRecord.objects.get(workload=workload).closed_at == beat


@pytest.mark.parametrize(("reason", "state", "later"), [
    ("cancelled_by_user", "cancelled", False), ("scaled_down", "cancelled", False),
    ("approval_denied", "cancelled", False), ("preempted", "pending", False), ("evicted", "pending", False),
    ("start_timeout", "pending", True),
])
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


def test_acknowledgements_are_kept_once_and_not_after_the_end(queue: Queue) -> None:
    attempt = begun(admit(WorkloadFactory.create(queue=queue)))
    attempt_submitted(attempt.pk, count=1)
    first = stored(attempt)
    attempt_submitted(attempt.pk, count=2)
    assert (stored(attempt).submitted_at, stored(attempt).count_told) == (first.submitted_at, 1)
    attempt_observed(attempt.pk, SUCCEEDED)
    attempt_stop_sent(attempt.pk)
    attempt_resized(attempt.pk, count=9)
    assert (stored(attempt).stop_sent_at, stored(attempt).count_told) == (None, 1)


def replicas(*phases: Phase) -> Observation:
    members = tuple(MemberObservation(n, phase, phase == Phase.RUNNING, f"h:{n}") for n, phase in enumerate(phases))
    return Observation(Phase.RUNNING, members=members)


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


@pytest.mark.parametrize(("spec", "age", "state"), [
    (None, 299, "launching"), (None, 302, "stopping"),
    (serving_spec(start_timeout_seconds=10), 9, "launching"), (serving_spec(start_timeout_seconds=10), 12, "stopping"),
])
def test_what_does_not_start_in_time_is_stopped_to_start_again(
    spec: Any, age: int, state: str, queue: Queue, sent: Sent
) -> None:
    kwargs = {} if spec is None else {"spec_object": spec}
    workload = WorkloadFactory.create(queue=queue, state="launching", **kwargs)
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=age))
    assert starts_expire() == (state == "stopping")
    now = fresh(workload)
    assert now.state == state
    if state == "stopping":
        seconds = spec.start_timeout_seconds if spec else 300
        assert (now.state_reason, now.state_detail) == ("start_timeout", f"It did not start within {seconds} s.")
        assert sent[-1] == (queues.STOP, str(workload.pk))
    assert starts_expire() == 0


def test_only_what_launches_can_be_late(queue: Queue) -> None:
    for state in ("pending", "admitted", "running", "stopping"):
        WorkloadFactory.create(queue=queue, state=state, state_at=clock.db_now() - timedelta(days=1))
    assert starts_expire() == 0


def test_a_workload_has_at_most_one_open_attempt(queue: Queue) -> None:
    workload = serving(queue=queue, state="running")
    with pytest.raises(IntegrityError, match="attempt_one_open"), transaction.atomic():
        AttemptFactory.create(workload=workload, number=2)
