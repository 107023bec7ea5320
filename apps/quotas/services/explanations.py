"""Why a workload waits and until when: read without a lock, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final

from apps.common import clock
from apps.quotas.models import ResourcePool, StartEstimate, Workload
from apps.quotas.scheduling.snapshot import Ask, Waiting
from apps.quotas.scheduling.why import Why, why
from apps.quotas.selectors.estimates import Accuracy, accuracy_of
from apps.quotas.selectors.line import Place, place_of
from apps.quotas.services.pool_snapshot import avoided, pool_read
from apps.quotas.states import Preemption, WorkloadState

HISTORY_MOST: Final = 50
JUDGED: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that the API says of why something waits."""

    workload: Workload
    place: Place | None
    why: Why | None
    possible_at: datetime | None
    estimate: StartEstimate | None
    history: list[StartEstimate]
    accuracy: Accuracy


def waiting_of(workload: Workload, at: datetime) -> Waiting:
    """As the scheduler sees it at that moment."""
    ask = Ask(
        workload.cpu_millis,
        workload.memory_bytes,
        workload.gpus,
        workload.flavor,
        workload.gpu_millis,
        workload.topology,
        avoided(workload.avoids, at.timestamp()),
    )
    return Waiting(
        workload.pk,
        workload.queue_id,
        ask,
        workload.created_at.timestamp(),
        workload.count_min,
        workload.count_max,
        workload.priority,
        workload.preemption == Preemption.LOWER_PRIORITY,
        float(workload.time_limit_seconds) or inf,
    )


def explanation_of(workload: Workload) -> Explanation:
    """Why it waits. A dozen queries, however much waits; what does not wait has its past estimates only.

    Of what is held back, what would be in its way once it is let in.
    """
    at = clock.db_now()
    found: Why | None = None
    place = place_of(workload)
    waits = workload.state == WorkloadState.PENDING
    if waits:
        pool = ResourcePool.objects.get(pk=workload.pool_id)
        found = why(pool_read(pool, at, alike_most=0, decides=False).snapshot, waiting_of(workload, at))
    history = list(StartEstimate.objects.filter(workload=workload).order_by("-made_at")[:HISTORY_MOST])
    now = next((one for one in history if one.started_at is None), None) if waits else None
    possible = found.possible_at if found is not None else None
    return Explanation(
        workload,
        place,
        found,
        None if possible is None else datetime.fromtimestamp(possible, UTC),
        now,
        history,
        accuracy_of(workload.queue_id, at - JUDGED),
    )
