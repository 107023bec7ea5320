"""What took too long."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.fields.json import KT

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.quotas.models import Workload
from apps.quotas.services.moves import workload_locked, workload_move
from apps.quotas.states import Reason, WorkloadState

ACTOR = Actor.system("expiry")
START_TIMEOUT_SECONDS = 300
"""Unless the spec says otherwise."""


def starts_expire() -> int:
    """Stop what has been launching for longer than its spec allows; it waits again, with back-off. Returns how many."""
    at = clock.db_now()
    rows = Workload.objects.filter(state=WorkloadState.LAUNCHING).annotate(own=KT("spec__start_timeout_seconds"))
    due = {}
    for workload_id, since, own in rows.values_list("pk", "state_at", "own").order_by("pk"):
        seconds = int(own or START_TIMEOUT_SECONDS)
        if at - since > timedelta(seconds=seconds):
            due[workload_id] = seconds
    return sum(_start_expire(workload_id, seconds) for workload_id, seconds in due.items())


@transaction.atomic
def _start_expire(workload_id: UUID, seconds: int) -> int:
    workload = workload_locked(workload_id)
    if workload.state != WorkloadState.LAUNCHING:
        return 0
    detail = f"It did not start within {seconds} s."
    workload_move(
        workload, WorkloadState.STOPPING, at=clock.db_now(), actor=ACTOR, reason=Reason.START_TIMEOUT, detail=detail
    )
    queues.send(queues.STOP, workload.pk)
    return 1
