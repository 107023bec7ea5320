"""The nodes of a pool made equal to what its backend found: new ones, changed ones, lost ones, and those that flap.

A node that is lost keeps its row, and what runs there keeps what it holds until its backend proves it gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from django.conf import settings

from apps.common.audit import Actor
from apps.quotas.models import Node, NodeIncident, ResourcePool
from apps.quotas.scheduling.flapping import away_within, flaps
from apps.quotas.services.incidents import incident_open, incidents_close
from apps.quotas.states import IncidentKind
from workers.contracts.sentences import say

ACTOR: Final = Actor.system("discovery")
FACTS: Final = ("cpu_millis", "memory_bytes", "gpus", "labels")
"""Columns that say what a node has."""


class Presence(Protocol):
    """Whether a node that was found takes jobs."""

    @property
    def ready(self) -> bool: ...


def nodes_keep(
    pool: ResourcePool, facts: Mapping[str, dict[str, Any]], found: Mapping[str, Presence], at: datetime
) -> bool:
    """Bring the pool's nodes up to date; whether any changed. The pool's row is locked by the caller.

    Args:
        facts: name → what the node has, as columns.
        found: name → the node as it was found.
        at: database time.
    """
    known = {node.name: node for node in Node.objects.filter(pool=pool)}
    for node in known.values():
        node.pool = pool
    new = [
        Node(pool=pool, name=name, is_up=node.ready, ready=node.ready, seen_at=at, changed_at=at, **facts[name])
        for name, node in found.items()
        if name not in known
    ]
    Node.objects.bulk_create(new)
    changed = [node for name, node in known.items() if name in facts and _keep_facts(node, facts[name], at)]
    Node.objects.bulk_update(changed, [*FACTS, "changed_at"], batch_size=500)
    Node.objects.filter(pool=pool, name__in=list(found)).update(seen_at=at)
    moved = [node for name, node in known.items() if _keep_presence(node, found.get(name), at)]
    return bool(new or changed or moved)


def _keep_facts(node: Node, facts: dict[str, Any], at: datetime) -> bool:
    """Write what it has into the object; whether that is something else than before."""
    if all(getattr(node, name) == value for name, value in facts.items()):
        return False
    for name, value in facts.items():
        setattr(node, name, value)
    node.changed_at = at
    return True


def _keep_presence(node: Node, found: Presence | None, at: datetime) -> bool:
    """Note whether it is there and takes jobs; whether that changed."""
    was = (node.is_up, node.lost_at is not None)
    is_up = found is not None and found.ready
    if was == (is_up, found is None):
        return False
    went = node.is_up and not is_up
    node.is_up, node.ready = is_up, is_up and node.drained_at is None
    node.lost_at = None if found is not None else (node.lost_at or at)
    window = settings.BEDPLATE_FLAP_SECONDS
    times = away_within([*node.went_away, *([at.timestamp()] if went else [])], at.timestamp(), window)
    node.went_away = times
    node.save(update_fields=["is_up", "ready", "lost_at", "went_away"])
    _incidents_follow(node, was_lost=was[1])
    if went and flaps(times, settings.BEDPLATE_FLAPS_MOST):
        _flapping(node, times, window)
    return True


def _incidents_follow(node: Node, *, was_lost: bool) -> None:
    """An incident is open as long as the node is lost."""
    is_lost = node.lost_at is not None
    if is_lost and not was_lost:
        incident_open(node, kind=IncidentKind.LOST, detail=say("node_lost", node=node.name), actor=ACTOR)
    elif was_lost and not is_lost:
        rows = NodeIncident.objects.filter(node=node, kind=IncidentKind.LOST, closed_at=None)
        incidents_close(rows, node, reason=say("node_back", node=node.name), actor=ACTOR)


def _flapping(node: Node, times: Sequence[float], window: int) -> None:
    if NodeIncident.objects.filter(node=node, kind=IncidentKind.FLAPPING, closed_at=None).exists():
        return
    detail = say("node_flaps", node=node.name, times=len(times), seconds=window)
    incident_open(node, kind=IncidentKind.FLAPPING, detail=detail, evidence={"times": list(times)}, actor=ACTOR)
