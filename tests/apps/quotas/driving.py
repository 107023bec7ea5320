"""Taking a workload step by step through attempts, and what a backend may see of it."""

from __future__ import annotations

from typing import Any

from uuid6 import uuid7

from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.attempts import attempt_begin, attempt_observed, attempt_submitted
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import admit, fresh
from workers.contracts.launch import JobHandle
from workers.contracts.observation import MemberObservation, Observation, Phase

RUNNING = Observation(Phase.RUNNING, members=(MemberObservation(0, Phase.RUNNING),))
SUCCEEDED = Observation(Phase.SUCCEEDED, "completed", members=(MemberObservation(0, Phase.SUCCEEDED, exit_code=0),))
FAILED = Observation(Phase.FAILED, "out_of_memory", "Killed.", (MemberObservation(0, Phase.FAILED, exit_code=137),))
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


def replicas(*phases: Phase) -> Observation:
    members = tuple(MemberObservation(n, phase, phase == Phase.RUNNING, f"h:{n}") for n, phase in enumerate(phases))
    return Observation(Phase.RUNNING, members=members)
