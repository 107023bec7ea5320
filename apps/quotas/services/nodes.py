"""What administrators do to machines: drain them, and let them work again."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.quotas.models import Node, NodeIncident
from apps.quotas.services.incidents import incident_open, incidents_close, node_locked, node_vacate
from apps.quotas.states import IncidentKind

REASON_MOST = 500


@transaction.atomic
def node_drain(node: Node, *, reason: str, devices: Collection[int] = (), actor: Actor) -> list[NodeIncident]:
    """Give a node, or some of its devices, no new members, and let what runs there wait again: an incident for each.

    Raises:
        Invalid: no reason, one that is too long, or a device that the node does not have.
        Conflict: it is drained already, or all of these devices are.
    """
    current = node_locked(node.pk)
    _reason_check(reason)
    _devices_check(current, devices)
    if current.drained_at is not None or (devices and set(devices) <= set(current.cordoned)):
        raise Conflict(f"{current.name} is drained already: {current.drain_reason}".removesuffix(": "))
    about = [[device] for device in sorted(set(devices) - set(current.cordoned))] or [[]]
    return [
        incident_open(current, kind=IncidentKind.DRAINED, devices=one, detail=reason.strip(), actor=actor)
        for one in about
    ]


@transaction.atomic
def node_undrain(node: Node, *, reason: str, devices: Collection[int] = (), actor: Actor) -> int:
    """Say that what was wrong with a node, or with these devices, is mended. Returns how many incidents that closes.

    What a device had reported until then opens none again; what it reports beyond that does.

    Raises:
        Invalid: as `node_drain`.
        Conflict: nothing of it is withheld.
    """
    current = node_locked(node.pk)
    _reason_check(reason)
    _devices_check(current, devices)
    rows = NodeIncident.objects.filter(node=current, closed_at=None).exclude(kind=IncidentKind.LOST)
    found = [one for one in rows if not devices or (one.devices and set(one.devices) <= set(devices))]
    if not found:
        raise Conflict(f"Nothing of {current.name} is withheld that this would give back.")
    for incident in found:
        if "uuid" in incident.evidence:
            key = settled_key(incident.evidence["uuid"], incident.kind)
            current.settled[key] = max(incident.evidence["mark"], current.settled.get(key, 0))
        if incident.kind == IncidentKind.FLAPPING:
            current.went_away = []
    current.save(update_fields=["settled", "went_away"])
    return incidents_close(found, current, reason=reason.strip(), actor=actor)


def drains_enforce() -> int:
    """Take off what still runs on what is withheld, should anything; returns how many workloads that were."""
    moved = 0
    withheld = Node.objects.filter(Q(drained_at__isnull=False) | ~Q(cordoned=[]))
    for node_id in withheld.values_list("pk", flat=True):
        with transaction.atomic():
            moved += node_vacate(node_locked(node_id))
    return moved


def settled_key(uuid: str, kind: str) -> str:
    """Key of `Node.settled`: a device by its UUID, which a restart does not change."""
    return f"{uuid} {kind}"


def _reason_check(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_MOST:
        text = f"a sentence of at most {REASON_MOST} characters"
        raise Invalid(f"reason: {text}", fields={"reason": [text]})


def _devices_check(node: Node, devices: Collection[int]) -> None:
    unknown = set(devices) - {int(gpu["index"]) for gpu in node.gpus}
    if unknown:
        text = f"{node.name} has no GPU {', '.join(map(str, sorted(unknown)))}"
        raise Invalid(f"devices: {text}", fields={"devices": [text]})
