"""`kill -9` of the worker between any two statements of launch leaves one process, not two and not none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import apps.quotas.services.attempts
import apps.quotas.services.moves
import workers.backends.local.backend
import workers.dispatch.launch
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.workloads import workload_stop
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_pool, make_queue
from tests.support.waiting import until
from tests.workers.dispatch.killing import killed_after
from workers.backends.fake import FakeBackend
from workers.backends.local.backend import LocalBackend
from workers.contracts.launch import JobHandle
from workers.dispatch import registry
from workers.dispatch.launch import launch, launch_due
from workers.dispatch.observe import observe_due
from workers.dispatch.stop import stop

LAUNCH = frozenset({str(workers.dispatch.launch.__file__), str(workers.backends.local.backend.__file__)})
RECORDS = frozenset(
    str(module.__file__)
    for module in (workers.dispatch.launch, apps.quotas.services.attempts, apps.quotas.services.moves)
)
STRIDE = 20
"""Jobs that live at the same time."""
ACTOR = Actor.system("test")


@pytest.fixture
def local(tmp_path: Path, settings: Any) -> Iterator[LocalBackend]:
    """The local backend in a home of its own; nothing of it stays."""
    settings.BEDPLATE_BACKEND = "local"
    before = registry._backends.copy()
    backend = LocalBackend(tmp_path)
    registry.backend_use(backend)
    yield backend
    backend.stop_everything(0)
    registry._backends.clear()
    registry._backends.update(before)


def admitted(queue: Queue, number: int) -> Workload:
    """A job whose process can be told from all others by its command line."""
    workload: Workload = WorkloadFactory.create(
        queue=queue, spec_object=job_spec(0.001, 0.02, command=("sleep", str(number)))
    )
    assert pool_admit(queue.pool_id) == 1
    return workload


def alive() -> Counter[str]:
    """How many processes there are by `sleep <number>`."""
    commands = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return Counter(command[1] for command in commands if len(command) == 2 and command[0] == "sleep")


@pytest.mark.django_db(transaction=True)
def test_killed_between_any_two_statements_of_launch(local: LocalBackend) -> None:
    queue = make_queue(make_pool(cores=64, backend="local"), cores=64)
    step, killed = 0, True
    while killed:
        numbers = []
        for _ in range(STRIDE):
            number = os.getpid() * 1000 + step
            workload = admitted(queue, number)
            killed = killed_after(step, lambda workload=workload: launch(workload.pk), LAUNCH)  # type: ignore[misc]
            launch(workload.pk)
            launch_due()
            numbers.append(str(number))
            step += 1
            if not killed:
                break
        until(lambda numbers=numbers: set(numbers) <= set(alive()), 30, every_seconds=0.1)  # type: ignore[misc]
        observe_due()
        processes = alive()
        assert [processes[number] for number in numbers] == [1] * len(numbers)
        running = Workload.objects.filter(state="running", attempts_made=1, spec__command__1__in=numbers)
        assert running.count() == len(numbers)
        end(local)
    assert step > 12, "what launch does was not seen"


def end(local: LocalBackend) -> None:
    """Stop all jobs and let the database know."""
    for attempt in Attempt.objects.filter(ended_at=None):
        local.stop(JobHandle.from_json(attempt.handle), 0)

    def over() -> bool:
        observe_due()
        return not Attempt.objects.filter(ended_at=None).exists()

    until(over, 30, every_seconds=0.1)


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_and_stopped_instead_of_launched_again(fake: FakeBackend) -> None:
    """Somebody cancels what the dead worker left half-way: nothing starts any more, and all quota comes back."""
    queue = make_queue(make_pool(cores=64), cores=64)
    step, killed = 0, True
    while killed:
        workload: Workload = WorkloadFactory.create(queue=queue, spec_object=job_spec(0.001))
        pool_admit(queue.pool_id)
        killed = killed_after(step, lambda workload=workload: launch(workload.pk), RECORDS)  # type: ignore[misc]
        workload_stop(workload, reason="cancelled_by_user", actor=ACTOR)
        stop(workload.pk)
        launch(workload.pk)
        launch_due()
        observe_due()
        step += 1
    assert set(Workload.objects.values_list("state", flat=True)) == {"cancelled"}
    assert Attempt.objects.filter(ended_at=None).count() == 0
    assert fake.launches == []
    assert step > 10, "what is recorded was not seen"
