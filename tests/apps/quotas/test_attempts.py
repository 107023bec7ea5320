"""Attempts on the database: begun once, observed in any order, ended with everything they held."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from uuid6 import uuid7

from apps.common import clock, queues
from apps.quotas.models import Attempt, Queue, UsageRecord, Workload
from apps.quotas.services.attempts import (
    attempt_observed,
    attempt_resized,
    attempt_stop_sent,
    attempt_submitted,
    observation_matters,
)
from tests.apps.quotas.driving import FAILED, GONE, LOST, RUNNING, SUCCEEDED, begin, begun, running, stored
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory, make_pool, make_queue, serving
from tests.support.jobs import Sent, admit, fresh, intervals, story
from workers.contracts.observation import MemberObservation, Observation, Phase


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
    monkeypatch.setattr(queues, "send", lambda name, *args, **when: heard.append((name, stored(attempt).result)))
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


def test_what_was_never_submitted_is_not_lost(queue: Queue) -> None:
    attempt = begun(admit(WorkloadFactory.create(queue=queue)))
    assert not attempt_observed(attempt.pk, GONE)


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


def test_a_workload_has_at_most_one_open_attempt(queue: Queue) -> None:
    workload = serving(queue=queue, state="running")
    with pytest.raises(IntegrityError, match="attempt_one_open"), transaction.atomic():
        AttemptFactory.create(workload=workload, number=2)


def test_which_image_a_member_ran_is_kept_when_nobody_can_say_it_any_more(queue: Queue) -> None:
    _, attempt = running(queue)

    def look(phase: Phase, *images: str) -> list[tuple[str, str]]:
        members = tuple(MemberObservation(index, phase, image=image) for index, image in enumerate(images))
        seen = Observation(phase, members=members)
        matters = observation_matters(Attempt.objects.get(pk=attempt.pk), seen, asked_at=clock.db_now())
        attempt_observed(attempt.pk, seen)
        kept = Attempt.objects.get(pk=attempt.pk).members
        assert matters == (kept != before)
        before[:] = kept
        return [(one["phase"], one.get("image", "")) for one in kept]

    before = list(Attempt.objects.get(pk=attempt.pk).members)
    assert look(Phase.RUNNING, "", "b@1") == [("running", ""), ("running", "b@1")]
    assert look(Phase.RUNNING, "a@1", "") == [("running", "a@1"), ("running", "b@1")]
    assert look(Phase.RUNNING, "", "") == [("running", "a@1"), ("running", "b@1")]
    assert look(Phase.RUNNING, "a@2", "") == [("running", "a@2"), ("running", "b@1")]
    assert look(Phase.STOPPING, "", "") == [("stopping", "a@2"), ("stopping", "b@1")]
