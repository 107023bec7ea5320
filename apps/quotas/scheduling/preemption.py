"""Who must make room for a workload that waits: the smallest set, tried out before anybody is told.

Who may be asked to leave: what is borrowed, by somebody who wants no more than the guaranteed; what has a lower
priority in the same queue; and what has a lower priority elsewhere and is borrowed, the last two only by a priority
class that preempts. Neither can turn round: what was taken back was not guaranteed to who lost it, and who lost it to
a higher priority has the lower one.

Members that an elastic workload can do without go first, then whole workloads: the lowest priority, the borrowed, the
least work lost since a checkpoint, the youngest. Whatever turns out not to be needed stays, the last chosen first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Machines
from apps.quotas.scheduling.making_room import Held, Item, Order, Room
from apps.quotas.scheduling.snapshot import PREEMPTED, RECLAIMED, Assignment, Holding, Key, Policy
from apps.quotas.scheduling.tree import Place, Tree, amounts_of, borrows, guaranteed, measured

UNRELATED = "unrelated"
ITEMS_MOST = 20_000
"""Members and workloads that are looked at for one preemption."""


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


class Preemption:
    """Looks for room in one cycle. The books are as they were when it has looked."""

    def __init__(self, tree: Tree, machines: Machines, held: Held, policy: Policy, at: float) -> None:
        self.tree, self.machines, self.held = tree, machines, held
        self.policy, self.at = policy, at
        self.leaving: set[UUID] = set()
        """Who has been told to go already, or to shrink."""
        self._relations: dict[int, str] = {}
        """Group of holdings → what may be asked of it, as long as the books do not change."""

    def may(self, candidate: Candidate, leaf: Place, flavor: str) -> bool:
        """Whether it may ask anybody to leave."""
        if not self.policy.preemption or candidate.grows:
            return False
        amounts = amounts_of(candidate.ask, flavor, candidate.least)
        return candidate.item.preempts or any(guaranteed(one, amounts, measured(amounts)) for one in leaf.path[:-1])

    def plan(self, candidate: Candidate, leaf: Place, flavor: str) -> Plan | None:
        """Who leaves so that its least members fit; None: that cannot be had."""
        taken: list[Item] = []
        room = Room(self.tree, self.machines, candidate, leaf, flavor)
        if room.is_enough():  # what is there is kept for others
            return None
        for item in self._items(candidate, leaf, room):
            if self._reason(item.holding, item.group, candidate, leaf, flavor):
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

    def _finish(self, room: Room, taken: list[Item]) -> Plan:
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

    def _items(self, candidate: Candidate, leaf: Place, room: Room) -> list[Item]:
        """What could go and would help, in the order in which it would."""
        items: list[Item] = []
        held, self._relations = self.held, {}
        flavor = room.flavor
        reasons = [self._relation(group, candidate, leaf, flavor) for group in range(len(held.groups))]
        lower = held.priorities < candidate.item.priority if candidate.item.preempts else np.zeros(held.size, bool)
        may = np.array([reason == RECLAIMED for reason in reasons], bool)[held.group_of]
        may |= np.array([reason == PREEMPTED for reason in reasons], bool)[held.group_of] & lower
        may &= ~held.barred(self.policy, self.at)
        for number in np.flatnonzero(may & room.useful(may, held)).tolist():
            holding, group = held.holdings[number], int(held.group_of[number])
            if holding.workload_id not in self.leaving:
                items += self._items_of(holding, group, reasons[group])
        items.sort(key=_order)
        return items[:ITEMS_MOST]

    def _items_of(self, holding: Holding, group: int, reason: str) -> Iterator[Item]:
        borrowed = self._is_borrowed(holding)
        order = (holding.priority, not borrowed, self._lost(holding), -holding.admitted_at, holding.workload_id)
        least, has = holding.least, len(holding.assignments)
        for member in range(least, has):
            yield Item(holding, group, reason, (False, *order, -member), member, member + 1)
        yield Item(holding, group, reason, (True, *order, 0), 0, least)

    def _reason(self, holding: Holding, group: int, candidate: Candidate, leaf: Place, flavor: str) -> str:
        """Why it may be asked to leave, as the books are now; empty: it may not."""
        lower = candidate.item.preempts and holding.priority < candidate.item.priority
        relation = self._relation(group, candidate, leaf, flavor)
        if relation == RECLAIMED:
            return RECLAIMED
        return PREEMPTED if lower and relation == PREEMPTED else ""

    def _relation(self, group: int, candidate: Candidate, leaf: Place, flavor: str) -> str:
        """What could be asked of that group: to give back, to give way to a priority, nothing."""
        known = self._relations.get(group)
        if known is None:
            known = self._relations[group] = self._relate(*self.held.groups[group], candidate, leaf, flavor)
        return known

    def _relate(self, other: Place | None, keys: list[Key], candidate: Candidate, leaf: Place, flavor: str) -> str:
        if other is None or other is leaf:
            return PREEMPTED if other is leaf else UNRELATED
        above = {id(place) for place in leaf.path}
        at = next(number for number, place in enumerate(other.path) if id(place) in above)
        common, their = other.path[at], other.path[at - 1]
        ours = next(place for place in leaf.path if place.parent is common)
        if not borrows(their, keys):
            return UNRELATED
        amounts = amounts_of(candidate.ask, flavor, candidate.least)
        return RECLAIMED if guaranteed(ours, amounts, measured(amounts)) else PREEMPTED

    def _is_borrowed(self, holding: Holding) -> bool:
        leaf = self.tree.leaves.get(holding.queue_id)
        return leaf is not None and borrows(leaf, measured(amounts_of(holding.ask, holding.flavor)))

    def _lost(self, holding: Holding) -> float:
        """Seconds of devices, or of members without, since its last checkpoint."""
        if holding.started_at is None:
            return 0.0
        kept = max(holding.started_at, holding.checkpoint_at or 0.0)
        return (self.at - kept) * max(1, holding.ask.gpus) * len(holding.assignments)


def _order(item: Item) -> Order:
    return item.order
