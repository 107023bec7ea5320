"""Workloads on their way through the fake backend."""

from __future__ import annotations

from typing import Any

from apps.common.audit import Actor
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.workloads import workload_stop
from tests.support.factories.quotas import (
    WorkloadFactory,
)
from tests.support.jobs import admit, fresh
from workers.dispatch.launch import launch

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
