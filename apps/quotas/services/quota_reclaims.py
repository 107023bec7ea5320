"""What quotas that are about to be set would take back of what runs: said before they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from apps.common import clock
from apps.quotas.models import Quota, ResourcePool
from apps.quotas.scheduling.whatif import Reclaim, SetLimit, reclaims
from apps.quotas.services.quota_grid import QuotaChange
from apps.quotas.services.quotas import limits_now
from apps.quotas.services.what_if_changes import limit_of
from apps.quotas.services.what_ifs import snapshot_present


def quotas_reclaim(pool: ResourcePool, changes: Sequence[QuotaChange]) -> tuple[Reclaim, ...]:
    """What runs and would be taken back if these quotas were as they are wanted: nothing is done.

    Changes of queues and cohorts that are not in the pool count for nothing; they are refused when they are saved.
    """
    snapshot = snapshot_present(pool, clock.db_now())
    known = {queue.id for queue in snapshot.queues} | {cohort.id for cohort in snapshot.cohorts}
    owners = {one.owner_id for one in changes} & known
    rows = Quota.objects.filter(Q(queue__in=owners) | Q(cohort__in=owners))
    now = {(row.queue_id or row.cohort_id, row.resource, row.flavor): row for row in rows}
    wanted = [_wanted(one, now.get(one.key)) for one in changes if one.owner_id in known]
    return reclaims(snapshot, wanted)


def _wanted(change: QuotaChange, row: Quota | None) -> SetLimit:
    """What is not named stays as it is."""
    limits: dict[str, Any] = {**limits_now(row), **change.wanted}
    return SetLimit(change.owner_id, limit_of(change.resource, change.flavor, change.nominal, limits))
