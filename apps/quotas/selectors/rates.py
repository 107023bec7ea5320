"""What costs money now."""

from __future__ import annotations

from uuid import UUID

from apps.common import clock
from apps.quotas.models import Rate, Workload
from apps.quotas.states import Resource

Priced = frozenset[tuple[UUID, str, str]]
"""Pool, resource, kind of GPU."""


def priced_now() -> Priced:
    """What has a price now that is not 0. One query."""
    rows = Rate.objects.filter(valid_from__lte=clock.db_now()).order_by("pool", "resource", "flavor", "-valid_from")
    newest = rows.distinct("pool", "resource", "flavor").values_list("pool", "resource", "flavor", "price")
    return frozenset((pool, resource, flavor) for pool, resource, flavor, price in newest if price)


def costs_money(workload: Workload, priced: Priced) -> bool:
    """Whether an hour of a workload costs anything, whatever kind of GPU it may get."""
    if any((workload.pool_id, resource, "") in priced for resource in (Resource.CPU_MILLIS, Resource.MEMORY_BYTES)):
        return True
    kinds = {flavor for pool, resource, flavor in priced if pool == workload.pool_id and resource == Resource.GPUS}
    return bool(workload.gpus and (workload.flavor in kinds or (kinds and not workload.flavor)))
