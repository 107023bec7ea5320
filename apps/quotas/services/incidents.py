"""Incidents of machines: opened, what follows from the open ones, closed.

The pool's row is locked throughout, so that no admission gives away meanwhile what is being withheld.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.errors import NotFound
from apps.common.events import emit
from apps.quotas.models import Node, NodeIncident, Workload
from apps.quotas.services.locks import pool_locked
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import IncidentKind, Reason, WorkloadState
from workers.contracts.sentences import say

HOLDING_ON = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)
"""States of what is to be taken off a node; what stops already is left alone."""


def node_locked(node_id: UUID) -> Node:
    """The node as it is now; its pool's row is locked until the end of the transaction.

    Raises:
        NotFound: there is none.
    """
    for pool_id in Node.objects.filter(pk=node_id).values_list("pool_id", flat=True):
        pool_locked(pool_id)
        found: Node = Node.objects.select_related("pool").get(pk=node_id)
        return found
    raise NotFound(f"there is no node {node_id}")


def incident_open(
    node: Node,
    *,
    kind: str,
    detail: str,
    actor: Actor,
    devices: Sequence[int] = (),
    evidence: dict[str, Any] | None = None,
) -> NodeIncident:
    """Open one, withhold what it is about, and take off what runs there. The pool's row is locked by the caller."""
    at = clock.db_now()
    made: NodeIncident = NodeIncident.objects.create(
        node=node,
        kind=kind,
        devices=sorted(devices),
        detail=detail,
        evidence=evidence or {},
        opened_at=at,
        opened_by=actor.name,
    )
    told = {"incident": str(made.pk), "kind": kind, "devices": made.devices, "detail": detail}
    record(actor, "node.incident_opened", node, detail=told)
    incidents_apply(node)
    emit("node.incident_opened", node.pool, noun="pool", payload={"node": node.name, **told})
    return made


def incidents_close(found: Iterable[NodeIncident], node: Node, *, reason: str, actor: Actor) -> int:
    """Close them and give back what no other withholds; returns how many. The pool's row is locked by the caller."""
    at, rows = clock.db_now(), list(found)
    for incident in rows:
        incident.closed_at, incident.closed_by, incident.close_reason = at, actor.name, reason
        incident.save(update_fields=["closed_at", "closed_by", "close_reason"])
        told = {"incident": str(incident.pk), "kind": incident.kind, "devices": incident.devices, "reason": reason}
        record(actor, "node.incident_closed", node, detail=told)
        emit("node.incident_closed", node.pool, noun="pool", payload={"node": node.name, **told})
    if rows:
        incidents_apply(node)
        queues.send(queues.ADMIT, node.pool_id)
    return len(rows)


def incidents_apply(node: Node) -> None:
    """Make the node's columns equal to what its open incidents withhold, and take off what runs on that."""
    rows = NodeIncident.objects.filter(node=node, closed_at=None).exclude(kind=IncidentKind.LOST)
    withheld = list(rows.order_by("opened_at", "pk"))
    whole = [incident for incident in withheld if not incident.devices]
    node.cordoned = sorted({device for incident in withheld for device in incident.devices})
    node.drained_at = min((incident.opened_at for incident in whole), default=None)
    node.drain_reason = whole[0].detail if whole else ""
    node.ready = node.is_up and node.drained_at is None
    node.save(update_fields=["cordoned", "drained_at", "drain_reason", "ready"])
    why = {device: incident.detail for incident in reversed(withheld) for device in incident.devices}
    node_vacate(node, why)


def node_vacate(node: Node, why: dict[int, str] | None = None) -> int:
    """Take off what runs on what is withheld: it waits again as `evicted`. Returns how many it was.

    Args:
        why: cordoned device → the sentence that says why.
    """
    if node.drained_at is None and not node.cordoned:
        return 0
    moved = 0
    for workload in _on(node):
        devices = [index for place in workload.assignments for index in _devices_on(node, place)]
        hit = next((index for index in devices if index in node.cordoned), None)
        if node.drained_at is None and hit is None:
            continue
        reason = node.drain_reason if node.drained_at is not None else (why or {}).get(hit or 0, "")
        detail = say("moved_off", node=node.name, why=reason).strip()
        workload_stop(workload, reason=Reason.EVICTED, detail=detail, actor=Actor.system("health"))
        moved += 1
    return moved


def _on(node: Node) -> list[Workload]:
    places = Workload.objects.filter(
        pool=node.pool_id, state__in=HOLDING_ON, assignments__contains=[{"node": node.name}]
    )
    return list(places.defer("spec").order_by("pk"))


def _devices_on(node: Node, place: dict[str, Any]) -> Collection[int]:
    return place["devices"] if place["node"] == node.name else ()
