"""The tree by which a pool is shared, in numbers: what each node is guaranteed, holds, borrows and lends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from apps.quotas.models import Cohort, Node, Queue, Quota, ResourceFlavor, ResourcePool, UsageRecord, Workload
from apps.quotas.selectors.pool_map import visible_project
from apps.quotas.selectors.usage import Key
from apps.quotas.states import OCCUPYING, Resource, WorkloadState

ALL_GPUS: Key = (str(Resource.GPUS), "")


class Excess(StrEnum):
    """What the guarantees below a node are more than."""

    CAPACITY = "exceeds_capacity"
    PARENT = "exceeds_parent"


@dataclass(slots=True)
class Amount:
    """One resource of one node, in the unit of the resource; of shared GPUs parts of devices count as such."""

    resource: str
    flavor: str
    nominal: int | None = None
    """Its own; None: it has no quota of this. A queue may then not use it, unless one of all kinds of GPU lets it."""
    subtree_nominal: int = 0
    """Guaranteed: the more of its own and what is guaranteed below it."""
    borrowing_limit: int | None = None
    lending_limit: int | None = None
    weight: float | None = None
    """Of its share; that of the node where the quota says nothing of it."""
    own_weight: float | None = None
    """Of the quota itself."""
    quota: UUID | None = None
    reserved: float = 0.0
    """Held by all that is below it."""
    used: float = 0.0
    borrowed: float = 0.0
    """Held beyond what it is guaranteed."""
    lent: float = 0.0
    """Of what it is guaranteed and leaves idle, what its siblings hold."""
    capacity: int = 0
    """What the machines of the pool that take members have."""
    warning: Excess | None = None


@dataclass(slots=True)
class CohortNode:
    """An inner node."""

    cohort: Cohort
    amounts: list[Amount] = field(default_factory=list)


@dataclass(slots=True)
class QueueNode:
    """A leaf; of a project that the reader does not see neither its name nor its id is told."""

    queue: Queue
    visible: bool
    running: int = 0
    waiting: int = 0
    amounts: list[Amount] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PoolTree:
    """The whole: the pool's own numbers, and its nodes; a parent comes before what is below it."""

    pool: ResourcePool
    amounts: list[Amount]
    """Of the pool: `subtree_nominal` is the sum of what is guaranteed below it."""
    simulated: Mapping[str, bool]
    cohorts: list[CohortNode]
    queues: list[QueueNode]


@dataclass(frozen=True, slots=True)
class _Held:
    reserved: float = 0.0
    used: float = 0.0

    def __add__(self, other: _Held) -> _Held:
        return _Held(self.reserved + other.reserved, self.used + other.used)


def pool_tree(pool: ResourcePool, user: Any) -> PoolTree:
    """A pool's tree as far as the user may know it; the user sees the pool. Seven queries."""
    has, simulated = _capacity(pool)
    cohorts = cohorts_of(pool)
    queues = _queues(pool, user)
    amounts = amounts_of(pool, cohorts, [node.queue for node in queues], has)
    keys = list(amounts)
    for node in queues:
        node.amounts = [amounts[key][node.queue.pk] for key in keys]
        if not node.visible:
            node.amounts = [replace(one, quota=None) for one in node.amounts]
    return PoolTree(
        pool,
        [amounts[key][None] for key in keys],
        simulated,
        [CohortNode(one, [amounts[key][one.pk] for key in keys]) for one in cohorts],
        queues,
    )


def amounts_of(
    pool: ResourcePool, cohorts: Sequence[Cohort], queues: Sequence[Queue], capacity: Mapping[Key, int]
) -> dict[Key, dict[UUID | None, Amount]]:
    """Of each resource the amounts of each of these nodes, a parent before its children, and of the pool (None)."""
    quotas = list(Quota.objects.filter(Q(queue__pool=pool) | Q(cohort__pool=pool)))
    known = {one.pk for one in cohorts}
    numbers = Numbers(
        parents={
            **{one.pk: one.parent_id for one in cohorts},
            **{one.pk: one.cohort_id if one.cohort_id in known else None for one in queues},
        },
        weights={**{one.pk: one.weight for one in cohorts}, **{one.pk: one.weight for one in queues}},
        quotas={(quota.queue_id or quota.cohort_id, quota.resource, quota.flavor): quota for quota in quotas},
        held=_held(pool),
        capacity=capacity,
    )
    return {key: numbers.of(key) for key in sorted({*capacity, *((one.resource, one.flavor) for one in quotas)})}


def cohorts_of(pool: ResourcePool) -> list[Cohort]:
    """The cohorts of a pool, a parent before what is below it."""
    return _parents_first(Cohort.objects.filter(pool=pool).select_related("team").order_by("name"))


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything of which the numbers of a tree are made; the pool itself is the node None."""

    parents: dict[UUID, UUID | None]
    """Parents before their children."""
    weights: Mapping[UUID, float]
    quotas: Mapping[tuple[UUID | None, str, str], Quota]
    held: Mapping[tuple[UUID, Key], _Held]
    """By queues."""
    capacity: Mapping[Key, int]

    def of(self, key: Key) -> dict[UUID | None, Amount]:
        """One resource of every node."""
        resource, flavor = key
        capacity = self.capacity.get(key, 0)
        found: dict[UUID | None, Amount] = {None: Amount(resource, flavor, capacity=capacity)}
        for node in self.parents:
            found[node] = self._own(node, key, capacity)
        children: defaultdict[UUID | None, list[Amount]] = defaultdict(list)
        for node, parent in reversed(self.parents.items()):
            self._close(found[node], children[node], Excess.PARENT)
            children[parent].append(found[node])
            found[parent].reserved += found[node].reserved
            found[parent].used += found[node].used
        root = found[None]
        root.subtree_nominal = sum(one.subtree_nominal for one in children[None])
        root.warning = Excess.CAPACITY if root.subtree_nominal > capacity else None
        _lend(children[None], capacity)
        for node in self.parents:
            _lend(children[node], found[node].subtree_nominal)
        return found

    def _own(self, node: UUID, key: Key, capacity: int) -> Amount:
        quota, held = self.quotas.get((node, *key)), self.held.get((node, key), _Held())
        found = Amount(*key, reserved=held.reserved, used=held.used, capacity=capacity)
        found.weight = self.weights[node]
        if quota is not None:
            found.nominal, found.quota, found.own_weight = quota.nominal, quota.pk, quota.weight
            found.weight = found.weight if quota.weight is None else quota.weight
            found.borrowing_limit, found.lending_limit = quota.borrowing_limit, quota.lending_limit
        return found

    @staticmethod
    def _close(amount: Amount, children: Sequence[Amount], excess: Excess) -> None:
        below = sum(one.subtree_nominal for one in children)
        amount.subtree_nominal = max(amount.nominal or 0, below)
        amount.warning = excess if amount.nominal is not None and below > amount.nominal else None


def _lend(siblings: Sequence[Amount], whole: float) -> None:
    """Who of some siblings borrows and who lends.

    What is borrowed comes from what is guaranteed to none of them first; the rest of it is shared out by how much each
    leaves idle and may lend.
    """
    for one in siblings:
        one.borrowed = max(0.0, one.reserved - one.subtree_nominal)
    guaranteed = sum(one.subtree_nominal for one in siblings)
    missing = sum(one.borrowed for one in siblings) - max(0.0, whole - guaranteed)
    idle = [max(0.0, one.subtree_nominal - one.reserved) for one in siblings]
    lends = [
        left if one.lending_limit is None else min(left, one.lending_limit)
        for one, left in zip(siblings, idle, strict=True)
    ]
    total = sum(lends)
    for one, most in zip(siblings, lends, strict=True):
        one.lent = most * min(1.0, max(0.0, missing) / total) if total else 0.0


def _capacity(pool: ResourcePool) -> tuple[Counter[Key], dict[str, bool]]:
    """What the machines that take members have, with every whole kind of GPU; which kinds are simulated."""
    found: Counter[Key] = Counter()
    machines = Node.objects.filter(pool=pool, ready=True, drained_at=None)
    for cpu, memory, gpus in machines.values_list("cpu_millis", "memory_bytes", "gpus"):
        found[str(Resource.CPU_MILLIS), ""] += cpu
        found[str(Resource.MEMORY_BYTES), ""] += memory
        found[ALL_GPUS] += len(gpus)
        found.update((str(Resource.GPUS), str(gpu["flavor"])) for gpu in gpus)
    simulated = dict(ResourceFlavor.objects.filter(pool=pool, share_of=None).values_list("name", "simulated"))
    for key in [*((str(name), "") for name in Resource.values), *((str(Resource.GPUS), kind) for kind in simulated)]:
        found[key] += 0
    return found, simulated


def _parents_first(cohorts: Iterable[Cohort]) -> list[Cohort]:
    below: defaultdict[UUID | None, list[Cohort]] = defaultdict(list)
    for cohort in cohorts:
        below[cohort.parent_id].append(cohort)
    found: list[Cohort] = []
    level = below[None]
    while level:
        found += level
        level = [child for cohort in level for child in below[cohort.pk]]
    return found


def _queues(pool: ResourcePool, user: Any) -> list[QueueNode]:
    rows = Queue.objects.filter(pool=pool).annotate(visible=visible_project(user)).select_related("project")
    work = Workload.objects.filter(pool=pool, state__in=[*OCCUPYING, WorkloadState.PENDING]).order_by()
    counted = work.values("queue").annotate(
        running=Count("pk", filter=Q(state__in=OCCUPYING)), waiting=Count("pk", filter=Q(state=WorkloadState.PENDING))
    )
    counts = {one["queue"]: (one["running"], one["waiting"]) for one in counted}
    return [
        QueueNode(queue, queue.visible, *counts.get(queue.pk, (0, 0)))
        for queue in rows.order_by("-visible", "project__name", "pk")
    ]


def _held(pool: ResourcePool) -> dict[tuple[UUID, Key], _Held]:
    """What each queue holds, of GPUs in devices and parts of them."""
    columns = ("cpu_millis", "memory_bytes", "gpu_millis")
    sums: dict[str, Any] = {f"{name}_reserved": Sum(name) for name in columns}
    sums |= {f"{name}_used": Sum(name, filter=Q(used_at__isnull=False), default=0) for name in columns}
    records = UsageRecord.objects.filter(pool=pool, closed_at=None).order_by()
    found: defaultdict[tuple[UUID, Key], _Held] = defaultdict(_Held)
    for row in records.values("workload__queue", "flavor").annotate(**sums):
        queue = row["workload__queue"]
        for resource, name, unit in (
            (Resource.CPU_MILLIS, "cpu_millis", 1),
            (Resource.MEMORY_BYTES, "memory_bytes", 1),
            (Resource.GPUS, "gpu_millis", 1000),
        ):
            amount = _Held(row[f"{name}_reserved"] / unit, row[f"{name}_used"] / unit)
            found[queue, (str(resource), "")] += amount
            if resource == Resource.GPUS and row["flavor"]:
                found[queue, (str(resource), row["flavor"])] += amount
    return found
