"""Who holds what on the machines of a pool, as far as a reader may see it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from apps.access.models import Project
from apps.quotas.models import Attempt, Node, ResourceFlavor, ResourcePool, Workload
from apps.quotas.states import OCCUPYING


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds something: a workload, or somebody of whom the reader may know no more than that."""

    visible: bool
    workload: UUID | None = None
    workload_name: str | None = None
    kind: str | None = None
    state: str | None = None
    owner_kind: str | None = None
    owner_id: UUID | None = None
    project: UUID | None = None
    project_name: str | None = None
    queue: UUID | None = None
    state_reason: str | None = None
    state_detail: str | None = None
    requested_by: UUID | None = None
    requested_by_name: str | None = None


@dataclass(slots=True)
class Device:
    """One GPU of a machine, and what its job last said of it."""

    index: int
    flavor: str
    gpu_model: str
    memory_bytes: int
    simulated: bool
    utilisation_ratio: float | None = None
    memory_used_bytes: int | None = None
    sampled_at: datetime | None = None
    holder: Holder | None = None
    cordoned: bool = False
    """It is given to nobody new."""


@dataclass(slots=True)
class Share:
    """What the members of one workload hold of one machine."""

    holder: Holder
    members: int = 0
    cpu_millis: int = 0
    memory_bytes: int = 0
    devices: list[int] = field(default_factory=list)


@dataclass(slots=True)
class MapNode:
    """A machine: what it has, what of it is held, and by whom."""

    id: UUID
    name: str
    ready: bool
    seen_at: datetime
    cpu_millis: int
    memory_bytes: int
    devices: list[Device]
    shares: list[Share] = field(default_factory=list)
    lost_at: datetime | None = None
    drained_at: datetime | None = None
    drain_reason: str = ""

    @property
    def cpu_millis_reserved(self) -> int:
        return sum(share.cpu_millis for share in self.shares)

    @property
    def memory_bytes_reserved(self) -> int:
        return sum(share.memory_bytes for share in self.shares)


def visible_project(user: Any) -> Q:
    """Whether the reader sees the row's project: for `annotate`."""
    return Q(project_id__in=Project.objects.visible_to(user).values("pk"))


def pool_map(pool: ResourcePool, user: Any) -> list[MapNode]:
    """The pool's machines by name. Four queries, however many machines and workloads there are."""
    simulated = dict(ResourceFlavor.objects.filter(pool=pool).values_list("name", "simulated"))
    nodes = {node.name: _node(node, simulated) for node in Node.objects.filter(pool=pool).order_by("name")}
    samples = _samples(pool, user)
    holding = Workload.objects.filter(pool=pool, state__in=OCCUPYING).defer("spec")
    holding = holding.select_related("project", "requested_by")
    for workload in holding.annotate(visible=visible_project(user)).order_by("admitted_at", "pk"):
        _enter(workload, nodes, samples.get(workload.pk, {}))
    return list(nodes.values())


def _node(node: Node, simulated: dict[str, bool]) -> MapNode:
    devices = [
        Device(
            index=int(gpu["index"]),
            flavor=str(gpu["flavor"]),
            gpu_model=str(gpu["model"]),
            memory_bytes=int(gpu["memory_bytes"]),
            simulated=simulated.get(str(gpu["flavor"]), False),
            cordoned=gpu["index"] in node.cordoned,
        )
        for gpu in node.gpus
    ]
    has = (node.pk, node.name, node.ready, node.seen_at, node.cpu_millis, node.memory_bytes, devices)
    return MapNode(*has, lost_at=node.lost_at, drained_at=node.drained_at, drain_reason=node.drain_reason)


def _samples(pool: ResourcePool, user: Any) -> dict[UUID, dict[str, Any]]:
    """Workload → rank (as text) → last sample, of what the reader sees."""
    rows = Attempt.objects.visible_to(user).filter(workload__pool=pool, ended_at=None)
    return dict(rows.values_list("workload_id", "usage"))


def _enter(workload: Workload, nodes: dict[str, MapNode], samples: dict[str, Any]) -> None:
    """Write what a workload holds into the machines on which it lies."""
    holder = holder_of(workload)
    shares: defaultdict[str, Share] = defaultdict(lambda: Share(holder))
    for rank, place in enumerate(workload.assignments):
        node = nodes.get(str(place["node"]))
        if node is None:  # taken out of the pool, and its members are not proven gone yet
            continue
        share = shares[node.name]
        share.members += 1
        share.cpu_millis += workload.cpu_millis
        share.memory_bytes += workload.memory_bytes
        share.devices += place["devices"]
        _enter_devices(node, place["devices"], holder, samples.get(str(rank), {}))
    for name, share in shares.items():
        nodes[name].shares.append(share)


def _enter_devices(node: MapNode, held: list[int], holder: Holder, sample: dict[str, Any]) -> None:
    said = {gpu.get("index"): gpu for gpu in sample.get("gpus", ())}
    for device in node.devices:
        if device.index not in held:
            continue
        device.holder = holder
        if device.index in said:
            device.utilisation_ratio = said[device.index].get("utilisation_ratio")
            device.memory_used_bytes = said[device.index].get("memory_bytes")
            device.sampled_at = parse_datetime(sample["at"]) if sample.get("at") else None


def holder_of(workload: Any) -> Holder:
    """The holder of a workload that was read with `visible` and its project."""
    if not workload.visible:
        return Holder(visible=False)
    return Holder(
        visible=True,
        workload=workload.pk,
        workload_name=workload.name,
        kind=workload.kind,
        state=workload.state,
        owner_kind=workload.owner_kind,
        owner_id=workload.owner_id,
        project=workload.project_id,
        project_name=workload.project.name,
        queue=workload.queue_id,
        state_reason=workload.state_reason,
        state_detail=workload.state_detail,
        requested_by=workload.requested_by_id,
        requested_by_name=workload.requested_by.username if workload.requested_by is not None else None,
    )
