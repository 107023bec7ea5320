"""How long a job that was told to leave is given, and until when.

The last moment is fixed once its backend has acknowledged the order, and is the backend's to hold; what the job is
told before that counts from then, so that nobody is killed for an order that came late.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings

from apps.quotas.models import Attempt, ResourcePool, Workload
from apps.quotas.states import GOES_ON


def grace_of(workload: Workload) -> int:
    """Seconds that it has, by the reason for which it is stopped: longer where it is to go on from a checkpoint, as
    its pool says (one query, unless it was loaded)."""
    if workload.state_reason in GOES_ON:
        return preemption_grace_of(workload.pool)
    return int(settings.BEDPLATE_STOP_GRACE_SECONDS)


def preemption_grace_of(pool: ResourcePool) -> int:
    """Seconds that a job of this pool has to write its checkpoint, whoever makes it leave."""
    return int(pool.preemption_grace_seconds or settings.BEDPLATE_PREEMPTION_GRACE_SECONDS)


def attempt_tell_again(workload_id: UUID) -> None:
    """Its backend is to be told anew: the reason has become one with a shorter grace. A backend keeps the shorter."""
    Attempt.objects.filter(workload=workload_id, ended_at=None).update(stop_sent_at=None)


def deadline_of(attempt: Attempt, *, now: datetime) -> datetime:
    """When what is left of a stopping attempt is killed; in the database's time."""
    return (attempt.stop_sent_at or now) + timedelta(seconds=grace_of(attempt.workload))


def seconds_left(attempt: Attempt, *, now: datetime) -> int:
    """Until `deadline_of`, rounded up; 0 once it is over."""
    return max(ceil((deadline_of(attempt, now=now) - now).total_seconds()), 0)
