"""A pool at one moment, as plain values for `scheduling.cycle`: read in a constant number of statements.

Of workloads that wait in one queue for the same, with one priority and one limit, only the first are read: the others
could start only after these.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from django.db.models import Count, F, FilteredRelation, FloatField, Func, Q, QuerySet, TextField, Window
from django.db.models.functions import Cast, RowNumber

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
_LIMIT = ("resource", "flavor", "nominal", "borrowing_limit", "lending_limit", "weight")
_OF_NODE = ("name", "cpu_millis", "memory_bytes", "gpus", "labels", "ready", "drained_at", "cordoned")
_ASKED = ("cpu_millis", "memory_bytes", "gpus", "flavor", "gpu_millis", "topology")


class Told(NamedTuple):
    """What is said of something that waits, and its kind: see `Reading.unread`."""

    queue_id: UUID
    shape: str
    reason: str
    detail: str
    making_way: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a pool."""

    snapshot: Snapshot
    told: Mapping[UUID, Told]
    """Of everything that waits and was read."""
    unread: frozenset[tuple[UUID, str]]
    """Queues and shapes of which more wait than were read."""


def pool_read(pool: ResourcePool, at: datetime, *, alike_most: int = ALIKE_MOST, decides: bool = True) -> Reading:
    """The pool's row is locked by the caller, unless nothing is decided by it. Eight statements."""
    holdings = _holdings(pool.pk)
    waiting, told, unread = _waiting(pool.pk, at, alike_most)
    limits = _limits(pool.pk)
    past = histories(pool, at, keep=decides)
    nodes = list(Node.objects.filter(pool=pool.pk).only(*_OF_NODE))
    snapshot = Snapshot(
        nodes=tuple(node_view(node, without_cordoned=not decides) for node in nodes),
        queues=_queues(pool.pk, limits, past),
        holdings=(*holdings, *cordoned_as_held(nodes)) if decides else holdings,
        waiting=waiting,
        cohorts=tuple(
            CohortView(pk, name, tuple(limits.get(pk, ())), parent, weight)
            for pk, name, parent, weight in Cohort.objects.filter(pool=pool.pk).values_list(
                "pk", "name", "parent", "weight"
            )
        ),
        at=at.timestamp(),
        policy=policy_of(pool),
    )
    return Reading(snapshot, told, unread)


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
        reclaim_after_seconds=pool.reclaim_after_seconds,
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


def limit_of(
    resource: str, flavor: str, nominal: int, borrowing: int | None, lending: int | None, weight: float | None
) -> Limit:
    """Columns of a quota in the units of the scheduler: devices in thousandths."""
    if resource == GPUS:
        nominal *= WHOLE
        borrowing = None if borrowing is None else borrowing * WHOLE
        lending = None if lending is None else lending * WHOLE
    return Limit(resource, flavor, nominal, borrowing, lending, weight)


def _limits(pool_id: UUID) -> dict[UUID, list[Limit]]:
    """Queue or cohort → its limits."""
    found: dict[UUID, list[Limit]] = defaultdict(list)
    rows = Quota.objects.filter(Q(queue__pool=pool_id) | Q(cohort__pool=pool_id)).order_by("resource", "flavor")
    for queue, cohort, *limit in rows.values_list("queue", "cohort", *_LIMIT):
        found[queue or cohort].append(limit_of(*limit))
    return found


def _queues(
    pool_id: UUID, limits: Mapping[UUID, list[Limit]], past: Mapping[UUID, Mapping[Key, float]]
) -> tuple[QueueView, ...]:
    columns = ("pk", "project__name", "cohort", "weight", "running_most", "gpus_per_run_most", "run_seconds_most")
    return tuple(
        QueueView(pk, project, tuple(limits.get(pk, ())), cohort, weight, most, gpus, seconds, past.get(pk, {}))
        for pk, project, cohort, weight, most, gpus, seconds in Queue.objects.filter(pool=pool_id).values_list(*columns)
    )


@lru_cache(maxsize=65_536)
def places_of(stored: str | None) -> tuple[Assignment, ...]:
    """Stored places of members, as the text of their JSON: most are read in many cycles, and many are the same."""
    places = json.loads(stored) if stored else ()
    return tuple(Assignment(str(place["node"]), tuple(place["devices"])) for place in places)


def _epoch(column: str) -> Func:
    """A time in seconds since the epoch."""
    return Func(column, template="extract(epoch FROM %(expressions)s)::float8", output_field=FloatField())


def _holdings(pool_id: UUID) -> tuple[Holding, ...]:
    rows = Workload.objects.filter(pool=pool_id, state__in=OCCUPYING).alias(
        open=FilteredRelation("attempts", condition=Q(attempts__ended_at__isnull=True))
    )
    columns = (
        "pk", "queue", "state", "flavor_granted", Cast("assignments", TextField()), "count_min", "count_max",
        "priority", "kind", "count_target", _epoch("admitted_at"), _epoch("open__started_at"), _epoch("checkpoint_at"),
        "time_limit_seconds", "preempted_for", *_ASKED,
    )  # fmt: skip
    return tuple(_holding(row) for row in rows.values_list(*columns))


def _holding(row: tuple[Any, ...]) -> Holding:
    pk, queue, state, flavor, stored, least, wanted, priority, kind, target, admitted, started, kept, *rest = row
    limit, preemptor, *ask = rest
    places = places_of(stored)
    leaving = state == WorkloadState.STOPPING
    # The members of a job start together: it has more only at its next start.
    grows = state in GROWING and kind == WorkloadKind.SERVING and target is None
    began = started or admitted
    has = len(places)
    return Holding(
        workload_id=pk,
        queue_id=queue,
        ask=Ask(*ask),
        flavor=flavor,
        assignments=places,
        wanted=max(wanted, has) if grows else has,
        count_min=least,
        priority=priority,
        admitted_at=admitted or 0.0,
        started_at=started,
        checkpoint_at=kept,
        ends_at=began + limit if limit and began else inf,
        leaving=leaving,
        preempted_for=preemptor if leaving or target is not None else None,
        preemptible=target is None,
    )


def _waiting(
    pool_id: UUID, at: datetime, alike_most: int
) -> tuple[tuple[Waiting, ...], dict[UUID, Told], frozenset[tuple[UUID, str]]]:
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
        "alike", "shape", "state_reason", "state_detail", "making_way", "pk", "queue", _epoch("created_at"),
        "count_min", "count_max", "priority", "preemption", "time_limit_seconds", Cast("nominated", TextField()),
        "nominated_flavor", Cast("avoids", TextField()), *_ASKED,
    )  # fmt: skip
    found = list(rows.values_list(*columns))
    told = {pk: Told(queue, *said) for _, *said, pk, queue in (row[:7] for row in found)}
    unread = frozenset((row[6], row[1]) for row in found if row[0] > alike_most)
    return tuple(_waits(row[5:], at.timestamp()) for row in found), told, unread


def avoided(avoids: Iterable[Mapping[str, Any]], at: float) -> tuple[str, ...]:
    """Names of the nodes of `Workload.avoids` that are avoided still."""
    return tuple(sorted(str(one["node"]) for one in avoids if one["until"] > at))


def _waits(row: tuple[Any, ...], at: float) -> Waiting:
    pk, queue, created, least, most, priority, preemption, limit, nominated, flavor, avoids, *ask = row
    return Waiting(
        workload_id=pk,
        queue_id=queue,
        ask=Ask(*ask) if avoids == "[]" else Ask(*ask)._replace(avoids=avoided(json.loads(avoids), at)),
        created_at=created,
        count_min=least,
        count_max=most,
        priority=priority,
        preempts=preemption == Preemption.LOWER_PRIORITY,
        limit_seconds=float(limit) if limit else inf,
        nominated=places_of(nominated),
        nominated_flavor=flavor,
    )
