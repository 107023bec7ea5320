"""What nodes a cluster has for jobs of the installation, and what others leave of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from workers.backends.base import GpuFacts, NodeFacts
from workers.backends.kubernetes import names
from workers.backends.kubernetes.flavors import GPU_TAINT
from workers.backends.kubernetes.operators import mpi
from workers.backends.kubernetes.place import Place
from workers.backends.kubernetes.quantities import quantity, whole
from workers.backends.kubernetes.resources import NODES, PODS
from workers.backends.kubernetes.seen_objects import Condition, Meta, Part
from workers.backends.kubernetes.site import NVIDIA_GPU, ClusterSite, Toleration

FARGATE: Final = ("eks.amazonaws.com/compute-type", "fargate")
"""Label of what is no machine that could be chosen: it comes with its pod, and goes with it."""
MIG_PREFIX: Final = "nvidia.com/mig-"
PRODUCT: Final = "nvidia.com/gpu.product"
MEMORY: Final = "nvidia.com/gpu.memory"
KEEPS_OUT: Final = frozenset({"NoSchedule", "NoExecute"})
MIB: Final = 1024 * 1024

Amounts = dict[str, Decimal]


class Taint(Part, frozen=True):
    key: str = ""
    value: str | None = None
    effect: str = ""


class NodeSpec(Part, frozen=True):
    unschedulable: bool | None = None
    taints: tuple[Taint, ...] | None = None


class NodeStatus(Part, frozen=True):
    allocatable: dict[str, str] | None = None
    conditions: tuple[Condition, ...] | None = None


class Node(Part, frozen=True):
    metadata: Meta = Meta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Asked(Part, frozen=True):
    requests: dict[str, str] | None = None


class AskingContainer(Part, frozen=True):
    resources: Asked = Asked()
    restart_policy: str | None = None
    """`Always` of an init container that stays beside the others."""


class AskingSpec(Part, frozen=True):
    node_name: str | None = None
    containers: tuple[AskingContainer, ...] | None = None
    init_containers: tuple[AskingContainer, ...] | None = None
    overhead: dict[str, str] | None = None


class AskingPod(Part, frozen=True):
    """Of a pod only what it asks of its node."""

    spec: AskingSpec = AskingSpec()


def nodes(place: Place) -> list[NodeFacts]:
    """Ask for nodes, and for the pods on them that no admission has counted: those of others, and launchers of MPI."""
    found = place.api.items(NODES, Node)[0]
    others = f"{names.INSTALLATION}!={names.label_value(place.site.installation)}"
    living = "status.phase!=Succeeded,status.phase!=Failed"
    pods = place.api.items(PODS, AskingPod, labels=others, fields=living)[0]
    if place.site.operators.gangs == mpi.Mpi.kind:  # a launcher is beside the members that were admitted
        beside = f"{names.installation_selector(place.site)},{mpi.ROLE}={mpi.LAUNCHER}"
        pods += place.api.items(PODS, AskingPod, labels=beside, fields=living)[0]
    return node_facts(found, pods, place.site)


def node_facts(found: Iterable[Node], others: Iterable[AskingPod], site: ClusterSite) -> list[NodeFacts]:
    """Nodes by name, with what pods of others leave of each. Pure."""
    taken: dict[str, Amounts] = defaultdict(lambda: defaultdict(Decimal))
    for pod in others:
        if pod.spec.node_name:
            _add(taken[pod.spec.node_name], asked_by(pod))
    usable = (node for node in found if (node.metadata.labels or {}).get(FARGATE[0]) != FARGATE[1])
    return sorted((_facts(node, taken[node.metadata.name], site) for node in usable), key=lambda facts: facts.name)


def asked_by(pod: AskingPod) -> Amounts:
    """What a pod holds of its node: its containers together, or what one of those before them needs, if more."""
    beside: Amounts = defaultdict(Decimal)
    most: Amounts = {}
    for container in pod.spec.init_containers or ():
        wants = _amounts(container.resources.requests)
        if container.restart_policy == "Always":
            _add(beside, wants)
            wants = beside
        else:
            wants = {name: amount + beside.get(name, Decimal(0)) for name, amount in wants.items()}
        most = {name: max(most.get(name, Decimal(0)), wants.get(name, Decimal(0))) for name in {*most, *wants}}
    for container in pod.spec.containers or ():
        _add(beside, _amounts(container.resources.requests))
    total = {name: max(beside.get(name, Decimal(0)), most.get(name, Decimal(0))) for name in {*beside, *most}}
    _add(total, _amounts(pod.spec.overhead))
    return total


def _facts(node: Node, taken: Mapping[str, Decimal], site: ClusterSite) -> NodeFacts:
    meta = node.metadata
    labels = dict(meta.labels or {})
    has = _amounts(node.status.allocatable)
    cpu, memory = has.get("cpu", Decimal(0)), has.get("memory", Decimal(0))
    cpu_taken, memory_taken = taken.get("cpu", Decimal(0)), taken.get("memory", Decimal(0))
    gpus, gpus_taken = _gpus(meta.name, labels, has, taken)
    return NodeFacts(
        name=meta.name,  # not `kubernetes.io/hostname`, which may be another: pods are sent to nodes by name
        cpu_millis=int(max(cpu - cpu_taken, Decimal(0)) * 1000),
        memory_bytes=int(max(memory - memory_taken, Decimal(0))),
        gpus=gpus,
        ready=_takes_jobs(node, site),
        labels=labels,
        taints=tuple(_written(taint) for taint in node.spec.taints or ()),
        taken_cpu_millis=whole(cpu_taken * 1000),
        taken_memory_bytes=whole(memory_taken),
        taken_gpus=gpus_taken,
    )


def _gpus(
    node: str, labels: Mapping[str, str], has: Amounts, taken: Mapping[str, Decimal]
) -> tuple[tuple[GpuFacts, ...], int]:
    """The devices that are left. The cluster gives out numbers of them, not which: an index stands for one of them."""
    found: list[GpuFacts] = []
    others = 0
    for resource in sorted(name for name in has if name == NVIDIA_GPU or name.startswith(MIG_PREFIX)):
        there, used = int(has[resource]), whole(taken.get(resource, Decimal(0)))
        others += min(used, there)
        model, memory = _kind(resource, labels)
        for number in range(max(there - used, 0)):
            found.append(GpuFacts(len(found), model, f"{node}/{resource}/{number}", memory))
    return tuple(found), others


def _kind(resource: str, labels: Mapping[str, str]) -> tuple[str, int]:
    """Model and memory, as the GPU feature discovery writes them on a node; what it does not say is 0 or the
    resource's own name."""
    if resource == NVIDIA_GPU:
        return labels.get(PRODUCT, resource), _mib(labels.get(MEMORY, ""))
    profile = resource.removeprefix(MIG_PREFIX)
    model = labels.get(f"{resource}.product") or f"{labels[PRODUCT]}-MIG-{profile}" if PRODUCT in labels else resource
    return model, _mib(labels.get(f"{resource}.memory", ""))


def _mib(text: str) -> int:
    return int(text) * MIB if text.isascii() and text.isdigit() else 0


def _takes_jobs(node: Node, site: ClusterSite) -> bool:
    """Whether the cluster would put our pods there now."""
    ready = any(each.type == "Ready" and each.status == "True" for each in node.status.conditions or ())
    borne = (*site.tolerations, GPU_TAINT, *(each for flavor in site.flavors.values() for each in flavor.tolerations))
    kept_out = any(
        taint.effect in KEEPS_OUT and not any(_bears(toleration, taint) for toleration in borne)
        for taint in node.spec.taints or ()
    )
    return ready and not node.spec.unschedulable and not kept_out


def _bears(toleration: Toleration, taint: Taint) -> bool:
    same_key = toleration.key == taint.key or (not toleration.key and toleration.operator == "Exists")
    same_value = toleration.operator == "Exists" or toleration.value == (taint.value or "")
    return same_key and same_value and toleration.effect in ("", taint.effect)


def _written(taint: Taint) -> str:
    return f"{taint.key}{f'={taint.value}' if taint.value else ''}:{taint.effect}"


def _amounts(found: Mapping[str, str] | None) -> Amounts:
    return {name: quantity(text) for name, text in (found or {}).items()}


def _add(total: Amounts, more: Mapping[str, Decimal]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Decimal(0)) + amount
