"""Telling backends to stop what must not run (any more)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.services.attempts import attempt_refused, attempt_stop_sent
from apps.quotas.services.graces import deadline_of, grace_of
from apps.quotas.states import LAUNCHED, WorkloadState
from workers.backends.base import BackendUnavailable, Unsupported
from workers.contracts.launch import JobHandle
from workers.contracts.sentences import say
from workers.dispatch.batch import for_each
from workers.dispatch.observe import observe
from workers.dispatch.registry import asking

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=30)
"""A stop that has not worked so long after the grace is repeated without one."""


def stop_due() -> int:
    """Stop what should be stopping and was not told, or was told long ago; returns how many were looked at."""
    stopping = Attempt.objects.filter(ended_at=None, workload__state=WorkloadState.STOPPING)
    rows = stopping.select_related("workload__pool").defer("workload__spec", "result", "usage").order_by("pk")
    now = clock.db_now()
    due = [attempt.workload_id for attempt in rows if attempt.stop_sent_at is None or _is_late(attempt, now)]
    return for_each(due, stop)


def stop(workload_id: UUID) -> None:
    """Tell the backend of a stopping workload, and look at once whether it is gone. Repeating it shortens no grace."""
    stopping = Attempt.objects.filter(workload=workload_id, workload__state=WorkloadState.STOPPING, ended_at=None)
    attempt = stopping.select_related("workload__pool").first()
    if attempt is not None and _stop(attempt):
        observe(workload_id)


def stop_if_unwanted(attempt_id: UUID) -> None:
    """After a submit: stop the job if meanwhile nobody wants it to run any more."""
    attempt = Attempt.objects.select_related("workload").get(pk=attempt_id)
    wanted = attempt.ended_at is None and attempt.workload.state in LAUNCHED - {WorkloadState.STOPPING}
    if not wanted:
        _stop(attempt)


def _is_late(attempt: Attempt, now: datetime) -> bool:
    """It was told, and lives on though its time is over."""
    return attempt.stop_sent_at is not None and deadline_of(attempt, now=now) + PATIENCE < now


def _stop(attempt: Attempt) -> bool:
    """True when the backend has acknowledged it."""
    handle = JobHandle.from_json(attempt.handle)
    if not handle.data:  # no backend could ever know it
        attempt_refused(attempt.pk, detail=say("not_launched"))
        return False
    try:
        with asking(handle.backend) as backend:
            backend.stop(handle, 0 if _is_late(attempt, clock.db_now()) else grace_of(attempt.workload))
    except (BackendUnavailable, Unsupported) as error:
        log.warning("attempt %s is not told to stop yet: %s", attempt.pk, error)
        return False
    attempt_stop_sent(attempt.pk)
    return True
