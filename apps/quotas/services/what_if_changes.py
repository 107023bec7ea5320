"""Changes of how a pool is shared, as they are asked for, and as values of the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from apps.common.errors import Invalid
from apps.quotas.models import Cohort, Node, Queue, ResourcePool, Workload
from apps.quotas.scheduling.snapshot import GPUS, WHOLE, Limit
from apps.quotas.scheduling.whatif import (
    AddNodes,
    Change,
    DropLimit,
    RemoveNodes,
    SetLimit,
    SetPriority,
    SetWeight,
)
from apps.quotas.services.changes import weight_check
from apps.quotas.services.pool_snapshot import node_view
from apps.quotas.services.quotas import quota_check
from apps.quotas.states import WORKLOAD, WhatIfChange

CHANGES_MOST: Final = 100
NODES_MOST: Final = 1_000
"""Machines that are added, all changes together."""


def changes_check(pool: ResourcePool, changes: Sequence[Mapping[str, Any]]) -> None:
    """Raise Invalid for changes that cannot be made of this pool."""
    if not 1 <= len(changes) <= CHANGES_MOST:
        raise Invalid(f"changes: {len(changes)} are not between 1 and {CHANGES_MOST}")
    for change in changes:
        if change["kind"] == WhatIfChange.QUOTA:
            _quota_check(change)
        elif change["kind"] == WhatIfChange.WEIGHT:
            weight_check(change["weight"])
    added = sum(change["count"] for change in changes if change["kind"] == WhatIfChange.ADD_NODES)
    if added > NODES_MOST:
        raise Invalid(f"count: {added} machines are more than {NODES_MOST}")
    changes_of(pool.pk, changes)


def _quota_check(change: Mapping[str, Any]) -> None:
    nominal = change.get("nominal")
    if nominal is None:
        return
    quota_check(change["resource"], change.get("flavor", ""), nominal)
    lending = change.get("lending_limit")
    if lending is not None and lending > nominal:
        raise Invalid(f"lending_limit: {lending} is more than the nominal {nominal} that it owns")
    weight_check(change.get("weight"))


def changes_of(pool_id: UUID, changes: Iterable[Mapping[str, Any]]) -> list[Change]:
    """The same as values of the scheduler. Raises Invalid: something that they name is not in the pool."""
    return [_change(pool_id, change) for change in changes]


def _change(pool_id: UUID, change: Mapping[str, Any]) -> Change:
    kind = change["kind"]
    if kind == WhatIfChange.PRIORITY:
        workload = _known(Workload.objects.exclude(state__in=sorted(WORKLOAD.terminal)), pool_id, change["workload"])
        return SetPriority(workload.pk, int(change["priority"]))
    if kind == WhatIfChange.ADD_NODES:
        return AddNodes(node_view(_known(Node.objects.all(), pool_id, change["like"])), int(change["count"]))
    if kind == WhatIfChange.REMOVE_NODES:
        nodes = [_known(Node.objects.all(), pool_id, node) for node in change["nodes"]]
        return RemoveNodes(frozenset(node.name for node in nodes))
    owner = _owner(pool_id, change)
    if kind == WhatIfChange.WEIGHT:
        return SetWeight(owner, float(change["weight"]))
    key = (change["resource"], change.get("flavor") or "")
    nominal = change.get("nominal")
    if nominal is None:
        return DropLimit(owner, key)
    return SetLimit(owner, limit_of(*key, nominal, change))


def limit_of(resource: str, flavor: str, nominal: int, change: Mapping[str, Any]) -> Limit:
    """In the units of the scheduler: devices in thousandths. Without a borrowing limit it borrows nothing."""
    unit = WHOLE if resource == GPUS else 1
    borrowing, lending = change.get("borrowing_limit", 0), change.get("lending_limit")
    return Limit(
        resource,
        flavor,
        nominal * unit,
        None if borrowing is None else borrowing * unit,
        None if lending is None else lending * unit,
        change.get("weight"),
    )


def _owner(pool_id: UUID, change: Mapping[str, Any]) -> UUID:
    queue, cohort = change.get("queue"), change.get("cohort")
    if bool(queue) == bool(cohort):
        raise Invalid("changes: name either a queue or a cohort")
    if queue:
        return UUID(str(_known(Queue.objects.all(), pool_id, queue).pk))
    return UUID(str(_known(Cohort.objects.all(), pool_id, cohort).pk))


def _known(rows: Any, pool_id: UUID, pk: Any) -> Any:
    found = rows.filter(pool=pool_id, pk=pk).first()
    if found is None:
        raise Invalid(f"changes: {pk} is not in this pool")
    return found
