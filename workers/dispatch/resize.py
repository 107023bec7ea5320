"""Telling backends how many members a serving workload has now."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce, Least

from apps.quotas.models import Attempt
from apps.quotas.services.attempts import attempt_resized
from apps.quotas.states import WorkloadKind, WorkloadState
from workers.backends.base import BackendUnavailable
from workers.contracts.launch import JobHandle
from workers.dispatch.batch import for_each
from workers.dispatch.registry import asking

log = logging.getLogger(__name__)


def resize_due() -> int:
    """Tell backends that were last told another number; returns how many were looked at."""
    return for_each(list(_due().values_list("workload_id", flat=True)), resize)


def resize(workload_id: UUID) -> None:
    """Tell the backend of one workload the number of members that stay: `Workload.count_kept`."""
    attempt = _due().filter(workload=workload_id).select_related("workload").first()
    if attempt is None:
        return
    handle, count = JobHandle.from_json(attempt.handle), attempt.target
    try:
        with asking(handle.backend) as backend:
            backend.resize(handle, count)
    except BackendUnavailable as error:
        log.warning("attempt %s is not told its size yet: %s", attempt.pk, error)
        return
    attempt_resized(attempt.pk, count=count)


def _due() -> Any:
    granted = F("workload__count_granted")
    target = Least(granted, F("workload__count_max"), Coalesce(F("workload__count_target"), granted))
    rows = Attempt.objects.filter(
        ended_at=None,
        submitted_at__isnull=False,
        workload__kind=WorkloadKind.SERVING,
        workload__state__in=(WorkloadState.LAUNCHING, WorkloadState.RUNNING),
    )
    return rows.annotate(target=target).exclude(count_told=F("target")).order_by("pk")
