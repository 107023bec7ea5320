"""Launching through a backend that refuses, answers late, or not at all."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from apps.access.services.secrets import secret_set
from apps.common import clock
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.attempt_tokens import attempt_of
from tests.support.factories.quotas import (
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)
from tests.support.jobs import fresh, intervals, story
from tests.workers.dispatch.driving import ACTOR, admitted, attempt_of_workload, cancel, launched
from workers.backends.fake import FakeBackend, Script
from workers.contracts.launch import JobHandle
from workers.dispatch.launch import launch, launch_due
from workers.dispatch.observe import observe, observe_due
from workers.dispatch.stop import stop


def test_a_launch_carries_what_the_spec_must_not(queue: Queue, fake: FakeBackend, settings: Any) -> None:
    settings.BEDPLATE_JOB_API_URL = "http://api"
    secret_set(project=queue.project, name="key", value=b"s3cret", actor=ACTOR)
    workload = launched(queue, spec_object=job_spec(secrets=("key",)), count_min=2, count_max=2)
    attempt = attempt_of_workload(workload)
    [context] = fake.launches
    assert (context.workload_id, context.attempt_id) == (str(workload.pk), str(attempt.pk))
    assert (context.attempt_number, context.count, context.api_url) == (1, 2, "http://api")
    assert context.secrets == {"key": b"s3cret"}
    assert (context.nodes, context.devices) == (("node-0", "node-0"), ((), ()))
    assert context.labels == {
        "organisation": queue.organisation.name,
        "team": queue.team.name,
        "project": queue.project.name,
    }
    assert attempt_of(context.token) == attempt
    assert "s3cret" not in str(workload.spec) + str(attempt.handle)
    assert (workload.state, attempt.count_told) == ("launching", 2)
    assert attempt.submitted_at is not None


def test_gpus_are_named_by_their_indices(db: None, fake: FakeBackend) -> None:
    queue = make_queue(make_pool(H200=4), gpus=4)
    launched(queue, spec_object=job_spec(gpus=1))
    launched(queue, spec_object=job_spec(gpus=1), count_min=2, count_max=2)
    assert [context.devices for context in fake.launches] == [((0,),), ((1,), (2,))]


@pytest.mark.parametrize(("limit", "days"), [(0, 366), (3600, 25 / 24)])
def test_a_token_outlives_its_job_and_not_by_much(limit: int, days: float, queue: Queue, fake: FakeBackend) -> None:
    launched(queue, spec_object=job_spec(time_limit_seconds=limit))
    token = fake.launches[0].token
    with clock.fixed_at(clock.now() + timedelta(days=days, seconds=-60)):
        assert attempt_of(token)
    with clock.fixed_at(clock.now() + timedelta(days=days, seconds=60)), pytest.raises(Exception, match="expired"):
        attempt_of(token)


def test_a_second_launch_changes_nothing(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue)
    before = (story(workload), fake.calls.copy())
    for _ in range(3):
        launch(workload.pk)
        launch_due()
    assert (story(workload), fake.calls) == before
    assert Attempt.objects.count() == len(fake.launches) == 1


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "succeeded", "failed", "cancelled"])
def test_a_late_launch_changes_nothing(state: str, queue: Queue, fake: FakeBackend) -> None:
    workload = WorkloadFactory.create(queue=queue, state=state)
    launch(workload.pk)
    assert (fresh(workload).state, fake.calls["submit"]) == (state, 0)


def test_the_tick_finds_what_the_hint_lost(queue: Queue, fake: FakeBackend) -> None:
    one, other = admitted(queue), admitted(queue)
    assert launch_due() == 2
    assert [fresh(one).state, fresh(other).state] == ["launching", "launching"]
    assert launch_due() == 0


def test_a_backend_that_is_away_puts_the_workload_back_with_back_off(queue: Queue, fake: FakeBackend) -> None:
    workload = admitted(queue)
    fake.fail_next("observe")
    launch(workload.pk)
    now = fresh(workload)
    assert (now.state, now.state_reason, now.attempts_made, now.back_offs) == ("pending", "backing_off", 0, 1)
    assert "fake does not answer" in now.state_detail
    assert now.not_before is not None
    assert intervals(workload) == [(1, False, True)]
    assert Attempt.objects.count() == fake.calls["submit"] == 0


def test_a_submit_without_an_answer_is_repeated_under_the_same_id(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.refusing(2)
    workload = launched(queue)
    assert attempt_of_workload(workload).submitted_at is None
    assert fresh(workload).state_detail.startswith("Not launched yet: ")
    for _ in range(3):
        launch_due()
    assert attempt_of_workload(workload).submitted_at is not None
    assert (fake.calls["submit"], len(fake.launches), Attempt.objects.count()) == (3, 1, 1)


def test_a_refused_launch_fails(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script(refused="No such image.")
    workload = launched(queue)
    assert (workload.state, workload.state_reason) == ("failed", "launch_error")
    assert workload.state_detail == "No such image."
    assert intervals(workload) == [(1, False, True)]


def test_a_missing_secret_fails_the_launch(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue, spec_object=job_spec(secrets=("nobody-knows",)))
    assert (workload.state, workload.state_reason) == ("failed", "launch_error")
    assert "nobody-knows" in workload.state_detail
    assert fake.calls["submit"] == 0


def test_a_spec_that_cannot_be_read_fails_the_launch(queue: Queue, fake: FakeBackend) -> None:
    workload = admitted(queue)
    Workload.objects.filter(pk=workload.pk).update(spec={"kind": "job", "resources": {}, "odd": 1})
    launch(workload.pk)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("failed", "launch_error")
    assert fresh(workload).state_detail.startswith("The stored spec cannot be read")


def test_a_launch_that_died_with_an_unreadable_spec_can_still_be_stopped(queue: Queue, fake: FakeBackend) -> None:
    workload = WorkloadFactory.create(queue=queue, state="launching")
    Attempt.objects.update(handle={"backend": "fake", "data": {}}, submitted_at=None)
    cancel(workload)
    stop(workload.pk)
    assert fresh(workload).state == "cancelled"


def test_what_nobody_wants_any_more_is_stopped_right_after_its_submit(
    queue: Queue, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes while the submit is under way, and its own message is lost."""
    workload = admitted(queue)
    submit = fake.submit

    def cancelled_meanwhile(spec: Any, context: Any) -> JobHandle:
        cancel(workload)
        return submit(spec, context)

    monkeypatch.setattr(fake, "submit", cancelled_meanwhile)
    launch(workload.pk)
    assert fake.calls["stop"] == 1
    observe_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "cancelled_by_user")


def test_one_that_goes_wrong_keeps_nobody_else_waiting(
    queue: Queue, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = admitted(queue), admitted(queue)

    def broken(spec: Any, context: Any) -> JobHandle:
        if context.workload_id == str(one.pk):
            raise RuntimeError("a bug")
        return FakeBackend.submit(fake, spec, context)

    monkeypatch.setattr(fake, "submit", broken)
    assert launch_due() == 2
    assert attempt_of_workload(other).submitted_at is not None
    assert f"launch failed for workload {one.pk}; its tick will try again" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_twins_at_the_same_time_start_one_job(fake: FakeBackend) -> None:
    queue = make_queue(make_pool())
    workloads = [admitted(queue) for _ in range(4)]
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        for workload in workloads:
            launch(workload.pk)
            observe(workload.pk)
        launch_due()
        observe_due()
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fake.launches) == Attempt.objects.count() == 4
    for workload in workloads:
        assert story(workload) == [("admitted", ""), ("launching", ""), ("running", "")]
        assert intervals(workload) == [(1, True, False)]
