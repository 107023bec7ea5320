"""Runs: submitted, stopped, led by their workloads."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from apps.access.models import User
from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.models import AuditEvent, Event
from apps.datasets.models import LineageEdge
from apps.datasets.selectors.keeping import facts_of
from apps.datasets.states import VersionState
from apps.experiments.models import Run
from apps.experiments.services.experiments import experiment_create
from apps.experiments.services.reconcile import reconcile_due
from apps.experiments.services.runs import FOLLOWS, run_reconcile, run_stop, run_submit
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import WorkloadState
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import ProjectFactory, SecretFactory, UserFactory
from tests.support.factories.datasets import DatasetVersionFactory, pool_ready, workload_to
from tests.support.factories.experiments import ExperimentFactory, RunFactory, run_of, started
from workers.contracts.specs import Resources

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")
RESOURCES = Resources(cpu_millis=500, memory_bytes=256 << 20)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(queues._sender, "put", lambda name, args, after_seconds: found.append((name, *args)))
    return found


def submit(user: User | None = None, **kwargs: Any) -> Run:
    experiment = kwargs.pop("experiment", None) or ExperimentFactory.create()
    version = kwargs.pop("dataset_version", None) or DatasetVersionFactory.create(project=experiment.project)
    asked: dict[str, Any] = {"name": "first", "script": "print(1)\n", "resources": RESOURCES, **kwargs}
    return run_submit(
        experiment=experiment, dataset_version=version, actor=TESTER, requested_by=user or UserFactory.create(), **asked
    )


def moved(run: Run, *states: str, **more: Any) -> Run:
    """Move the run's workload and reconcile."""
    workload = Workload.objects.get(pk=run.workload_id)
    workload_to(workload, *states, **more)
    if workload.state in Workload.machine.terminal:
        Workload.objects.filter(pk=workload.pk).update(ended_at=workload.state_at)
    run_reconcile(workload.pk)
    return Run.objects.get(pk=run.pk)


RUNNING = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)


def facts(run: Run) -> tuple[bool, bool]:
    """Why no rule lets go of the data of its version: that a run came of it, that a job has still to read it."""
    (found,) = facts_of(run.dataset_version.dataset_id)
    return found.is_referenced, found.is_in_use


class TestSubmit:
    def test_a_run_and_its_workload_are_made_together(
        self, sent: list[tuple[str, ...]], django_capture_on_commit_callbacks: Any
    ) -> None:
        pool_ready()
        user = UserFactory.create()
        with django_capture_on_commit_callbacks(execute=True):
            run = submit(user, parameters={"epochs": 3}, time_limit_seconds=90)

        workload = Workload.objects.get()
        prefix = run.dataset_version.manifest["prefix"]
        assert workload.spec == {
            "kind": "job",
            "command": ["python", "train.py"],
            "resources": {"cpu_millis": 500, "memory_bytes": 256 << 20, "gpus": 0, "flavor": ""},
            "image": "",
            "inputs": [{"name": "data", "uri": f"bedplate://{prefix}", "files": ["part-00000.parquet"]}],
            "outputs": [
                {"name": "checkpoints", "uri": "", "files": []},
                {"name": "artifacts", "uri": "", "files": []},
            ],
            "parameters": {"epochs": 3},
            "files": {"train.py": "print(1)\n"},
            "environment": {},
            "secrets": [],
            "time_limit_seconds": 90,
        }
        assert (workload.owner_kind, workload.owner_id, workload.name) == ("run", run.pk, "first")
        assert (workload.project_id, workload.requested_by) == (run.project_id, user)
        stored = Run.objects.get()
        assert (stored.state, stored.workload_id, stored.requested_by) == ("queued", workload.pk, user)
        assert [(step.from_state, step.to_state) for step in stored.story()] == [("draft", "queued")]
        assert list(Event.objects.filter(subject=f"run.{run.pk}").values_list("kind", flat=True)) == ["run.queued"]
        assert AuditEvent.objects.get(subject_id=str(run.pk)).action == "run.submitted"
        assert sent == [(queues.ADMIT, str(workload.pool_id))]

    def test_secrets_of_the_project_are_named_in_the_spec(self) -> None:
        pool_ready()
        experiment = ExperimentFactory.create()
        SecretFactory.create(project=experiment.project, name="api-key")
        run = submit(experiment=experiment, secrets=["api-key"])
        assert Workload.objects.get(pk=run.workload_id).spec["secrets"] == ["api-key"]

    @pytest.mark.parametrize(
        "asked, field",
        [
            ({"script": "  \n"}, "script"),
            ({"script": "#" * (256 << 10) + "#"}, "script"),
            ({"secrets": ["nobody-knows"]}, "secrets"),
            ({"parameters": {"a": "\x00"}}, "spec"),
            ({"parameters": {"a": float("nan")}}, "spec"),
            ({"script": "a = '\ud800'"}, "spec"),
            ({"resources": Resources(cpu_millis=0, memory_bytes=1 << 30)}, "cpu_millis"),
            ({"resources": Resources(cpu_millis=100, memory_bytes=1 << 60)}, "memory_bytes"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_written(self, asked: dict[str, Any], field: str) -> None:
        pool_ready()
        with pytest.raises(Invalid) as error, transaction.atomic():
            submit(**asked)
        assert list(error.value.fields) == [field]
        assert (Run.objects.count(), Workload.objects.count()) == (0, 0)

    def test_a_secret_of_another_project_is_not_found(self) -> None:
        pool_ready()
        SecretFactory.create(name="theirs")
        with pytest.raises(Invalid, match="theirs"):
            submit(secrets=["theirs"])

    @pytest.mark.parametrize("state", [VersionState.DRAFT, VersionState.DEPRECATED, VersionState.REJECTED])
    def test_only_what_is_or_may_be_published_is_trained_on(self, state: VersionState) -> None:
        pool_ready()
        with pytest.raises(Conflict), transaction.atomic():
            submit(dataset_version=DatasetVersionFactory.create(state=state))
        assert (Run.objects.count(), Workload.objects.count()) == (0, 0)

    def test_a_name_is_taken_once_in_an_experiment(self) -> None:
        pool_ready()
        first = submit()
        with pytest.raises(Invalid) as error, transaction.atomic():
            submit(experiment=first.experiment)
        assert error.value.fields == {"name": ["is taken"]}
        assert Workload.objects.count() == 1
        submit(experiment=ExperimentFactory.create(project=first.project))


def test_an_experiment_s_name_is_taken_once_in_a_project() -> None:
    project = ProjectFactory.create()
    made = experiment_create(project=project, name="risk", actor=TESTER)
    with pytest.raises(Invalid):
        experiment_create(project=project, name="risk", actor=TESTER)
    assert experiment_create(project=ProjectFactory.create(), name="risk", actor=TESTER).pk != made.pk


class TestReconcile:
    def test_a_run_follows_its_workload_to_the_end(self) -> None:
        pool_ready()
        run = submit()
        run = moved(run, *RUNNING)
        workload = Workload.objects.get()
        assert (run.state, run.started_at, run.ended_at) == ("running", workload.started_at, None)
        Attempt.objects.create(project=run.project, workload=workload, number=1, handle={}, result={"answer": 42})
        run = moved(run, WorkloadState.SUCCEEDED, reason="completed", detail="It ended with 0.")
        assert (run.state, run.state_reason, run.state_detail) == ("succeeded", "completed", "It ended with 0.")
        assert (run.result, run.ended_at) == ({"answer": 42}, Workload.objects.get().ended_at)
        edge = LineageEdge.objects.get()
        assert (edge.from_kind, edge.from_id, edge.relation) == ("run", run.pk, "trained_on")
        assert (edge.to_kind, edge.to_id, edge.project_id) == (
            "dataset_version", run.dataset_version_id, run.project_id,
        )  # fmt: skip

    def test_a_second_time_changes_nothing(self) -> None:
        pool_ready()
        run = moved(submit(), *RUNNING, WorkloadState.FAILED, reason="exit_nonzero")
        events = Event.objects.count()
        assert run_reconcile(run.workload_id or run.pk) is False
        assert reconcile_due() == 0
        assert Event.objects.count() == events
        assert Run.objects.get() == run

    def test_an_end_that_was_not_seen_on_the_way_goes_through_running(self) -> None:
        pool_ready()
        run = submit()
        run = moved(run, *RUNNING, WorkloadState.SUCCEEDED, reason="completed")
        assert [step.to_state for step in run.story()] == ["queued", "running", "succeeded"]

    def test_a_refused_run_fails_in_words(self) -> None:
        pool_ready()
        run = moved(submit(), WorkloadState.FAILED, reason="exceeds_quota", detail="64 GPUs are asked for.")
        assert (run.state, run.state_reason, run.state_detail) == ("failed", "exceeds_quota", "64 GPUs are asked for.")
        assert [step.to_state for step in run.story()] == ["queued", "failed"]
        assert LineageEdge.objects.count() == 0

    @pytest.mark.parametrize("end", [(WorkloadState.FAILED,), (WorkloadState.STOPPING, WorkloadState.CANCELLED)])
    def test_one_that_came_and_went_between_two_looks_keeps_its_version_too(self, end: tuple[str, ...]) -> None:
        pool_ready()
        run = submit()
        assert facts(run) == (False, True), "it waits, and will read it"
        workload_to(Workload.objects.get(), *RUNNING, WorkloadState.PENDING)
        assert facts(run) == (False, True), "between a loss and the next attempt"
        run = moved(run, *RUNNING, *end)
        assert "running" not in [step.to_state for step in run.story()]
        assert facts(run) == (True, False), "for who tries it again"
        assert LineageEdge.objects.get().relation == "trained_on"

    def test_a_lost_attempt_sends_the_run_back_to_the_queue(self) -> None:
        pool_ready()
        run = moved(submit(), *RUNNING)
        run = moved(run, WorkloadState.PENDING, reason="backing_off", detail="Lost.")
        assert (run.state, run.state_reason) == ("queued", "backing_off")
        run = moved(run, *RUNNING)
        assert [step.to_state for step in run.story()] == ["queued", "running", "queued", "running"]
        assert LineageEdge.objects.count() == 1

    def test_a_preempted_run_that_was_not_looked_at_meanwhile_runs_again(self) -> None:
        pool_ready()
        run = moved(submit(), *RUNNING)
        run = moved(run, WorkloadState.STOPPING, reason="preempted")
        run = moved(run, WorkloadState.PENDING, *RUNNING)
        assert [step.to_state for step in run.story()] == ["queued", "running", "stopping", "queued", "running"]

    def test_a_waiting_run_says_why_without_a_step(self) -> None:
        pool_ready()
        run = submit()
        Workload.objects.update(state_reason="waiting_for_quota", state_detail="2 cores are free.")
        assert run_reconcile(Workload.objects.get().pk) is True
        run = Run.objects.get()
        assert (run.state, run.state_reason, run.state_detail) == ("queued", "waiting_for_quota", "2 cores are free.")
        assert [step.to_state for step in run.story()] == ["queued"]

    def test_a_result_that_comes_after_the_end_is_kept(self) -> None:
        pool_ready()
        run = moved(submit(), *RUNNING, WorkloadState.SUCCEEDED)
        assert run.result is None
        Attempt.objects.create(project=run.project, workload_id=run.workload_id, number=1, handle={}, result={"a": 1})
        assert reconcile_due() == 1
        assert Run.objects.get().result == {"a": 1}
        assert reconcile_due() == 0

    def test_a_workload_of_somebody_else_is_left_alone(self) -> None:
        pool_ready()
        run = submit()
        assert run_reconcile(run.pk) is False

    @pytest.mark.parametrize("state", [state for state in WorkloadState if state != WorkloadState.PENDING])
    def test_the_tick_finds_every_run_that_is_behind(self, state: WorkloadState) -> None:
        pool_ready()
        submit()
        up_to_date = submit(name="second")
        behind = Workload.objects.exclude(pk=up_to_date.workload_id).get()
        ended = {"ended_at": behind.created_at} if state in Workload.machine.terminal else {}
        granted = 0 if state in Workload.machine.terminal else 1
        Workload.objects.filter(pk=behind.pk).update(state=state, count_granted=granted, **ended)
        assert reconcile_due() == int(FOLLOWS[state] != "queued")
        assert Run.objects.get(workload=behind).state == FOLLOWS[state]
        assert reconcile_due() == 0

    def test_every_state_of_a_workload_leads_somewhere(self) -> None:
        assert set(FOLLOWS) == set(WorkloadState.values)

    def test_one_that_cannot_be_reconciled_does_not_hold_up_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pool_ready()
        first, second = submit(), submit(name="second")
        Workload.objects.update(state="failed", ended_at=first.created_at)

        def failing(workload_id: Any) -> bool:
            if workload_id == first.workload_id:
                raise Conflict("not now")
            return run_reconcile(workload_id)

        monkeypatch.setattr("apps.experiments.services.reconcile.run_reconcile", failing)
        assert reconcile_due() == 2
        assert [Run.objects.get(pk=run.pk).state for run in (first, second)] == ["queued", "failed"]


class TestStop:
    def test_a_waiting_run_is_cancelled_at_once(self) -> None:
        pool_ready()
        run = run_stop(run=submit(), actor=Actor("user", "1", "ada"))
        assert (run.state, run.state_reason, run.state_detail) == ("cancelled", "cancelled_by_user", "Stopped by ada.")
        assert Workload.objects.get().state == "cancelled"
        assert AuditEvent.objects.filter(action="run.stopped").count() == 1

    def test_a_running_run_stops_once_its_processes_are_gone(self) -> None:
        run = run_of(started())
        run = run_stop(run=run, actor=TESTER)
        assert (run.state, run.state_reason, run.ended_at) == ("stopping", "cancelled_by_user", None)
        run = moved(run, WorkloadState.CANCELLED, reason="cancelled_by_user")
        assert (run.state, run.state_reason) == ("cancelled", "cancelled_by_user")

    def test_a_run_that_has_ended_stays_as_it_is(self) -> None:
        run = RunFactory.create(state="succeeded", ended_at="2026-03-02T09:30:00Z")
        assert run_stop(run=run, actor=TESTER).state == "succeeded"
        assert AuditEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_that_reconcile_at_once_the_one_that_waited_sees_what_came_last() -> None:
    run = run_of(started())
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)
        waiting = Thread(lambda: run_reconcile(run.workload_id))  # type: ignore[arg-type]
        wait_until_blocked()
        workload = Workload.objects.get(pk=run.workload_id)
        workload_to(workload, WorkloadState.FAILED, reason="exit_nonzero")
        Workload.objects.filter(pk=workload.pk).update(ended_at=workload.state_at)
    assert waiting.join() is True
    assert Run.objects.get().state == "failed"
