"""Who must make room for a workload that waits: the smallest set, tried out before anybody is told.

Who may be asked to leave: what is borrowed, by somebody who wants no more than the guaranteed and has waited for a
while, since much of it becomes free by itself; what has a lower priority in the same queue; and what has a lower
priority elsewhere and is borrowed, the last two only by a priority class that preempts. Neither can turn round: what
was taken back was not guaranteed to who lost it, and who lost it to a higher priority has the lower one.

Members that an elastic workload can do without go first, then whole workloads: the lowest priority, the borrowed, who
gives most of the places back that are lacking, so that few have to go, the least work lost since a checkpoint, the
youngest. Whatever turns out not to be needed stays, the last chosen first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Machines
from apps.quotas.scheduling.held import Held
from apps.quotas.scheduling.making_room import Item, Room
from apps.quotas.scheduling.nominal import borrows, is_inside
from apps.quotas.scheduling.occupancy import Marks
from apps.quotas.scheduling.snapshot import PREEMPTED, RECLAIMED, Assignment, Holding, Policy
from apps.quotas.scheduling.tree import Place, Tree

UNRELATED = "unrelated"
ITEMS_MOST = 20_000
"""Members and workloads that are looked at for one preemption."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a preemption comes to."""

    kills: Mapping[UUID, str]
    """Holding → reason."""
    shrinks: Mapping[UUID, tuple[int, str]]
    """Holding → members that it keeps, and the reason."""
    flavor: str
    assignments: tuple[Assignment, ...]
    """Where the preemptor goes."""
    gone: tuple[Holding, ...]
    """Those that go or shrink, with the members that they give back."""


class Preemption:
    """Looks for room in one cycle. The books are as they were when it has looked."""

    def __init__(self, tree: Tree, machines: Machines, held: Held, policy: Policy) -> None:
        self.tree, self.machines, self.held, self.policy = tree, machines, held, policy
        self.leaving: set[UUID] = set()
        """Who has been told to go already, or to shrink."""

    def may(self, candidate: Candidate, leaf: Place, flavor: str) -> bool:
        """Whether it may ask anybody to leave."""
        if not self.policy.preemption or candidate.grows:
            return False
        if candidate.item.preempts:
            return True
        if not self.policy.may_reclaim(self.held.at - candidate.since):
            return False
        ask, least = candidate.ask, candidate.least
        return any(is_inside(one, ask, flavor, least) for one in leaf.path[:-1])

    def plan(self, candidate: Candidate, leaf: Place, flavor: str) -> Plan | None:
        """Who leaves so that its least members fit; None: that cannot be had."""
        taken: list[Item] = []
        room = Room(self.tree, self.machines, candidate, leaf, flavor)
        if room.is_enough():  # what is there is kept for others
            return None
        claims = Claims(self.held, candidate, leaf, flavor)
        for item in islice(self._items(claims, room), ITEMS_MOST):
            if claims.reason(item.holding, item.group):
                room.give(item)
                taken.append(item)
                if room.is_enough():
                    break
        plan = self._finish(room, taken) if room.is_enough() else None
        for item in taken:
            if item not in room.back:
                room.take_back(item)
        return plan

    def _finish(self, room: Room, taken: list[Item]) -> Plan:
        for item in reversed(taken):
            room.take_back(item)
            if room.is_enough():
                room.back.add(item)
            else:
                room.give(item)
        kept: dict[UUID, tuple[Holding, int, str]] = {}
        kills: dict[UUID, str] = {}
        for item in taken:
            if item not in room.back:
                identity = item.holding.workload_id
                first = min(item.first, kept[identity][1]) if identity in kept else item.first
                kept[identity] = item.holding, first, item.reason
                if item.first == 0:
                    kills[identity] = item.reason
        shrinks = {identity: (keeps, reason) for identity, (_, keeps, reason) in kept.items() if identity not in kills}
        gone = tuple(replace(one, assignments=one.assignments[keeps:]) for one, keeps, _ in kept.values())
        return Plan(kills, shrinks, room.flavor, room.places(), gone)

    def _items(self, claims: Claims, room: Room) -> Iterator[Item]:
        """What could go and would help, in the order in which it would: first members that can be spared."""
        held = self.held
        reasons = [claims.relation(group) for group in range(len(held.groups))]
        reclaimed = np.array([reason == RECLAIMED for reason in reasons], bool)
        lower = np.array([reason == PREEMPTED for reason in reasons], bool)
        may = (reclaimed[held.group_of] | (lower[held.group_of] & claims.lower)) & ~held.barred
        borrowed = np.array([leaf is not None and borrows(leaf, keys) for leaf, keys in held.groups], bool)
        places = held.places(claims.candidate.ask, claims.candidate.least)
        told, useful = held.numbers_of(self.leaving), np.flatnonzero(may & room.useful(may, held))
        numbers = [number for number in held.in_order(useful, borrowed, places) if number not in told]
        for number in numbers:
            holding = held.holdings[number]
            if not holding.count_min:
                continue
            group = int(held.group_of[number])
            for member in range(len(holding.assignments) - 1, holding.least - 1, -1):
                yield Item(holding, group, reasons[group], member, member + 1)
        for number in numbers:
            holding, group = held.holdings[number], int(held.group_of[number])
            yield Item(holding, group, reasons[group], 0, holding.least)


class Claims:
    """What may be asked of the groups of holdings for one that waits, as the books are."""

    def __init__(self, held: Held, candidate: Candidate, leaf: Place, flavor: str) -> None:
        self.candidate, self._leaf, self._flavor, self._held = candidate, leaf, flavor, held
        self._preempts, self._priority = candidate.item.preempts, candidate.item.priority
        self._above = {id(place): number for number, place in enumerate(leaf.path)}
        self._apart: dict[int, tuple[Place, Place]] = {}

    @property
    def lower(self) -> Marks:
        """Those of a lower priority, for a class that preempts."""
        if not self._preempts:
            return np.zeros(self._held.size, bool)
        lower: Marks = self._held.priorities < self._priority
        return lower

    def reason(self, holding: Holding, group: int) -> str:
        """Why it may be asked to leave; empty: it may not."""
        relation = self.relation(group)
        if relation == RECLAIMED:
            return RECLAIMED
        return PREEMPTED if relation == PREEMPTED and self._preempts and holding.priority < self._priority else ""

    def relation(self, group: int) -> str:
        """What could be asked of that group: to give back, to give way to a priority, nothing."""
        other, keys = self._held.groups[group]
        if other is None or other is self._leaf:
            return PREEMPTED if other is self._leaf else UNRELATED
        if group not in self._apart:
            self._apart[group] = self._parting(other)
        their, ours = self._apart[group]
        if not borrows(their, keys):
            return UNRELATED
        candidate = self.candidate
        return RECLAIMED if is_inside(ours, candidate.ask, self._flavor, candidate.least) else PREEMPTED

    def _parting(self, other: Place) -> tuple[Place, Place]:
        """Below the first place that both have above them: theirs, and ours."""
        at = next(number for number, place in enumerate(other.path) if id(place) in self._above)
        return other.path[at - 1], self._leaf.path[self._above[id(other.path[at])] - 1]
