"""A pool at one moment, as plain values for `scheduling.cycle`: read in a constant number of statements.

Of workloads that wait in one queue for the same, with one priority and one limit, only the first are read: the others
could start only after these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any
from uuid import UUID, uuid5

from django.db.models import Count, F, FilteredRelation, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.quotas.models import Cohort, Node, Queue, Quota, ResourcePool, Workload
from apps.quotas.scheduling.snapshot import (
    GPUS,
    WHOLE,
    Ask,
    Assignment,
    CohortView,
    Gpu,
    Holding,
    Key,
    Limit,
    NodeView,
    Policy,
    QueueView,
    Snapshot,
    Waiting,
)
from apps.quotas.services.share_history import histories
from apps.quotas.states import OCCUPYING, Preemption, WorkloadKind, WorkloadState

ALIKE_MOST = 256
"""Workloads that ask for the same in one queue that are looked at in one cycle; if all start, the next follows."""
GROWING = frozenset({WorkloadState.LAUNCHING, WorkloadState.RUNNING})
"""States in which a workload may be given more members."""
NOBODY = UUID(int=0)
"""In place of a queue."""
_ASKED = ("cpu_millis", "memory_bytes", "gpus", "flavor", "gpu_millis", "topology")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a pool."""

    snapshot: Snapshot
    unread: frozenset[tuple[UUID, str]]
    """Queues and shapes of which more wait than were read."""


def pool_read(pool: ResourcePool, at: datetime, *, alike_most: int = ALIKE_MOST, decides: bool = True) -> Reading:
    """The pool's row is locked by the caller, unless nothing is decided by it. Eight statements."""
    holdings = _holdings(pool.pk)
    waiting, unread = _waiting(pool.pk, at, alike_most)
    limits_of_queues, limits_of_cohorts = _limits(pool.pk)
    past = histories(pool, at, keep=decides)
    nodes = list(Node.objects.filter(pool=pool.pk))
    snapshot = Snapshot(
        nodes=tuple(node_view(node, without_cordoned=not decides) for node in nodes),
        queues=_queues(pool.pk, limits_of_queues, past),
        holdings=(*holdings, *cordoned_as_held(nodes)) if decides else holdings,
        waiting=waiting,
        cohorts=tuple(
            CohortView(pk, name, tuple(limits_of_cohorts[pk]), parent, weight)
            for pk, name, parent, weight in Cohort.objects.filter(pool=pool.pk).values_list(
                "pk", "name", "parent", "weight"
            )
        ),
        at=at.timestamp(),
        policy=policy_of(pool),
    )
    return Reading(snapshot, unread)


def is_decided(pool_id: UUID) -> bool:
    """Whether nothing waits for a cycle: no work, and no members. One or two statements."""
    grows = Workload.objects.filter(pool=pool_id, state__in=GROWING, count_max__gt=F("count_granted"))
    grows = grows.filter(kind=WorkloadKind.SERVING, count_target=None)
    return not considered(pool_id).exists() and not grows.exists()


def considered(pool_id: UUID) -> QuerySet[Workload]:
    """What waits for admission. What its owner holds back is not in the line: nothing waits behind it."""
    return Workload.objects.filter(pool=pool_id, state=WorkloadState.PENDING, is_held=False)


def policy_of(pool: ResourcePool) -> Policy:
    """How a pool is shared, as its row says."""
    return Policy(
        half_life_seconds=pool.half_life_seconds,
        entry_penalty_seconds=pool.entry_penalty_seconds,
        ageing_seconds=pool.ageing_seconds,
        ageing_points=pool.ageing_points,
        min_run_seconds=pool.min_run_seconds,
        preemption=pool.preemption,
        backfill=pool.backfill,
    )


def node_view(node: Node, *, without_cordoned: bool = False) -> NodeView:
    """A machine with its devices, all of them or those that may be given to members."""
    hidden = node.cordoned if without_cordoned else ()
    gpus = tuple(Gpu(int(gpu["index"]), str(gpu["flavor"])) for gpu in node.gpus if gpu["index"] not in hidden)
    labels = {str(name): str(value) for name, value in node.labels.items()}
    return NodeView(node.name, node.cpu_millis, node.memory_bytes, gpus, node.takes_members, labels)


def cordoned_as_held(nodes: Iterable[Node]) -> tuple[Holding, ...]:
    """A cordoned device is held, by nobody and without end: nothing is placed on it, and what asks for more than is
    left meanwhile waits for it instead of being refused for ever."""
    return tuple(
        Holding(
            workload_id=uuid5(node.pk, str(gpu["index"])),
            queue_id=NOBODY,
            ask=Ask(0, 0, 1),
            flavor=str(gpu["flavor"]),
            assignments=(Assignment(node.name, (int(gpu["index"]),)),),
            wanted=1,
            preemptible=False,
        )
        for node in nodes
        for gpu in node.gpus
        if gpu["index"] in node.cordoned
    )


def limit_of(quota: Quota) -> Limit:
    """A row of quota in the units of the scheduler: devices in thousandths."""
    unit = WHOLE if quota.resource == GPUS else 1
    borrowing = None if quota.borrowing_limit is None else quota.borrowing_limit * unit
    lending = None if quota.lending_limit is None else quota.lending_limit * unit
    return Limit(quota.resource, quota.flavor, quota.nominal * unit, borrowing, lending, quota.weight)


def _limits(pool_id: UUID) -> tuple[dict[UUID, list[Limit]], dict[UUID, list[Limit]]]:
    queues: dict[UUID, list[Limit]] = defaultdict(list)
    cohorts: dict[UUID, list[Limit]] = defaultdict(list)
    rows = Quota.objects.filter(Q(queue__pool=pool_id) | Q(cohort__pool=pool_id)).order_by("resource", "flavor")
    for quota in rows:
        if quota.queue_id is not None:
            queues[quota.queue_id].append(limit_of(quota))
        elif quota.cohort_id is not None:
            cohorts[quota.cohort_id].append(limit_of(quota))
    return queues, cohorts


def _queues(
    pool_id: UUID, limits: Mapping[UUID, list[Limit]], past: Mapping[UUID, Mapping[Key, float]]
) -> tuple[QueueView, ...]:
    columns = ("pk", "project__name", "cohort", "weight", "running_most", "gpus_per_run_most", "run_seconds_most")
    return tuple(
        QueueView(pk, project, tuple(limits.get(pk, ())), cohort, weight, most, gpus, seconds, past.get(pk, {}))
        for pk, project, cohort, weight, most, gpus, seconds in Queue.objects.filter(pool=pool_id).values_list(*columns)
    )


def _ask(row: Iterable[Any]) -> Ask:
    return Ask(*row)


def place_of(value: Mapping[str, Any]) -> Assignment:
    """A stored place of a member."""
    return Assignment(str(value["node"]), tuple(value["devices"]))


def _holdings(pool_id: UUID) -> tuple[Holding, ...]:
    rows = Workload.objects.filter(pool=pool_id, state__in=OCCUPYING).alias(
        open=FilteredRelation("attempts", condition=Q(attempts__ended_at__isnull=True))
    )
    columns = (
        "pk", "queue", "state", "flavor_granted", "assignments", "count_min", "count_max", "priority", "kind",
        "count_target", "admitted_at", "open__started_at", "checkpoint_at", "time_limit_seconds", "preempted_for",
        *_ASKED,
    )  # fmt: skip
    return tuple(_holding(row) for row in rows.values_list(*columns))


def _holding(row: tuple[Any, ...]) -> Holding:
    pk, queue, state, flavor, places, least, wanted, priority, kind, target, admitted, started, kept, *rest = row
    limit, preemptor, *ask = rest
    leaving = state == WorkloadState.STOPPING
    # The members of a job start together: it has more only at its next start.
    grows = state in GROWING and kind == WorkloadKind.SERVING and target is None
    began = started or admitted
    has = len(places)
    return Holding(
        workload_id=pk,
        queue_id=queue,
        ask=_ask(ask),
        flavor=flavor,
        assignments=tuple(place_of(one) for one in places),
        wanted=max(wanted, has) if grows else has,
        count_min=least,
        priority=priority,
        admitted_at=admitted.timestamp() if admitted else 0.0,
        started_at=started.timestamp() if started else None,
        checkpoint_at=kept.timestamp() if kept else None,
        ends_at=began.timestamp() + limit if limit and began else inf,
        leaving=leaving,
        preempted_for=preemptor if leaving or target is not None else None,
        preemptible=target is None,
    )


def _waiting(pool_id: UUID, at: datetime, alike_most: int) -> tuple[tuple[Waiting, ...], frozenset[tuple[UUID, str]]]:
    alike = [F("queue"), F("shape"), F("priority"), F("time_limit_seconds")]
    rows = (
        considered(pool_id)
        .filter(Q(not_before=None) | Q(not_before__lte=at))
        .annotate(
            number=Window(RowNumber(), partition_by=alike, order_by=["created_at", "pk"]),
            alike=Window(Count("pk"), partition_by=alike),
        )
        .filter(Q(number__lte=alike_most) | Q(nominated__isnull=False))
    )
    columns = (
        "pk", "queue", "created_at", "count_min", "count_max", "priority", "preemption", "time_limit_seconds",
        "nominated", "nominated_flavor", "alike", "shape", *_ASKED,
    )  # fmt: skip
    found = list(rows.values_list(*columns))
    return tuple(_waits(row) for row in found), frozenset((row[1], row[11]) for row in found if row[10] > alike_most)


def _waits(row: tuple[Any, ...]) -> Waiting:
    pk, queue, created, least, most, priority, preemption, limit, nominated, flavor, _, _, *ask = row
    return Waiting(
        workload_id=pk,
        queue_id=queue,
        ask=_ask(ask),
        created_at=created.timestamp(),
        count_min=least,
        count_max=most,
        priority=priority,
        preempts=preemption == Preemption.LOWER_PRIORITY,
        limit_seconds=float(limit) if limit else inf,
        nominated=tuple(place_of(one) for one in nominated or ()),
        nominated_flavor=flavor,
    )
