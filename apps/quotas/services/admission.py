"""Admission: one cycle over one pool, decided by `scheduling.cycle` and applied in one transaction.

The pool's row is the lock, so quota has one writer. Reading and applying take a constant number of statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.states import Move, explain, transition_many
from apps.quotas.models import Node, Queue, Quota, ResourcePool, Workload
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    Admit,
    Ask,
    Assignment,
    Decision,
    Gpu,
    Grow,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Refuse,
    Snapshot,
    Wait,
    Waiting,
)
from apps.quotas.services.usage import usage_open, usage_regrant_many
from apps.quotas.states import OCCUPYING, WorkloadState

ACTOR = Actor.system("admission")
GROWING = frozenset({WorkloadState.LAUNCHING, WorkloadState.RUNNING})
"""States in which a workload may be given more members."""

Kind = TypeVar("Kind", Admit, Grow, Wait, Refuse)


@transaction.atomic
def pool_admit(pool_id: UUID) -> int:
    """Decide what of the pool's waiting work may start, and tell the rest why not. Returns how many were admitted.

    Waits for a cycle of the same pool that runs elsewhere. A pool that is gone has nothing to decide.
    """
    if not ResourcePool.objects.select_for_update(no_key=True).filter(pk=pool_id).exists():
        return 0
    at = clock.db_now()
    holdings = list(Workload.objects.filter(pool=pool_id, state__in=OCCUPYING).defer("spec"))
    due = Q(not_before=None) | Q(not_before__lte=at)
    waiting = list(_considered(pool_id).filter(due).defer("spec"))
    decisions = cycle(_snapshot(pool_id, holdings, waiting)) if waiting or _growing(holdings) else ()
    known = {workload.pk: workload for workload in (*holdings, *waiting)}
    admitted = _admit(_of(Admit, decisions), known, at)
    _refuse(_of(Refuse, decisions), known, at)
    _grow(_of(Grow, decisions), at)
    explain([Move(known[d.workload_id], known[d.workload_id].state, d.reason, d.detail) for d in _of(Wait, decisions)])
    return admitted


def _considered(pool_id: UUID) -> Any:
    """What waits for admission. What its owner holds back is not in the line: nothing waits behind it."""
    return Workload.objects.filter(pool=pool_id, state=WorkloadState.PENDING, is_held=False)


def _snapshot(pool_id: UUID, holdings: Iterable[Workload], waiting: Iterable[Workload]) -> Snapshot:
    return Snapshot(
        nodes=tuple(_node(node) for node in Node.objects.filter(pool=pool_id)),
        queues=_queues(pool_id),
        holdings=tuple(_holding(workload) for workload in holdings),
        waiting=tuple(
            Waiting(w.pk, w.queue_id, _ask(w), w.created_at, w.count_min, w.count_max, w.priority) for w in waiting
        ),
    )


def _node(node: Node) -> NodeView:
    gpus = tuple(Gpu(int(gpu["index"]), str(gpu["flavor"])) for gpu in node.gpus)
    return NodeView(node.name, node.cpu_millis, node.memory_bytes, gpus, node.ready)


def _queues(pool_id: UUID) -> tuple[QueueView, ...]:
    limits: dict[UUID | None, list[Limit]] = defaultdict(list)
    for quota in Quota.objects.filter(queue__pool=pool_id).order_by("resource", "flavor"):
        limits[quota.queue_id].append(Limit(quota.resource, quota.flavor, quota.nominal))
    named = Queue.objects.filter(pool=pool_id).values_list("id", "project__name")
    return tuple(QueueView(pk, project, tuple(limits[pk])) for pk, project in named)


def _holding(workload: Workload) -> Holding:
    places = tuple(_place(one) for one in workload.assignments)
    grows = workload.state in GROWING and workload.count_max > workload.count_granted
    wanted = workload.count_max if grows else len(places)
    return Holding(workload.pk, workload.queue_id, _ask(workload), workload.flavor_granted, places, wanted)


def _growing(holdings: Iterable[Workload]) -> bool:
    return any(w.state in GROWING and w.count_max > w.count_granted for w in holdings)


def _ask(workload: Workload) -> Ask:
    return Ask(workload.cpu_millis, workload.memory_bytes, workload.gpus, workload.flavor)


def _place(value: dict[str, object]) -> Assignment:
    devices = value["devices"]
    return Assignment(str(value["node"]), tuple(devices) if isinstance(devices, list) else ())


def _stored(places: Sequence[Assignment]) -> list[dict[str, object]]:
    return [{"node": place.node, "devices": list(place.devices)} for place in places]


def _of(kind: type[Kind], decisions: Iterable[Decision]) -> list[Kind]:
    return [decision for decision in decisions if isinstance(decision, kind)]


def _admit(decisions: Sequence[Admit], known: dict[UUID, Workload], at: datetime) -> int:
    moved = transition_many(
        [
            Move(
                known[d.workload_id],
                WorkloadState.ADMITTED,
                changes={
                    "count_granted": len(d.assignments),
                    "flavor_granted": d.flavor,
                    "assignments": _stored(d.assignments),
                    "admitted_at": at,
                    "not_before": None,
                },
            )
            for d in decisions
        ],
        actor=ACTOR,
    )
    usage_open([known[d.workload_id] for d in decisions if d.workload_id in moved], at=at)
    for decision in decisions:
        if decision.workload_id in moved:
            queues.send(queues.LAUNCH, decision.workload_id)
            queues.send(queues.WORKLOAD_CHANGED, decision.workload_id)
    return len(moved)


def _refuse(decisions: Sequence[Refuse], known: dict[UUID, Workload], at: datetime) -> None:
    moved = transition_many(
        [
            Move(known[d.workload_id], WorkloadState.FAILED, d.reason, d.detail, {"ended_at": at, "not_before": None})
            for d in decisions
        ],
        actor=ACTOR,
    )
    for workload_id in moved:
        queues.send(queues.WORKLOAD_CHANGED, workload_id)


def _grow(decisions: Sequence[Grow], at: datetime) -> None:
    """Give more members to what still wants them; its rows are locked, as they do not change their state."""
    places = {d.workload_id: d.assignments for d in decisions}
    rows = Workload.objects.select_for_update(no_key=True).filter(pk__in=places, state__in=GROWING).order_by("pk")
    grown = [
        workload
        for workload in (rows.defer("spec") if places else ())
        if workload.count_granted < len(places[workload.pk]) <= workload.count_max
    ]
    for workload in grown:
        workload.assignments = _stored(places[workload.pk])
        workload.count_granted = len(places[workload.pk])
        queues.send(queues.RESIZE, workload.pk)
        queues.send(queues.WORKLOAD_CHANGED, workload.pk)
    if grown:
        Workload.objects.bulk_update(grown, ["assignments", "count_granted"])
        explain([Move(workload, workload.state) for workload in grown])
        usage_regrant_many(grown, at=at)
