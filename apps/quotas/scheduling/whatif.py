"""A pool as it would be if it were shared otherwise, and what of that which runs would have to go.

Changes are plain values; `changed` makes a snapshot with them. Nothing that runs is touched by a change itself: who
holds more than a new limit allows keeps it until somebody who is guaranteed it wants it. `reclaims` says what that
would be: now, by what waits already, and some day, by what it would hold beyond its nominal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar
from uuid import UUID

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.nominal import measured
from apps.quotas.scheduling.snapshot import (
    CohortView,
    Holding,
    Key,
    Limit,
    NodeView,
    Preempt,
    QueueView,
    Shrink,
    Snapshot,
)
from apps.quotas.scheduling.tree import ALL_GPUS, Place, Tree, amounts_of, capacity_of


class SetLimit(NamedTuple):
    """What a queue or a cohort may hold of a resource, instead of what it may now."""

    owner: UUID
    limit: Limit


class DropLimit(NamedTuple):
    """A queue or a cohort loses its limit for a resource."""

    owner: UUID
    key: Key


class SetWeight(NamedTuple):
    """Of a queue or a cohort."""

    owner: UUID
    weight: float


class SetPriority(NamedTuple):
    """Of a workload that waits or runs."""

    workload: UUID
    priority: int


class AddNodes(NamedTuple):
    """More machines like this one."""

    like: NodeView
    number: int


class RemoveNodes(NamedTuple):
    """Machines that are given no more members; what runs on them runs on."""

    names: frozenset[str]


Change = SetLimit | DropLimit | SetWeight | SetPriority | AddNodes | RemoveNodes


View = TypeVar("View", QueueView, CohortView)


class Unknown(ValueError):
    """A change names what the pool does not have; its text says what."""


def changed(snapshot: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """The same moment with changes, in their order. Raises Unknown."""
    for change in changes:
        if isinstance(change, AddNodes | RemoveNodes):
            snapshot = replace(snapshot, nodes=_nodes(snapshot, change))
        elif isinstance(change, SetPriority):
            snapshot = _prioritised(snapshot, change)
        else:
            snapshot = _shared(snapshot, change)
    return snapshot


def _nodes(snapshot: Snapshot, change: AddNodes | RemoveNodes) -> tuple[NodeView, ...]:
    nodes = snapshot.nodes
    names = {node.name for node in nodes}
    if isinstance(change, RemoveNodes):
        if change.names - names:
            raise Unknown(f"no machine {min(change.names - names)}")
        held = {place.node for one in snapshot.holdings for place in one.assignments}
        kept = (node for node in nodes if node.name not in change.names or node.name in held)
        return tuple(replace(node, ready=False) if node.name in change.names else node for node in kept)
    fresh = (f"{change.like.name}+{number}" for number in range(1, len(nodes) + change.number + 1))
    free = [name for name in fresh if name not in names][: change.number]
    return (*nodes, *(replace(change.like, name=name, ready=True) for name in free))


def _prioritised(snapshot: Snapshot, change: SetPriority) -> Snapshot:
    waiting = {one.workload_id for one in snapshot.waiting}
    if change.workload not in waiting and all(one.workload_id != change.workload for one in snapshot.holdings):
        raise Unknown(f"nothing that waits or runs is {change.workload}")
    return replace(
        snapshot,
        waiting=tuple(
            replace(one, priority=change.priority) if one.workload_id == change.workload else one
            for one in snapshot.waiting
        ),
        holdings=tuple(
            replace(one, priority=change.priority) if one.workload_id == change.workload else one
            for one in snapshot.holdings
        ),
    )


def _shared(snapshot: Snapshot, change: SetLimit | DropLimit | SetWeight) -> Snapshot:
    owners = {queue.id for queue in snapshot.queues} | {cohort.id for cohort in snapshot.cohorts}
    if change.owner not in owners:
        raise Unknown(f"no queue or cohort {change.owner}")
    queues = tuple(_view(view, change) if view.id == change.owner else view for view in snapshot.queues)
    cohorts = tuple(_view(view, change) if view.id == change.owner else view for view in snapshot.cohorts)
    return replace(snapshot, queues=queues, cohorts=cohorts)


def _view(view: View, change: SetLimit | DropLimit | SetWeight) -> View:
    if isinstance(change, SetWeight):
        return replace(view, weight=change.weight)
    return replace(view, limits=_limits(view.limits, change))


def _limits(limits: tuple[Limit, ...], change: SetLimit | DropLimit) -> tuple[Limit, ...]:
    key = change.limit.key if isinstance(change, SetLimit) else change.key
    others = tuple(limit for limit in limits if limit.key != key)
    return (*others, change.limit) if isinstance(change, SetLimit) else others


@dataclass(frozen=True, slots=True)
class Reclaim:
    """Something that runs would have to give back what it holds, or some of its members."""

    workload_id: UUID
    queue_id: UUID
    members: int
    """Of what it holds, how many go."""
    now: bool
    """For what waits already; or once somebody wants what is theirs."""


def reclaims(snapshot: Snapshot, changes: Sequence[Change]) -> tuple[Reclaim, ...]:
    """What runs now and would be taken back because of changes, at once first. Raises Unknown."""
    after = changed(snapshot, changes)
    holdings = {one.workload_id: one for one in snapshot.holdings}
    before = _victims(snapshot)
    found = {
        workload: Reclaim(workload, holdings[workload].queue_id, members, True)
        for workload, members in _victims(after).items()
        if members > before.get(workload, 0)
    }
    exposed = _exposed(snapshot)
    for workload, members in _exposed(after).items():
        if workload not in found and members > exposed.get(workload, 0):
            found[workload] = Reclaim(workload, holdings[workload].queue_id, members, False)
    return tuple(sorted(found.values(), key=lambda one: (not one.now, one.queue_id, one.workload_id)))


def _victims(snapshot: Snapshot) -> dict[UUID, int]:
    """Workload → members that a decision takes from it, for whomever waits, however short a time it has waited."""
    held = {one.workload_id: len(one.assignments) for one in snapshot.holdings}
    found: dict[UUID, int] = {}
    at_once = replace(snapshot, policy=replace(snapshot.policy, reclaim_after_seconds=0.0))
    for decision in cycle(at_once):
        if isinstance(decision, Preempt):
            found[decision.workload_id] = held[decision.workload_id]
        elif isinstance(decision, Shrink):
            found[decision.workload_id] = held[decision.workload_id] - decision.count
    return found


def _exposed(snapshot: Snapshot) -> dict[UUID, int]:
    """Workload → members beyond what its queue is guaranteed, the first that would go first."""
    tree = Tree(capacity_of(snapshot.nodes), snapshot.queues, snapshot.cohorts)
    ordered: dict[UUID, list[Holding]] = {}
    for one in sorted(snapshot.holdings, key=lambda one: (one.priority, -one.admitted_at, one.workload_id)):
        leaf = tree.leaves.get(one.queue_id)
        if leaf is not None and not one.leaving:
            tree.take(leaf, amounts_of(one.ask, one.flavor, len(one.assignments)))
            ordered.setdefault(one.queue_id, []).append(one)
    found: dict[UUID, int] = {}
    for queue, rows in ordered.items():
        found |= _beyond(tree.leaves[queue], rows)
    return found


def _beyond(leaf: Place, rows: Iterable[Holding]) -> dict[UUID, int]:
    over = {key: leaf.over(key) for key in leaf.held}
    found: dict[UUID, int] = {}
    for one in rows:
        each = amounts_of(one.ask, one.flavor)
        keys = [key for key in measured(each) if each[key] and (key in leaf.nominal or key == ALL_GPUS)]
        count = max((-(-over[key] // each[key]) for key in keys if over[key] > 0), default=0)
        if count:
            has = len(one.assignments)
            found[one.workload_id] = count if count <= has - one.least else has
            for key in each:
                over[key] -= each[key] * found[one.workload_id]
    return found
