"""What is held, grouped for a search for room, and the books while it is tried out who goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Counts, Machines, fits_of
from apps.quotas.scheduling.occupancy import Marks, Occupancy
from apps.quotas.scheduling.snapshot import WHOLE, Assignment, Holding, Key, Policy
from apps.quotas.scheduling.tree import Amounts, Place, Tree, amounts_of, measured

Order = tuple[bool, int, bool, float, float, UUID, int]
"""Not to be spared, priority, inside the guaranteed, work lost, age (negative); then which, its last members first."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something that could go: the members of a holding from one on, all or one."""

    holding: Holding
    group: int
    """See `Held`."""
    reason: str
    order: Order
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


class Held:
    """All holdings, in groups of one queue and kind of GPU: what may be asked of one may be asked of all."""

    def __init__(self, holdings: Sequence[Holding], occupancy: Occupancy, tree: Tree) -> None:
        self.holdings, self.occupancy, self.size = holdings, occupancy, len(holdings)
        self.groups: list[tuple[Place | None, list[Key]]] = []
        """Its queue, and by what it is inside the nominal of that or borrows."""
        numbers: dict[tuple[UUID, str, bool], int] = {}
        group_of: list[int] = []
        for one in holdings:
            kind = (one.queue_id, one.flavor, bool(one.ask.gpus))
            if kind not in numbers:
                numbers[kind] = len(self.groups)
                self.groups.append((tree.leaves.get(one.queue_id), measured(amounts_of(one.ask, one.flavor))))
            group_of.append(numbers[kind])
        self.group_of = np.array(group_of, np.int64)
        self.priorities = np.array([one.priority for one in holdings], np.int64)
        self._barred: Marks | None = None

    def barred(self, policy: Policy, at: float) -> Marks:
        """Those that may not be asked to leave, by whomever: they leave already, or have hardly begun."""
        if self._barred is None:
            last = at - policy.min_run_seconds
            self._barred = np.array(
                [
                    one.leaving
                    or not one.preemptible
                    or (one.started_at if one.started_at is not None else one.admitted_at) > last
                    for one in self.holdings
                ],
                bool,
            )
        return self._barred

    def amounts(self, key: Key) -> Counts:
        """How much of a resource each holds."""
        found = (amounts_of(one.ask, one.flavor, len(one.assignments)).get(key, 0) for one in self.holdings)
        return np.fromiter(found, np.int64, self.size)


class Room:
    """The books while something is tried out: what goes is given back, and taken again."""

    def __init__(self, tree: Tree, machines: Machines, candidate: Candidate, leaf: Place, flavor: str) -> None:
        self.flavor = flavor
        self.back: set[Item] = set()
        """What stays after all."""
        self._tree, self._machines, self._leaf = tree, machines, leaf
        self._ask, self._least, self._ends_at = candidate.ask, candidate.least, candidate.ends_at
        self._amounts = amounts_of(candidate.ask, flavor)
        self._fits = machines.members(self._ask, flavor, self._ends_at).copy()
        self._short = tree.short(leaf, self._amounts, self._least)

    def useful(self, may: Marks, held: Held) -> Marks:
        """Whose going could make any difference: in a quota that is short, or on a machine. Nobody's, if not even that
        all go would be enough."""
        none = np.zeros(held.size, bool)
        found = none.copy()
        for key, place, lacks in self._short:
            below = np.array([leaf is not None and place in leaf.path for leaf, _ in held.groups], bool)
            amounts = np.where(may & below[held.group_of], held.amounts(key), 0)
            if amounts.sum() < lacks:
                return none
            found |= amounts > 0
        if self._machines.together(self._ask, self._fits) < self._least:
            fits = self._without(may, held.occupancy)
            if self._machines.together(self._ask, fits) < self._least:
                return none
            better = (fits > self._fits)[held.occupancy.node]
            found[held.occupancy.owner[better]] = True
        return found

    def _without(self, gone: Marks, held: Occupancy) -> Counts:
        """Members per node if all these were gone, as if nothing were kept for others."""
        members, rows = gone[held.owner], gone[held.device_owner]
        machines, ask, gpus = self._machines, self._ask, None
        cpu, memory = machines.cpu + held.cpu_of(members), machines.memory + held.memory_of(members)
        if ask.gpus:
            left = machines.devices.given_back(held.device[rows], held.millis[rows])
            if ask.gpu_millis == WHOLE:
                gpus = machines.devices.whole_in(left, self.flavor)
            else:
                gpus = machines.devices.shares_in(left, self.flavor, ask.gpu_millis)
        return fits_of(ask, cpu, memory, gpus)

    def is_enough(self) -> bool:
        if self._short and self._tree.members(self._leaf, self._amounts, self._least) < self._least:
            return False
        return self._machines.together(self._ask, self._fits) >= self._least

    def give(self, item: Item) -> None:
        self._move(item, -1)

    def take_back(self, item: Item) -> None:
        self._move(item, 1)

    def _move(self, item: Item, sign: int) -> None:
        self._tree.take(self._tree.leaves[item.holding.queue_id], item.amounts, sign)
        self._machines.occupy(item.holding.ask, item.assignments, sign)
        for at in {self._machines.index.get(node) for node, _ in item.assignments}:
            if at is not None:
                self._fits[at] = self._machines.members_at(at, self._ask, self.flavor, self._ends_at)

    def places(self) -> tuple[Assignment, ...]:
        """Where the preemptor would go now; nothing is taken."""
        chosen = self._machines.choose(self._ask, self.flavor, self._least, self._fits)
        if chosen is None:
            raise ValueError("what is enough has a place")
        places = tuple(self._machines.place(self._ask, self.flavor, chosen))
        self._machines.release(self._ask, places)
        return places
