"""Tasks: every name has one, each does its one thing, and a tick runs once at a time."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from celery.signals import worker_ready

from apps.access.services.approvals import approval_approve, approval_request
from apps.common import queues
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Queue, Quota
from apps.quotas.services.workloads import workload_resize, workload_stop
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import WorkloadFactory, serving_spec
from tests.support.jobs import fresh
from workers.backends.fake import FakeBackend, Script
from workers.tasks import control, data, dispatch, figures, owners, single_flight
from workers.tasks.schedule import BEAT_SCHEDULE, EVERY_SECONDS

ACTOR = Actor.system("test")
NAMES = {value for name, value in vars(queues).items() if name.isupper() and isinstance(value, str)}


@pytest.fixture(autouse=True)
def no_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick may follow itself at once."""
    monkeypatch.setattr(single_flight, "_enter", lambda name, mark: True)


def test_every_name_has_a_task_and_every_tick_a_time() -> None:
    assert {task.name for task in (data.tick_compact, data.tick_forget)} < set(current_app.tasks)
    assert set(current_app.tasks) >= NAMES
    assert set(EVERY_SECONDS) == {name for name in NAMES if ".tick_" in name}


@pytest.mark.django_db
def test_the_figures_have_a_tick() -> None:
    figures.tick_figures()


def test_machines_and_idleness_have_ticks(queue: Queue, fake: FakeBackend) -> None:
    dispatch.tick_inventory()
    dispatch.tick_idle()
    assert (fake.calls["discover"], fake.calls["faults"]) == (1, 1)


def test_ticks_come_in_time_and_say_no_time_of_day() -> None:
    assert BEAT_SCHEDULE["dispatch.tick_observe"] == {
        "task": "dispatch.tick_observe",
        "schedule": 2,
        "options": {"queue": "dispatch"},
    }
    assert {name: row["schedule"] for name, row in BEAT_SCHEDULE.items()} == {
        "control.tick_admit": 1,
        "dispatch.tick_launch": 1,
        "dispatch.tick_observe": 2,
        "dispatch.tick_observe_clusters": 15,
        "dispatch.tick_stop": 5,
        "dispatch.tick_liveness": 5,
        "control.tick_reconcile": 10,
        "control.tick_expire": 60,
        "control.tick_budgets": 10,
        "dispatch.tick_sweep": 60,
        "dispatch.tick_idle": 30,
        "dispatch.tick_inventory": 60,
        "data.tick_compact": 30,
        "data.tick_forget": 600,
        "data.tick_estimates": 10,
        "data.tick_figures": 60,
    }


def test_the_ticks_alone_take_a_job_from_submit_to_its_end(queue: Queue, fake: FakeBackend) -> None:
    """Every hint is lost; the clock is enough."""
    fake.plan = Script.succeeding(running=2)
    workload = WorkloadFactory.create(queue=queue)
    seen = []
    for _ in range(4):
        for tick in (control.tick_admit, dispatch.tick_launch, dispatch.tick_observe, dispatch.tick_stop):
            tick()
        seen.append(fresh(workload).state)
    assert seen == ["running", "running", "succeeded", "succeeded"]


def test_the_ticks_alone_resize_and_stop(queue: Queue, fake: FakeBackend) -> None:
    workload = WorkloadFactory.create(queue=queue, spec_object=serving_spec())

    def tick() -> None:
        for one in (control.tick_admit, dispatch.tick_launch, dispatch.tick_observe, dispatch.tick_stop):
            one()

    tick()
    workload_resize(workload, count=2, actor=ACTOR)
    tick()
    assert [member["ready"] for member in Attempt.objects.get().members] == [True, True]
    workload_stop(workload, reason="scaled_down", actor=ACTOR)
    tick()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "scaled_down")


def test_the_hints_alone_do_it_too(queue: Queue, fake: FakeBackend) -> None:
    workload = WorkloadFactory.create(queue=queue)
    control.admit_task(str(queue.pool_id))
    for task in (dispatch.launch_task, dispatch.observe_task, dispatch.resize_task):
        task(str(workload.pk))
    assert fresh(workload).state == "running"
    workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
    dispatch.stop_task(str(workload.pk))
    assert fresh(workload).state == "cancelled"


def test_news_go_to_the_owner(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setitem(owners.OWNERS, "run", told.append)
    workload = WorkloadFactory.create(queue=queue, owner_kind="run")
    control.workload_changed_task(str(workload.pk))
    control.workload_changed_task(str(queue.pk))
    assert told == [workload.pk]


def test_every_kind_of_owner_is_known() -> None:
    of_data = {"ingestion", "profile", "cleaning_run", "preview", "validation_run", "version_comparison"}
    assert set(owners.OWNERS) == of_data | {"run", "revision"}
    assert set(owners.COMMANDS) == {
        *("quota.set", "quota.remove", "queue.change", "pool.change", "cohort.create", "cohort.change"),
        *("cohort.delete", "priority_class.create", "priority_class.change"),
        *("budget.override", "dataset_version.publish", "model_version.use"),
    }
    assert len(owners.RECONCILERS) == 5


def test_reconciling_asks_every_app(db: None) -> None:
    control.tick_reconcile()


@pytest.mark.parametrize("by_tick", [False, True])
def test_an_approved_command_is_run_by_its_hint_or_by_the_tick(by_tick: bool, queue: Queue) -> None:
    user, root = UserFactory.create(), UserFactory.create(is_superuser=True)
    arguments = {"queue": str(queue.pk), "resource": "cpu_millis", "nominal": 3000}
    approval = approval_request(
        project=queue.project, command="quota.set", arguments=arguments, requested_by=user, actor=Actor.user(user)
    )
    approval_approve(approval=approval, decided_by=root, actor=Actor.user(root))
    if by_tick:
        control.tick_expire()
    else:
        control.approval_decided_task(str(approval.pk))
    assert Quota.objects.get(queue=queue, resource="cpu_millis").nominal == 3000


def test_sweeping_is_a_tick(queue: Queue, fake: FakeBackend) -> None:
    dispatch.tick_sweep()
    assert fake.calls["sweep"] == 1


def test_a_worker_that_starts_sweeps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(queues, "send", lambda name, *args: asked.append(name))
    connected = [found() for _, found in worker_ready.receivers if found() is not None]
    at_boot = next(one for one in connected if one.__name__ == "_sweep_at_boot")
    at_boot()
    assert asked == ["dispatch.tick_sweep"]
