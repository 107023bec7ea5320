"""From admission to the end and back through a backend that misbehaves: slow, never, failing, vanishing, refusing."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.access.services.secrets import secret_set
from apps.common import clock, queues
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.attempt_tokens import attempt_of
from apps.quotas.services.expiry import starts_expire
from apps.quotas.services.workloads import workload_resize, workload_stop
from tests.support.factories.quotas import (
    AttemptFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
    serving_spec,
)
from tests.support.jobs import Sent, admit, fresh, intervals, story
from workers.backends.fake import FakeBackend, Script
from workers.contracts.launch import JobHandle, LaunchContext
from workers.dispatch.launch import launch, launch_due
from workers.dispatch.observe import observe, observe_due
from workers.dispatch.resize import resize, resize_due
from workers.dispatch.stop import stop, stop_due
from workers.dispatch.sweep import sweep

ACTOR = Actor.system("test")


def admitted(queue: Queue, **kwargs: Any) -> Workload:
    return admit(WorkloadFactory.create(queue=queue, **kwargs))


def launched(queue: Queue, **kwargs: Any) -> Workload:
    workload = admitted(queue, **kwargs)
    launch(workload.pk)
    return fresh(workload)


def attempt_of_workload(workload: Workload) -> Attempt:
    attempt = workload.current_attempt()
    assert attempt is not None
    return attempt


def cancel(workload: Workload) -> None:
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)


# Launch ---------------------------------------------------------------------------------------------------------


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
        "organisation": queue.organisation.name, "team": queue.team.name, "project": queue.project.name
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


@pytest.mark.parametrize(("limit", "days"), [(0, 366), (3600, 2 / 24)])
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


# Observe --------------------------------------------------------------------------------------------------------


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


def test_all_jobs_of_a_backend_are_looked_at_in_one_call_and_no_news_costs_two_statements(
    queue: Queue, fake: FakeBackend
) -> None:
    for _ in range(5):
        launched(queue, spec_object=job_spec(0.1))
    assert observe_due() == 5
    fake.calls.clear()
    with CaptureQueriesContext(connection) as captured:
        assert observe_due() == 0
    assert (fake.calls["observe"], len(captured)) == (1, 2)


def test_a_job_that_never_starts_is_stopped_and_tried_later(queue: Queue, fake: FakeBackend) -> None:
    fake.plan = Script.never()
    workload = launched(queue)
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=301))
    starts_expire()
    stop(workload.pk)
    observe_due()
    now = fresh(workload)
    assert (now.state, now.state_reason, now.losses) == ("pending", "backing_off", 0)
    assert now.state_detail == "It did not start within 300 s. Tries again in 5 s."
    assert attempt_of_workload(workload).outcome == "start_timeout"


# Stop -----------------------------------------------------------------------------------------------------------


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


# Resize and sweep -----------------------------------------------------------------------------------------------


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
