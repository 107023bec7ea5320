"""What is held and used now: per queue against its quotas, per resource against what there is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from apps.quotas.models import Node, Queue, ResourceFlavor, ResourcePool, UsageRecord, Workload
from apps.quotas.states import OCCUPYING, Resource, WorkloadState

FAILED_WITHIN = timedelta(hours=24)
Key = tuple[str, str]
"""Resource and flavor; the flavor is empty but for GPUs."""


@dataclass(frozen=True, slots=True)
class Amount:
    """One resource of one queue."""

    resource: str
    flavor: str
    nominal: int | None
    """None: no quota of its own; for a kind of GPU the quota of all kinds counts."""
    reserved: int
    used: int
    borrowing_limit: int | None = None
    """How much more than its nominal; None: all that others leave idle, or no quota of its own."""


@dataclass(frozen=True, slots=True)
class QueueUsage:
    """What a queue may hold and what it holds."""

    queue: Queue
    amounts: list[Amount]
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """One resource of some pools: what there is, what everybody holds, and what the reader's projects do."""

    resource: str
    flavor: str
    simulated: bool
    capacity: int
    reserved: int
    used: int
    own_reserved: int
    own_used: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Workloads in numbers."""

    waiting: list[dict[str, Any]]
    """`{"reason", "count"}`, the most frequent first."""
    running: list[dict[str, Any]]
    """`{"owner_kind", "state", "count"}`: what holds something."""
    failed: list[dict[str, Any]]
    """`{"reason", "count"}` of what failed since `failed_since`."""
    failed_since: datetime
    capacity: list[Capacity]

    @property
    def waiting_total(self) -> int:
        return _counted(self.waiting)

    @property
    def running_total(self) -> int:
        return _counted(self.running)

    @property
    def failed_total(self) -> int:
        return _counted(self.failed)


def _counted(rows: Iterable[dict[str, Any]]) -> int:
    return sum(row["count"] for row in rows)


def queue_usages(queues: Iterable[Queue]) -> list[QueueUsage]:
    """Usage of queues that were read with their quotas, project and pool. Two queries."""
    queues = list(queues)
    ids = [queue.pk for queue in queues]
    held = _held(UsageRecord.objects.filter(workload__queue__in=ids))
    counts = Workload.objects.filter(queue__in=ids).values("queue").order_by("queue")
    counted = counts.annotate(
        running=Count("pk", filter=Q(state__in=OCCUPYING)), waiting=Count("pk", filter=Q(state=WorkloadState.PENDING))
    )
    by_queue = {row["queue"]: row for row in counted.filter(state__in=[*OCCUPYING, WorkloadState.PENDING])}
    none = {"running": 0, "waiting": 0}
    return [
        QueueUsage(queue, _amounts(queue, held[queue.pk]), row["running"], row["waiting"])
        for queue in queues
        for row in [by_queue.get(queue.pk, none)]
    ]


def workload_summary(mine: QuerySet[Workload], pools: QuerySet[ResourcePool], now: datetime) -> Summary:
    """Workloads in numbers. Seven queries.

    Args:
        mine: the workloads that count; capacity and everybody's share of it are those of the pools.
    """
    since = now - FAILED_WITHIN
    own = UsageRecord.objects.filter(workload__in=mine.filter(state__in=OCCUPYING).values("pk"))
    return Summary(
        waiting=_by(mine.filter(state=WorkloadState.PENDING), reason="state_reason"),
        running=_by(mine.filter(state__in=OCCUPYING), owner_kind="owner_kind", state="state"),
        failed=_by(mine.filter(state=WorkloadState.FAILED, ended_at__gte=since), reason="state_reason"),
        failed_since=since,
        capacity=_capacity(pools, own),
    )


def pool_capacities(pools: QuerySet[ResourcePool]) -> tuple[Counter[Key], dict[str, bool]]:
    """What the machines of some pools have, per resource and kind of GPU; which kinds are simulated. Two queries."""
    found: Counter[Key] = Counter({(Resource.CPU_MILLIS, ""): 0, (Resource.MEMORY_BYTES, ""): 0})
    for cpu, memory, gpus in Node.objects.filter(pool__in=pools).values_list("cpu_millis", "memory_bytes", "gpus"):
        found[Resource.CPU_MILLIS, ""] += cpu
        found[Resource.MEMORY_BYTES, ""] += memory
        found.update((Resource.GPUS, str(gpu["flavor"])) for gpu in gpus)
    flavors = ResourceFlavor.objects.filter(pool__in=pools).values_list("name", "simulated")
    return found, dict(flavors)


def pool_held(pools: QuerySet[ResourcePool]) -> dict[Key, tuple[int, int]]:
    """What everybody holds in some pools: per resource and kind of GPU what is reserved and what of it is used."""
    return dict(_total(UsageRecord.objects.filter(pool__in=pools)))


def _capacity(pools: QuerySet[ResourcePool], own: QuerySet[UsageRecord]) -> list[Capacity]:
    pools = ResourcePool.objects.filter(pk__in=[pool.pk for pool in pools])
    has, simulated = pool_capacities(pools)
    everybody, mine = _total(UsageRecord.objects.filter(pool__in=pools)), _total(own.filter(pool__in=pools))
    kinds = {*has, *((Resource.GPUS, name) for name in simulated), *everybody}
    return [
        Capacity(
            resource, flavor, simulated.get(flavor, False), has[resource, flavor], *all_of, *mine[resource, flavor]
        )
        for resource, flavor in sorted(kinds)
        for all_of in [everybody[resource, flavor]]
    ]


def _held(records: QuerySet[UsageRecord]) -> defaultdict[UUID, dict[Key, tuple[int, int]]]:
    """Queue → resource → what is reserved and what of it is used."""
    found: defaultdict[UUID, dict[Key, tuple[int, int]]] = defaultdict(dict)
    for row in _open_sums(records, "workload__queue"):
        for key, amounts in _keyed(row):
            before = found[row["workload__queue"]].get(key, (0, 0))
            found[row["workload__queue"]][key] = (before[0] + amounts[0], before[1] + amounts[1])
    return found


def _total(records: QuerySet[UsageRecord]) -> defaultdict[Key, tuple[int, int]]:
    found: defaultdict[Key, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in _open_sums(records):
        for key, amounts in _keyed(row):
            found[key] = (found[key][0] + amounts[0], found[key][1] + amounts[1])
    return found


def _open_sums(records: QuerySet[UsageRecord], *by: str) -> Any:
    """Sums of the open intervals, per kind of GPU."""
    sums = {f"{name}_reserved": Sum(name) for name in Resource.values}
    sums |= {f"{name}_used": Sum(name, filter=Q(used_at__isnull=False), default=0) for name in Resource.values}
    return records.filter(closed_at=None).order_by().values(*by, "flavor").annotate(**sums)


def _keyed(row: dict[str, Any]) -> list[tuple[Key, tuple[int, int]]]:
    flavor = row["flavor"]
    keys = {Resource.CPU_MILLIS: "", Resource.MEMORY_BYTES: "", **({Resource.GPUS: flavor} if flavor else {})}
    return [((str(name), of), (int(row[f"{name}_reserved"]), int(row[f"{name}_used"]))) for name, of in keys.items()]


def _amounts(queue: Queue, held: dict[Key, tuple[int, int]]) -> list[Amount]:
    """Every quota, and what is held without one of its own; the quota of all kinds of GPU counts all of them."""
    all_gpus = [amounts for (resource, _), amounts in held.items() if resource == Resource.GPUS]
    held = {**held, (Resource.GPUS, ""): (sum(one[0] for one in all_gpus), sum(one[1] for one in all_gpus))}
    quotas = {(quota.resource, quota.flavor): quota for quota in queue.quotas.all()}
    keys = {*quotas, *((resource, flavor) for resource, flavor in held if flavor)}
    return [
        Amount(
            *key,
            quotas[key].nominal if key in quotas else None,
            *held.get(key, (0, 0)),
            quotas[key].borrowing_limit if key in quotas else None,
        )
        for key in sorted(keys)
    ]


def _by(rows: QuerySet[Workload], **names: str) -> list[dict[str, Any]]:
    """How many rows there are per value of some columns, the most frequent first."""
    counted = rows.order_by().values(*names.values()).annotate(count=Count("pk")).order_by("-count", *names.values())
    return [{name: row[column] for name, column in names.items()} | {"count": row["count"]} for row in counted]
