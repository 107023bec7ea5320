"""The books while it is tried out who goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Counts, Machines, fits_of, heed
from apps.quotas.scheduling.held import Held
from apps.quotas.scheduling.occupancy import Marks, Occupancy
from apps.quotas.scheduling.snapshot import WHOLE, Assignment, Holding
from apps.quotas.scheduling.tree import Amounts, Place, Tree, amounts_of


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something that could go: the members of a holding from one on, all or one."""

    holding: Holding
    group: int
    """See `Held`."""
    reason: str
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
        self._sum = 0 if self._ask.topology else int(self._fits.sum())

    def useful(self, may: Marks, held: Held) -> Marks:
        """Whose going could make any difference: in a quota that is short, or on a machine. Nobody's, if not even that
        all go would be enough."""
        none = np.zeros(held.size, bool)
        found = none.copy()
        for key, place, lacks in self._short:
            amounts = np.where(may, held.below(place, key), 0)
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
        return heed(machines, ask, fits_of(ask, cpu, memory, gpus))

    def is_enough(self) -> bool:
        if self._short and self._tree.members(self._leaf, self._amounts, self._least) < self._least:
            return False
        return (self._machines.together(self._ask, self._fits) if self._ask.topology else self._sum) >= self._least

    def give(self, item: Item) -> None:
        self._move(item, -1)

    def take_back(self, item: Item) -> None:
        self._move(item, 1)

    def _move(self, item: Item, sign: int) -> None:
        self._tree.take(self._tree.leaves[item.holding.queue_id], item.amounts, sign)
        self._machines.occupy(item.holding.ask, item.assignments, sign)
        for at in {self._machines.index.get(node) for node, _ in item.assignments}:
            if at is not None:
                now = self._machines.members_at(at, self._ask, self.flavor, self._ends_at)
                self._sum += now - int(self._fits[at])
                self._fits[at] = now

    def places(self) -> tuple[Assignment, ...]:
        """Where the preemptor would go now; nothing is taken."""
        chosen = self._machines.choose(self._ask, self.flavor, self._least, self._fits)
        if chosen is None:
            raise ValueError("what is enough has a place")
        places = tuple(self._machines.place(self._ask, self.flavor, chosen))
        self._machines.release(self._ask, places)
        return places
