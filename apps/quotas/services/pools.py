"""Pools as they are discovered: nodes, what they have, kinds of GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from apps.common import clock, queues
from apps.common.errors import Conflict
from apps.common.events import emit
from apps.quotas.models import Node, Quota, ResourceFlavor, ResourcePool
from apps.quotas.services.queues import pool_capacity

_BRANDS = ("NVIDIA ", "Tesla ", "GeForce ")


class GpuFacts(Protocol):
    """One GPU as a backend describes it."""

    @property
    def index(self) -> int: ...
    @property
    def model(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...


class NodeFacts(Protocol):
    """One node as a backend describes it."""

    @property
    def name(self) -> str: ...
    @property
    def cpu_millis(self) -> int: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def gpus(self) -> Sequence[GpuFacts]: ...
    @property
    def simulated(self) -> bool: ...


@transaction.atomic
def pool_discover(name: str, backend: str, nodes: Iterable[NodeFacts]) -> ResourcePool:
    """Make the pool's rows equal to what its backend found. Nodes that were not found take no new members.

    A quota that was the whole pool stays the whole pool when its capacity has changed.

    Raises:
        Conflict: a pool of that name belongs to another backend.
    """
    ResourcePool.objects.get_or_create(name=name, defaults={"backend": backend})
    pool = ResourcePool.objects.select_for_update(no_key=True).get(name=name)
    if pool.backend != backend:
        raise Conflict(f"pool {name} is run by the backend {pool.backend}, not by {backend}")
    found, before, at = list(nodes), pool_capacity(pool.pk), clock.db_now()
    rows = [
        Node(
            pool=pool,
            name=node.name,
            cpu_millis=node.cpu_millis,
            memory_bytes=node.memory_bytes,
            gpus=[_gpu(gpu) for gpu in node.gpus],
            ready=True,
            seen_at=at,
        )
        for node in found
    ]
    Node.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["pool", "name"],
        update_fields=["cpu_millis", "memory_bytes", "gpus", "ready", "seen_at"],
    )
    Node.objects.filter(pool=pool).exclude(name__in=[node.name for node in found]).update(ready=False)
    _flavors_keep(pool, found)
    _quotas_follow(pool.pk, before)
    emit("pool.changed", pool, noun="pool")
    queues.send(queues.ADMIT, pool.pk)
    return pool


def flavor_name(model: str) -> str:
    """What people call a GPU model: `NVIDIA H200` is `H200`."""
    for brand in _BRANDS:
        model = model.removeprefix(brand)
    return "-".join(model.split())[:60]


def _gpu(gpu: GpuFacts) -> dict[str, Any]:
    return {
        "index": gpu.index,
        "model": gpu.model,
        "uuid": gpu.uuid,
        "memory_bytes": gpu.memory_bytes,
        "flavor": flavor_name(gpu.model),
    }


def _flavors_keep(pool: ResourcePool, nodes: Iterable[NodeFacts]) -> None:
    kinds = {
        flavor_name(gpu.model): ResourceFlavor(
            pool=pool,
            name=flavor_name(gpu.model),
            gpu_model=gpu.model,
            gpu_memory_bytes=gpu.memory_bytes,
            simulated=node.simulated,
        )
        for node in nodes
        for gpu in node.gpus
    }
    ResourceFlavor.objects.bulk_create(
        kinds.values(),
        update_conflicts=True,
        unique_fields=["pool", "name"],
        update_fields=["gpu_model", "gpu_memory_bytes", "simulated"],
    )


def _quotas_follow(pool_id: UUID, before: dict[str, int]) -> None:
    for resource, amount in pool_capacity(pool_id).items():
        if amount != before[resource]:
            whole = Quota.objects.filter(queue__pool=pool_id, resource=resource, flavor="", nominal=before[resource])
            whole.update(nominal=amount)
