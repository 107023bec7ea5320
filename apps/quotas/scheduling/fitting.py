"""Whether and where something that waits fits now."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from apps.quotas.scheduling.blocked import CAP, CAP_GPUS, KEPT, MACHINES, NEAREST, NO_QUOTA, PROMISED, QUOTA, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Counts
from apps.quotas.scheduling.snapshot import Ask, Key, Waiting
from apps.quotas.scheduling.tree import Amounts, Place, allowed, amounts_of, is_inside


class Nodes(NamedTuple):
    """On which there is room for a member."""

    which: Counts


class Fitting:
    """Remembers in one cycle what did not fit: nor will it later."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._full: dict[tuple[Ask, str], int] = {}
        """Kind → the fewest members that the machines could not take: nor will they later in the same cycle."""
        self._held_back: dict[tuple[Ask, str, int], float] = {}
        """Kind and members → what ends so late, or later, has found only what is kept."""
        self._room: dict[tuple[Ask, str], int] = {}
        """Kind → members that the machines could take when they were counted last: no more later."""
        self._absents: dict[tuple[int, str | None], Key | None] = {}

    def _most(self, one: Candidate, leaf: Place) -> int:
        """Members that it wants, as far as its queue lets one workload have so many devices."""
        most = leaf.queue.gpus_per_run_most if leaf.queue is not None else None
        if most is None or not one.ask.gpus:
            return one.most
        has = len(one.item.assignments) if one.grows else 0
        return min(one.most, most // one.ask.gpus - has)

    def fit(self, one: Candidate, leaf: Place) -> tuple[str, int, list[tuple[int, int]]] | Blocked:
        """The kind of GPU of which most members fit, how many, on which nodes; or why fewer than the least do.

        Of several kinds that do, one that is guaranteed to the queue, then the one of which most is left.
        """
        if not one.grows and self.books.is_capped(leaf, one.queue_id):
            return Blocked(CAP, left=self.books.holders[one.queue_id])
        most = self._most(one, leaf)
        if most < one.least:
            return Blocked(CAP_GPUS)
        found: list[tuple[int, bool, int, str, Counts | Nodes]] = []
        blocked: list[Blocked] = []
        for flavor in self.books.options(one.ask):
            here = self._fit(one, leaf, flavor, most)
            if isinstance(here, Blocked):
                blocked.append(here)
            else:
                inside = is_inside(leaf, one.ask, flavor, here[0])
                found.append((here[0], inside, self.books.machines.devices.sum_left(flavor), flavor, here[1]))
        if not found:
            nearest = min(blocked, key=lambda each: NEAREST[each.kind], default=None)
            return nearest or Blocked(MACHINES, one.ask.flavor)
        count, _, _, flavor, fits = max(found, key=lambda each: each[:3])
        if isinstance(fits, Nodes):
            return flavor, 1, [(self.books.machines.tightest(one.ask, flavor, fits.which), 1)]
        chosen = self.books.machines.choose(one.ask, flavor, count, fits)
        if chosen is None:
            raise ValueError(f"{count} members were counted and have no place")
        return flavor, count, chosen

    def _fit(self, one: Candidate, leaf: Place, flavor: str, most: int) -> tuple[int, Counts | Nodes] | Blocked:
        amounts = amounts_of(one.ask, flavor)
        absent = self._absent(leaf, one.ask, flavor, amounts)
        if absent is not None:
            return Blocked(NO_QUOTA, flavor, absent, leaf)
        most = self.books.tree.members(leaf, amounts, most)
        if most < one.least:
            bounding = self.books.tree.bounding(leaf, amounts, one.least)
            if bounding is None:
                return self._turned_away(one, flavor)
            return Blocked(QUOTA, flavor, *bounding)
        if self._full.get((one.ask, flavor), inf) <= one.least:
            return Blocked(MACHINES, flavor)
        most = self.books.holds.members(leaf, amounts, one.ends_at, most)
        if most < one.least:
            return Blocked(PROMISED, flavor)
        if self._room.get((one.ask, flavor), inf) < one.least:
            return self._turned_away(one, flavor)
        if most == 1 and not one.ask.topology and not one.grows:
            return self._one_now(one, flavor)
        return self._grown_now(one, flavor, most) if one.grows else self._many_now(one, flavor, most)

    def _many_now(self, one: Candidate, flavor: str, most: int) -> tuple[int, Counts] | Blocked:
        """How many members have room on which nodes: first as if nothing were kept, which is counted already."""
        machines = self.books.machines
        fits = machines.members(one.ask, flavor)
        room = machines.together(one.ask, fits)
        if room < one.least:
            self._room[one.ask, flavor] = room
            return self._turned_away(one, flavor)
        if machines.reserved:
            if self._is_held_back(one, flavor):
                return Blocked(KEPT, flavor)
            fits = machines.members(one.ask, flavor, one.ends_at)
            room = machines.together(one.ask, fits)
        return (min(most, room), fits) if room >= one.least else self._kept(one, flavor)

    def _grown_now(self, one: Candidate, flavor: str, most: int) -> tuple[int, Counts] | Blocked:
        """As `_many_now`, of members that join others."""
        machines = self.books.machines
        fits = machines.beside(one.ask, one.item.assignments, machines.members(one.ask, flavor, one.ends_at))
        count = min(most, machines.together(one.ask, fits))
        if count >= one.least:
            return count, fits
        if machines.reserved and machines.together(one.ask, machines.members(one.ask, flavor)) >= one.least:
            # Others with this topology may have it elsewhere.
            return Blocked(KEPT, flavor) if one.ask.topology else self._kept(one, flavor)
        return self._turned_away(one, flavor)

    def _one_now(self, one: Candidate, flavor: str) -> tuple[int, Nodes] | Blocked:
        """Where one member has room, which is quicker to see than how many have."""
        which = self.books.machines.nodes_for_one(one.ask, flavor)
        if not len(which):
            self._room[one.ask, flavor] = 0
            return self._turned_away(one, flavor)
        if self.books.machines.reserved:
            if self._is_held_back(one, flavor):
                return Blocked(KEPT, flavor)
            which = self.books.machines.beside_kept(which, one.ask, flavor, one.ends_at)
        return (1, Nodes(which)) if len(which) else self._kept(one, flavor)

    def _is_held_back(self, one: Candidate, flavor: str) -> bool:
        """Whether what ended as late, or earlier, has found only what is kept."""
        bound = self._held_back.get((one.ask, flavor, one.least))
        return bound is not None and bound <= one.ends_at

    def _kept(self, one: Candidate, flavor: str) -> Blocked:
        """There is room, but what there is is kept for another: so it is for what ends as late, or later."""
        kind = one.ask, flavor, one.least
        self._held_back[kind] = min(one.ends_at, self._held_back.get(kind, inf))
        return Blocked(KEPT, flavor)

    def _absent(self, leaf: Place, ask: Ask, flavor: str, amounts: Amounts) -> Key | None:
        """What a queue may not use at all of what is asked for."""
        kind = (id(leaf), flavor if ask.gpus else None)
        if kind not in self._absents:
            self._absents[kind] = allowed(leaf.limits, amounts)
        return self._absents[kind]

    def _turned_away(self, one: Candidate, flavor: str) -> Blocked:
        if self.books.idle.members(one.ask, flavor) >= one.least:  # else it is for its own queue to be told so
            self._full[one.ask, flavor] = min(one.least, self._full.get((one.ask, flavor), one.least))
        return Blocked(MACHINES, flavor)

    def is_full(self, one: Waiting, leaf: Place, ends_at: float, *, hopeless: bool) -> bool:
        """Whether the machines have turned its like away already, whatever kind of GPU they get, and nobody would make
        room for it.

        Args:
            hopeless: nobody makes room for anybody.
        """
        ask, least = one.ask, one.count_min
        options = self.books.options(ask)
        for kind in options:
            bound = self._held_back.get((ask, kind, least))
            if self._full.get((ask, kind), inf) > least and (bound is None or ends_at < bound):
                return False
        if hopeless:
            return True
        if one.preempts:
            return False
        if not self.books.snapshot.policy.may_reclaim(self.books.snapshot.at - one.created_at):
            return True
        return not any(is_inside(p, ask, kind, least) for kind in options for p in leaf.path[:-1])
