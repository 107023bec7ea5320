"""What devices report: an incident for what is new, nothing for what an administrator has dealt with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.common.audit import Actor
from apps.quotas.models import Node, NodeIncident
from apps.quotas.services.incidents import incident_open
from apps.quotas.services.locks import pool_locked
from apps.quotas.services.nodes import settled_key
from apps.quotas.states import IncidentKind
from workers.contracts.sentences import say

ACTOR: Final = Actor.system("health")
SEEN_ONCE: Final = IncidentKind.XID
"""Its mark is a time: a process that was started later has not seen it, and that says nothing."""
UNSEEN: Final = "unseen"
"""Kind of what is no fault: nobody said how the devices of that node are, so nothing of them is new or mended."""


class FaultFacts(Protocol):
    """What a backend says of one device: see `workers.backends.base.DeviceFault`."""

    @property
    def node(self) -> str: ...
    @property
    def device(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def mark(self) -> float: ...
    @property
    def codes(self) -> Sequence[int]: ...


@transaction.atomic
def faults_take(pool_id: UUID, faults: Iterable[FaultFacts]) -> int:
    """Open incidents for what devices of a pool report and nobody has dealt with; returns how many.

    What is reported of nodes and devices that are not known waits until they are discovered. To be called with all
    that a backend reports now: what is not among it any more counts as mended, and is new when it comes again.
    """
    by_node: defaultdict[str, list[FaultFacts]] = defaultdict(list)
    for fault in faults:
        by_node[fault.node].append(fault)
    unseen = [name for name, some in by_node.items() if any(fault.kind == UNSEEN for fault in some)]
    if not _concerned(pool_id, by_node, unseen).exists():
        return 0
    pool_locked(pool_id)
    nodes = list(_concerned(pool_id, by_node, unseen).select_related("pool").order_by("name"))
    incidents: defaultdict[UUID, list[NodeIncident]] = defaultdict(list)
    for incident in NodeIncident.objects.filter(node__in=nodes, closed_at=None):
        incidents[incident.node_id].append(incident)
    return sum(_take(node, by_node[node.name], incidents[node.pk]) for node in nodes)


def _concerned(pool_id: UUID, by_node: Iterable[str], unseen: Sequence[str]) -> Any:
    rows = Node.objects.filter(Q(name__in=list(by_node)) | ~Q(settled={}), pool=pool_id)
    return rows.exclude(name__in=unseen)


def _take(node: Node, faults: Iterable[FaultFacts], incidents: Iterable[NodeIncident]) -> int:
    uuids = {int(gpu["index"]): str(gpu["uuid"]) for gpu in node.gpus}
    known = {settled_key(uuids[fault.device], fault.kind): fault for fault in faults if fault.device in uuids}
    _mended(node, known)
    is_open = {(one.kind, device): one for one in incidents for device in one.devices}
    opened = 0
    for key, fault in known.items():
        incident = is_open.get((fault.kind, fault.device))
        evidence = {"uuid": uuids[fault.device], "mark": fault.mark, "codes": list(fault.codes)}
        if incident is not None:
            if incident.evidence != evidence:
                incident.evidence, incident.detail = evidence, sentence(fault)
                incident.save(update_fields=["evidence", "detail"])
        elif fault.mark > node.settled.get(key, 0):
            incident_open(
                node,
                kind=fault.kind,
                devices=[fault.device],
                detail=sentence(fault),
                evidence=evidence,
                actor=ACTOR,
            )
            opened += 1
    return opened


def _mended(node: Node, known: dict[str, FaultFacts]) -> None:
    """A counter that is lower than what was dealt with began anew, as after a reset."""
    lower = {
        key: known[key].mark if key in known else 0
        for key, mark in node.settled.items()
        if not key.endswith(f" {SEEN_ONCE}") and (key not in known or known[key].mark < mark)
    }
    if lower:
        node.settled = {key: mark for key, mark in {**node.settled, **lower}.items() if mark}
        node.save(update_fields=["settled"])


def sentence(fault: FaultFacts) -> str:
    """What people are told of a fault."""
    where: dict[str, Any] = {"device": fault.device, "node": fault.node}
    if fault.kind == IncidentKind.XID:
        return say("fault_xid", **where, codes=", ".join(map(str, fault.codes)))
    if fault.kind == IncidentKind.ECC:
        return say("fault_ecc", **where, count=int(fault.mark))
    if fault.kind == IncidentKind.ROWS:
        return say("fault_rows_failed" if fault.mark > 1 else "fault_rows", **where)
    return say("fault_reset" if fault.kind == IncidentKind.RESET else "fault_gone", **where)
