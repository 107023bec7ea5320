"""What took too long."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, IntegerField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

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
    allowed = Coalesce(Cast(KT("spec__start_timeout_seconds"), IntegerField()), START_TIMEOUT_SECONDS)
    launching = Workload.objects.filter(state=WorkloadState.LAUNCHING).annotate(allowed=allowed)
    due = launching.filter(state_at__lt=at - timedelta(seconds=1) * F("allowed"))
    return sum(_start_expire(workload.pk, workload.allowed) for workload in due.order_by("pk").defer("spec"))


@transaction.atomic
def _start_expire(workload_id: object, seconds: int) -> int:
    workload = workload_locked(workload_id)  # type: ignore[arg-type]
    if workload.state != WorkloadState.LAUNCHING:
        return 0
    detail = f"It did not start within {seconds} s."
    workload_move(
        workload, WorkloadState.STOPPING, at=clock.db_now(), actor=ACTOR, reason=Reason.START_TIMEOUT, detail=detail
    )
    queues.send(queues.STOP, workload.pk)
    return 1
