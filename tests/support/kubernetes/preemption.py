"""Which pods the scheduler takes away for one of a higher priority."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.disruption import disrupt
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.quantities import requested
from tests.support.kubernetes.store import Object

MESSAGE = "default-scheduler: preempting to accommodate a higher priority pod"


def victims(cluster: Cluster, pod: Object, node: Object, free: Mapping[str, Decimal]) -> list[Object] | None:
    """The pods of lower priority to take away on a node, fewest and lowest first; None: it does not help.

    Empty: pods are going already that make enough room.
    """
    need = {**requested(pod["spec"]), "pods": Decimal(1)}
    room = dict(free)
    on_node = [
        each
        for each in cluster.store.all(PODS)
        if each["spec"].get("nodeName") == node["metadata"]["name"] and not pods.terminal(each)
    ]
    for each in on_node:
        if each["metadata"].get("deletionTimestamp"):
            _give(room, each)
    found: list[Object] = []
    lower = [
        each
        for each in on_node
        if each["spec"].get("priority", 0) < pod["spec"].get("priority", 0)
        and not each["metadata"].get("deletionTimestamp")
    ]
    for each in sorted(lower, key=lambda one: one["spec"].get("priority", 0)):
        if _fits(need, room):
            break
        _give(room, each)
        found.append(each)
    return found if _fits(need, room) else None


def _give(room: dict[str, Decimal], pod: Object) -> None:
    for name, value in {**requested(pod["spec"]), "pods": Decimal(1)}.items():
        room[name] = room.get(name, Decimal(0)) + value


def _fits(need: Mapping[str, Decimal], room: Mapping[str, Decimal]) -> bool:
    return all(value <= room.get(name, Decimal(0)) for name, value in need.items() if value)


def take(cluster: Cluster, victim: Object, pod: Object) -> None:
    """Mark a victim, tell, and delete it with its grace period."""
    metadata = victim["metadata"]
    disrupt(cluster, victim, "PreemptionByScheduler", MESSAGE)
    told = f"Preempted by pod {pod['metadata']['uid']} on node {victim['spec']['nodeName']}"
    cluster.events.write_scheduler(victim, "Preempted", told, "Preempting")
    cluster.delete(PODS, metadata["name"], metadata["namespace"])
