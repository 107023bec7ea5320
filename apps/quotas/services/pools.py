"""Pools as they are discovered: nodes, what they have, kinds of GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from django.db import transaction

from apps.common import clock, queues
from apps.common.errors import Conflict
from apps.common.events import emit
from apps.quotas.models import ResourceFlavor, ResourcePool
from apps.quotas.services.inventory import nodes_keep

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
    @property
    def ready(self) -> bool: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def taints(self) -> Sequence[str]: ...


@transaction.atomic
def pool_discover(name: str, backend: str, nodes: Iterable[NodeFacts]) -> ResourcePool:
    """Make the pool's rows equal to what its backend found. Nodes that were not found are lost: they take no new
    members, and what runs there keeps what it holds until it is proven gone.

    Repeating it costs a few statements, and is news to nobody, while nothing has changed.

    Raises:
        Conflict: a pool of that name belongs to another backend.
    """
    _, made = ResourcePool.objects.get_or_create(name=name, defaults={"backend": backend})
    pool = ResourcePool.objects.select_for_update(no_key=True).get(name=name)
    if pool.backend != backend:
        raise Conflict(f"pool {name} is run by the backend {pool.backend}, not by {backend}")
    found, at = list(nodes), clock.db_now()
    facts = {node.name: _facts(node, with_labels=pool.cluster_id is not None) for node in found}
    changed = nodes_keep(pool, facts, {node.name: node for node in found}, at)
    if not changed and not made:
        return pool
    _flavors_keep(pool, found)
    emit("pool.changed", pool, noun="pool")
    queues.send(queues.ADMIT, pool.pk)
    return pool


def flavor_name(model: str) -> str:
    """What people call a GPU model: `NVIDIA H200` is `H200`."""
    for brand in _BRANDS:
        model = model.removeprefix(brand)
    return "-".join(model.split())[:60]


def _facts(node: NodeFacts, *, with_labels: bool) -> dict[str, Any]:
    """Columns of a node. Only clusters say labels; those of other machines are an administrator's."""
    facts: dict[str, Any] = {
        "cpu_millis": node.cpu_millis,
        "memory_bytes": node.memory_bytes,
        "gpus": [_gpu(gpu) for gpu in node.gpus],
    }
    if with_labels:
        facts["labels"] = dict(node.labels) | dict(_taint_label(taint) for taint in node.taints)
    return facts


def _taint_label(taint: str) -> tuple[str, str]:
    """`key=value:Effect` as the label `taint:key` with `value:Effect`."""
    key, _, rest = taint.partition("=")
    if not rest:
        key, _, effect = taint.partition(":")
        rest = f":{effect}"
    return f"taint:{key}", rest


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
