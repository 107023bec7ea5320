"""Who must make room for a workload that waits: the smallest set, tried out before anybody is told.

Who may be asked to leave: what is borrowed, by somebody who wants no more than the guaranteed; what has a lower
priority in the same queue; and what has a lower priority elsewhere and is borrowed, the last two only by a priority
class that preempts. Neither can turn round: what was taken back was not guaranteed to who lost it, and who lost it to
a higher priority has the lower one.

Members that an elastic workload can do without go first, then whole workloads: the lowest priority, the borrowed, the
least work lost since a checkpoint, the youngest. Whatever turns out not to be needed stays, the last chosen first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Machines
from apps.quotas.scheduling.snapshot import PREEMPTED, RECLAIMED, Assignment, Holding, Policy
from apps.quotas.scheduling.tree import Amounts, Place, Tree, amounts_of, borrows, guaranteed, measured

UNRELATED = "unrelated"
ITEMS_MOST = 20_000
"""Members and workloads that are looked at for one preemption."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something that could go: the members of a holding from one on, all or one."""

    holding: Holding
    reason: str
    order: tuple[bool, int, bool, float, float, float]
    first: int
    """Of its members, the first that goes."""
    last: int
    """The first that does not."""

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        return self.holding.assignments[self.first : self.last]

    @property
    def amounts(self) -> Amounts:
        return amounts_of(self.holding.ask, self.holding.flavor, self.last - self.first)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a preemption comes to."""

    kills: Mapping[UUID, str]
    """Holding → reason."""
    shrinks: Mapping[UUID, int]
    """Holding → members that it keeps."""
    flavor: str
    assignments: tuple[Assignment, ...]
    """Where the preemptor goes."""


@dataclass(slots=True)
class Preemption:
    """Looks for room in one cycle. The books are as they were when it has looked."""

    tree: Tree
    machines: Machines
    holdings: Iterable[Holding]
    policy: Policy
    at: float
    leaving: set[UUID] = field(default_factory=set)
    """Who has been told to go already, or to shrink."""
    _relations: dict[tuple[UUID, str, bool], str] = field(default_factory=dict)
    """Queue and kind → what may be asked of it, as long as the books do not change."""

    def may(self, candidate: Candidate, leaf: Place, flavor: str) -> bool:
        """Whether it may ask anybody to leave."""
        if not self.policy.preemption or candidate.grows:
            return False
        amounts = amounts_of(candidate.ask, flavor, candidate.least)
        return candidate.item.preempts or any(guaranteed(one, amounts, measured(amounts)) for one in leaf.path[:-1])

    def plan(self, candidate: Candidate, leaf: Place, flavor: str) -> Plan | None:
        """Who leaves so that its least members fit; None: that cannot be had."""
        taken: list[Item] = []
        room = _Room(self, candidate, leaf, flavor)
        if room.is_enough():  # what is there is kept for others
            return None
        self._relations = {}
        items = [item for item in self._items(candidate, leaf, flavor) if room.helps(item)]
        for item in sorted(items, key=lambda one: one.order)[:ITEMS_MOST]:
            if self._reason(item.holding, candidate, leaf, flavor):
                room.give(item)
                self._relations = {}
                taken.append(item)
                if room.is_enough():
                    break
        plan = self._finish(room, taken) if room.is_enough() else None
        for item in taken:
            if item not in room.back:
                room.take_back(item)
        return plan

    def _finish(self, room: _Room, taken: list[Item]) -> Plan:
        for item in reversed(taken):
            room.take_back(item)
            if room.is_enough():
                room.back.add(item)
            else:
                room.give(item)
        gone = [item for item in taken if item not in room.back]
        assignments = room.places()
        kills = {item.holding.workload_id: item.reason for item in gone if item.first == 0}
        shrinks: dict[UUID, int] = {}
        for item in gone:
            identity = item.holding.workload_id
            if identity not in kills:
                shrinks[identity] = min(item.first, shrinks.get(identity, item.first))
        return Plan(kills, shrinks, room.flavor, assignments)

    def _items(self, candidate: Candidate, leaf: Place, flavor: str) -> Iterator[Item]:
        for holding in self.holdings:
            if holding.leaving or holding.workload_id in self.leaving or not holding.preemptible:
                continue
            reason = self._reason(holding, candidate, leaf, flavor)
            if not reason or self._is_young(holding):
                continue
            order = (holding.priority, not self._is_borrowed(holding), self._lost(holding), -holding.admitted_at)
            least, has = holding.least, len(holding.assignments)
            for member in range(least, has):
                yield Item(holding, reason, (False, *order, -member), member, member + 1)
            yield Item(holding, reason, (True, *order, 0), 0, least)

    def _reason(self, holding: Holding, candidate: Candidate, leaf: Place, flavor: str) -> str:
        """Why it may be asked to leave, as the books are now; empty: it may not."""
        lower = candidate.item.preempts and holding.priority < candidate.item.priority
        key = (holding.queue_id, holding.flavor, bool(holding.ask.gpus))
        relation = self._relations.get(key)
        if relation is None:
            relation = self._relations[key] = self._relation(holding, candidate, leaf, flavor)
        if relation == RECLAIMED:
            return RECLAIMED
        return PREEMPTED if lower and relation == PREEMPTED else ""

    def _relation(self, holding: Holding, candidate: Candidate, leaf: Place, flavor: str) -> str:
        """What could be asked of holdings of that queue and kind: to give back, to give way to a priority, nothing."""
        other = self.tree.leaves.get(holding.queue_id)
        if other is None or other is leaf:
            return PREEMPTED if other is leaf else UNRELATED
        above = {id(place) for place in leaf.path}
        at = next(number for number, place in enumerate(other.path) if id(place) in above)
        common, their = other.path[at], other.path[at - 1]
        ours = next(place for place in leaf.path if place.parent is common)
        if not borrows(their, measured(amounts_of(holding.ask, holding.flavor))):
            return UNRELATED
        amounts = amounts_of(candidate.ask, flavor, candidate.least)
        return RECLAIMED if guaranteed(ours, amounts, measured(amounts)) else PREEMPTED

    def _is_borrowed(self, holding: Holding) -> bool:
        leaf = self.tree.leaves.get(holding.queue_id)
        return leaf is not None and borrows(leaf, measured(amounts_of(holding.ask, holding.flavor)))

    def _is_young(self, holding: Holding) -> bool:
        began = holding.started_at if holding.started_at is not None else holding.admitted_at
        return self.at - began < self.policy.min_run_seconds

    def _lost(self, holding: Holding) -> float:
        """Seconds of devices, or of members without, since its last checkpoint."""
        if holding.started_at is None:
            return 0.0
        kept = max(holding.started_at, holding.checkpoint_at or 0.0)
        return (self.at - kept) * max(1, holding.ask.gpus) * len(holding.assignments)


class _Room:
    """The books while something is tried out: what goes is given back, and taken again."""

    def __init__(self, search: Preemption, candidate: Candidate, leaf: Place, flavor: str) -> None:
        self.flavor = flavor
        self.back: set[Item] = set()
        """What stays after all."""
        self._tree, self._machines, self._leaf = search.tree, search.machines, leaf
        self._ask, self._least = candidate.ask, candidate.least
        self._amounts = amounts_of(candidate.ask, flavor)
        self._fits = self._machines.members(self._ask, flavor)

    def helps(self, item: Item) -> bool:
        """Whether its going could make any difference: on a machine that would do, or in a quota that is short."""
        if self._tree.members(self._leaf, self._amounts, self._least) < self._least:
            return any(key in self._amounts for key in item.amounts)
        for node, _ in item.assignments:
            at = self._machines.index.get(node)
            if at is not None and (not self._ask.gpus or self._machines.devices.has(at, self.flavor)):
                return True
        return False

    def is_enough(self) -> bool:
        if self._tree.members(self._leaf, self._amounts, self._least) < self._least:
            return False
        return self._machines.together(self._ask, self._fits) >= self._least

    def give(self, item: Item) -> None:
        self._move(item, -1)

    def take_back(self, item: Item) -> None:
        self._move(item, 1)

    def _move(self, item: Item, sign: int) -> None:
        theirs = self._tree.leaves[item.holding.queue_id]
        self._tree.take(theirs, item.amounts, sign)
        change = self._machines.occupy if sign > 0 else self._machines.release
        change(item.holding.ask, item.assignments)
        for at in {self._machines.index.get(node) for node, _ in item.assignments}:
            if at is not None:
                self._fits[at] = self._machines.members_at(at, self._ask, self.flavor)

    def places(self) -> tuple[Assignment, ...]:
        """Where the preemptor would go now; nothing is taken."""
        chosen = self._machines.choose(self._ask, self.flavor, self._least, self._fits)
        if chosen is None:
            raise ValueError("what is enough has a place")
        places = tuple(self._machines.place(self._ask, self.flavor, chosen))
        self._machines.release(self._ask, places)
        return places
