"""Admission: one cycle over one pool, decided by `scheduling.cycle` and applied in one transaction.

The pool's row is the lock, so quota has one writer. Reading and applying take a constant number of statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.states import Move, explain, transition_many
from apps.quotas.models import ResourcePool, Workload
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    Admit,
    Assignment,
    Decision,
    Grow,
    Nominate,
    Preempt,
    Refuse,
    Shrink,
    Wait,
)
from apps.quotas.services.budget_line import within_budgets
from apps.quotas.services.pool_snapshot import GROWING, Told, is_decided, pool_read
from apps.quotas.services.preemption import Smaller, Victim, waits_as, workloads_preempt, workloads_shrink
from apps.quotas.services.unread import unread_tell
from apps.quotas.services.usage import usage_open, usage_regrant_many
from apps.quotas.states import WorkloadState

ACTOR = Actor.system("admission")
REST_SECONDS = 0.2
"""A cycle of a pool that is asked for begins not sooner than so long after the one before: what has come meanwhile is
decided together."""

Kind = TypeVar("Kind", Admit, Grow, Wait, Refuse, Preempt, Shrink, Nominate)


@transaction.atomic
def pool_admit(pool_id: UUID) -> int:
    """Decide what of the pool's waiting work may start, and tell the rest why not. Returns how many were admitted.

    Waits for a cycle of the same pool that runs elsewhere. A pool that is gone has nothing to decide.
    """
    pool = ResourcePool.objects.select_for_update(no_key=True).filter(pk=pool_id).first()
    if pool is None:
        return 0
    if is_decided(pool_id):
        return 0
    at = clock.db_now()
    reading = pool_read(pool, at)
    snapshot, stopped = within_budgets(reading.snapshot)
    decisions = (*cycle(snapshot), *stopped)
    waits = _of(Wait, decisions)
    fresh = [one for one in waits if _is_news(one, reading.told.get(one.workload_id))]
    known = _named([*(one for one in decisions if not isinstance(one, Wait)), *fresh])
    decisions = tuple(one for one in decisions if one.workload_id in known)
    admitted = _admit(_of(Admit, decisions), known, at)
    _refuse(_of(Refuse, decisions), known, at)
    _grow(_of(Grow, decisions), at)
    _preempt(decisions, known, at)
    _nominate(_of(Nominate, decisions), at)
    _explain(_of(Wait, decisions), known)
    if reading.unread:
        unread_tell(pool_id, reading, waits)
        if admitted:
            queues.send(queues.ADMIT, pool_id)
    return admitted


def _is_news(wait: Wait, told: Told | None) -> bool:
    """Whether it has been told otherwise why it waits, as far as was read."""
    return told is None or waits_as(told.making_way, told.reason, wait.reason, wait.detail) != told[2:4]


def _named(decisions: Iterable[Decision]) -> dict[UUID, Workload]:
    """The workloads that decisions name, as far as is needed of them, which have not moved since they were read. One
    query."""
    waits = {one.workload_id for one in decisions if isinstance(one, Admit | Refuse | Nominate)}
    rows = Workload.objects.only("pool", "state", "state_reason", "state_detail", "making_way")
    found = rows.in_bulk({one.workload_id for one in decisions})
    gone = {pk for pk, row in found.items() if row.is_terminal or (pk in waits and row.state != WorkloadState.PENDING)}
    return {pk: row for pk, row in found.items() if pk not in gone}


def _explain(waits: Iterable[Wait], known: dict[UUID, Workload]) -> None:
    told = [(known[one.workload_id], one) for one in waits]
    explain(
        [Move(row, row.state, *waits_as(row.making_way, row.state_reason, one.reason, one.detail)) for row, one in told]
    )


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
                    "nominated": None,
                    "nominated_flavor": "",
                    "nominated_at": None,
                    "preempted_for": None,
                },
            )
            for d in decisions
        ],
        actor=ACTOR,
    )
    usage_open(moved, at=at)
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


def _preempt(decisions: Iterable[Decision], known: dict[UUID, Workload], at: datetime) -> None:
    """Tell those that must make room: what can go on with fewer members gives some back, others leave."""
    victims = [Victim(known[d.workload_id], d.reason, d.detail, d.preemptor) for d in _of(Preempt, decisions)]
    smaller = [Smaller(known[d.workload_id], d.count, d.preemptor, d.reason, d.detail) for d in _of(Shrink, decisions)]
    if victims:
        workloads_preempt(victims, actor=ACTOR, at=at)
    if smaller:
        workloads_shrink(smaller, actor=ACTOR, at=at)


def _nominate(decisions: Sequence[Nominate], at: datetime) -> None:
    """Keep places for what they are being freed for, or keep them no more."""
    wanted = {d.workload_id: d for d in decisions}
    rows = Workload.objects.select_for_update(no_key=True).filter(pk__in=wanted, state=WorkloadState.PENDING)
    changed = list(rows.order_by("pk").defer("spec")) if wanted else []
    for workload in changed:
        decision = wanted[workload.pk]
        workload.nominated = _stored(decision.assignments) or None
        workload.nominated_flavor = decision.flavor
        workload.nominated_at = at if decision.assignments else None
    if changed:
        Workload.objects.bulk_update(changed, ["nominated", "nominated_flavor", "nominated_at"])
