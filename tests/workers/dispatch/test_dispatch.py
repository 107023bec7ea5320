"""Observing, stopping, resizing and sweeping jobs of a backend that is slow, never, failing, vanishing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock, queues
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.workloads import workload_resize
from tests.support.factories.quotas import (
    AttemptFactory,
    WorkloadFactory,
    job_spec,
    serving_spec,
)
from tests.support.jobs import Sent, admit, fresh, intervals
from tests.workers.dispatch.driving import ACTOR, attempt_of_workload, cancel, launched
from workers.backends.fake import FakeBackend, Script
from workers.contracts.launch import LaunchContext
from workers.dispatch.launch import launch
from workers.dispatch.observe import observe_due
from workers.dispatch.resize import resize, resize_due
from workers.dispatch.stop import stop, stop_due
from workers.dispatch.sweep import sweep
from workers.dispatch.watch import watch_due


def test_a_slow_job_starts_when_it_starts(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.slow(2)
    workload = launched(queue)
    states = []
    for _ in range(4):
        observe_due()
        states.append(fresh(workload).state)
    assert states == ["launching", "launching", "running", "running"]


def test_a_job_that_ends_gives_everything_back(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.succeeding(report={"exit_code": 0, "result": {"auc": 0.8}})
    workload = launched(queue)
    observe_due()
    observe_due()
    now, attempt = fresh(workload), attempt_of_workload(workload)
    assert (now.state, attempt.result, attempt.exit_code) == ("succeeded", {"auc": 0.8}, 0)
    assert intervals(workload) == [(1, True, True)]


def test_a_failing_job_fails_with_its_reason(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.failing("out_of_memory", 137)
    workload = launched(queue)
    observe_due()
    observe_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("failed", "out_of_memory")
    assert attempt_of_workload(workload).exit_code == 137


@pytest.mark.parametrize("script", [Script.losing(), Script.vanishing()])
def test_a_lost_job_runs_again_as_a_new_attempt(script: Script, queue: Queue, fake: FakeBackend) -> None:
    fake.plan = lambda spec, launch: script if launch.attempt_number == 1 else Script()
    workload = launched(queue)
    observe_due()
    observe_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("pending", "backing_off")
    Workload.objects.filter(pk=workload.pk).update(not_before=None)
    admit(workload)
    launch(workload.pk)
    observe_due()
    assert fresh(workload).state == "running"
    assert [context.attempt_number for context in fake.launches] == [1, 2]
    assert list(workload.attempts.order_by("number").values_list("outcome", flat=True)) == ["lost", ""]


def test_a_backend_that_is_away_says_nothing_about_its_jobs(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue)
    observe_due()
    fake.fail_next("observe", 3)
    for _ in range(3):
        assert observe_due() == 0
    assert fresh(workload).state == "running"


def test_all_jobs_of_a_backend_are_looked_at_in_one_call_and_no_news_costs_three_statements(
    queue: Queue, fake: FakeBackend
) -> None:
    for _ in range(5):
        launched(queue, spec_object=job_spec(0.1))
    assert observe_due() == 5
    fake.calls.clear()
    with CaptureQueriesContext(connection) as captured:
        assert observe_due() == 0
    assert (fake.calls["observe"], len(captured)) == (1, 3)


def test_a_job_that_never_starts_is_stopped_and_tried_later(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.never()
    workload = launched(queue)
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=301))
    watch_due()
    stop(workload.pk)
    observe_due()
    now = fresh(workload)
    assert (now.state, now.state_reason, now.losses) == ("pending", "backing_off", 0)
    assert now.state_detail == "It did not start within 300 s. Tries again in 5 s."
    assert attempt_of_workload(workload).outcome == "start_timeout"


def test_a_stop_ends_what_runs_and_frees_its_quota_only_then(queue: Queue, fake: FakeBackend, sent: Sent) -> None:
    fake.plan = Script.stubborn(2)
    workload = launched(queue)
    observe_due()
    cancel(workload)
    assert sent[-1] == (queues.STOP, str(workload.pk))
    stop(workload.pk)
    seen = []
    for _ in range(3):
        seen.append((fresh(workload).state, intervals(workload)))
        observe_due()
    assert seen[0] == seen[1] == ("stopping", [(1, True, False)])
    assert (fresh(workload).state, intervals(workload)) == ("cancelled", [(1, True, True)])


def test_a_stop_is_told_once_then_again_without_grace_when_it_does_not_work(
    queue: Queue, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    graces: list[float] = []
    monkeypatch.setattr(fake, "stop", lambda handle, grace: graces.append(grace))
    workload = launched(queue)
    observe_due()
    cancel(workload)
    for _ in range(3):
        stop_due()
    assert graces == [30]
    Attempt.objects.update(stop_sent_at=clock.db_now() - timedelta(seconds=61))
    stop_due()
    assert graces == [30, 0]


def test_a_backend_that_is_away_is_told_later(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue)
    cancel(workload)
    fake.fail_next("stop")
    stop(workload.pk)
    assert attempt_of_workload(workload).stop_sent_at is None
    stop_due()
    assert fresh(workload).state == "cancelled"


def test_what_was_begun_and_never_submitted_is_stopped_for_good(queue: Queue, fake: FakeBackend) -> None:
    """The launcher died after it had begun; a twin that is still under way can start nothing any more."""
    fake.plan = Script.refusing(1)
    workload = launched(queue)
    attempt = attempt_of_workload(workload)
    cancel(workload)
    stop(workload.pk)
    assert fresh(workload).state == "cancelled"
    fake.plan = Script()
    late = LaunchContext(str(workload.pk), str(attempt.pk), attempt_number=1, count=1, api_url="", token="")
    fake.submit(workload.spec_object(), late)
    assert fake.launches == []


@pytest.mark.parametrize("state", ["pending", "admitted", "launching", "running", "succeeded"])
def test_a_late_stop_stops_nothing_that_is_wanted(state: str, queue: Queue, fake: FakeBackend) -> None:
    workload = WorkloadFactory.create(queue=queue, state=state)
    stop(workload.pk)
    assert stop_due() == 0
    assert (fresh(workload).state, fake.calls["stop"]) == (state, 0)


def test_a_served_workload_grows_and_shrinks(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue, spec_object=serving_spec())
    observe_due()
    workload_resize(workload, count=3, actor=ACTOR)
    admit(workload)
    resize(workload.pk)
    observe_due()
    assert [member["ready"] for member in attempt_of_workload(workload).members] == [True, True, True]
    workload_resize(workload, count=1, actor=ACTOR)
    assert resize_due() == 1
    observe_due()
    assert (fresh(workload).count_granted, len(attempt_of_workload(workload).members)) == (1, 1)
    assert intervals(workload) == [(1, True, True), (3, True, True), (1, True, False)]
    assert (resize_due(), fake.calls["resize"]) == (0, 2)


def test_a_size_that_was_not_acknowledged_is_told_again(queue: Queue, fake: FakeBackend) -> None:
    workload = launched(queue, spec_object=serving_spec())
    observe_due()
    workload_resize(workload, count=2, actor=ACTOR)
    admit(workload)
    fake.fail_next("resize")
    resize(workload.pk)
    assert attempt_of_workload(workload).count_told == 1
    resize_due()
    assert attempt_of_workload(workload).count_told == 2


def test_growth_during_a_launch_is_told_afterwards(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.refusing(1)
    workload = launched(queue, spec_object=serving_spec())
    assert resize_due() == 0
    workload_resize(workload, count=2, actor=ACTOR)
    admit(workload)
    launch(workload.pk)
    assert fake.launches[0].count == attempt_of_workload(workload).count_told == 2


def test_what_the_database_disowns_is_swept(queue: Queue, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, long_over = launched(queue), launched(queue)
    old = attempt_of_workload(long_over)
    known: list[list[str]] = []
    real = fake.sweep
    monkeypatch.setattr(fake, "sweep", lambda ids: known.append(sorted(ids)) or real(ids, older_than_seconds=0))
    recent = AttemptFactory.create(workload=WorkloadFactory.create(queue=queue), ended_at=clock.db_now())
    Attempt.objects.filter(pk=old.pk).update(ended_at=clock.db_now() - timedelta(hours=25))
    assert sweep() == [str(old.pk)]
    assert known == [sorted([str(attempt_of_workload(mine).pk), str(recent.pk)])]


def test_a_backend_that_is_away_is_swept_later(queue: Queue, fake: FakeBackend) -> None:
    fake.fail_next("sweep")
    assert sweep() == []


def test_a_job_that_outlives_its_attempt_is_stopped(queue: Queue, fake: FakeBackend) -> None:
    """Its launcher died after the submit, while a twin had given the attempt up."""
    survivor, running = launched(queue), launched(queue)
    Attempt.objects.filter(workload=survivor).update(ended_at=clock.db_now())
    Workload.objects.filter(pk=survivor.pk).update(state="failed")
    sweep()
    assert fake.calls["stop"] == 1
    ended, alive = (fake.cluster.jobs[str(attempt_of_workload(w).pk)].stop_ordered for w in (survivor, running))
    assert (ended, alive) == (True, False)
