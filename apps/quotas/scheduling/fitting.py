"""Whether and where something that waits fits now."""

from __future__ import annotations

from math import inf

from apps.quotas.scheduling.blocked import CAP, CAP_GPUS, KEPT, MACHINES, NEAREST, NO_QUOTA, PROMISED, QUOTA, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Counts, Marks, has_any
from apps.quotas.scheduling.snapshot import Ask, Key, Waiting
from apps.quotas.scheduling.tree import Amounts, Place, allowed, amounts_of, is_inside


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
        found: list[tuple[int, bool, int, str, Counts | Marks]] = []
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
        chosen = self.books.machines.choose(one.ask, flavor, count, fits)
        if chosen is None:
            raise ValueError(f"{count} members were counted and have no place")
        return flavor, count, chosen

    def _fit(self, one: Candidate, leaf: Place, flavor: str, most: int) -> tuple[int, Counts | Marks] | Blocked:
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
        is_one = most == 1 and not one.ask.topology and not one.grows
        here = self._one_now(one, flavor) if is_one else self._many_now(one, flavor, most)
        if here is not None:
            return here
        room = self._room_beside(one, flavor)
        if room >= one.least:
            bound = self._held_back.get((one.ask, flavor, one.least), inf)
            self._held_back[one.ask, flavor, one.least] = min(one.ends_at, bound)
            return Blocked(KEPT, flavor)
        if not one.grows:
            self._room[one.ask, flavor] = room
        return self._turned_away(one, flavor)

    def _one_now(self, one: Candidate, flavor: str) -> tuple[int, Marks] | None:
        """Where one member has room, which is quicker to see than how many have."""
        room = self.books.machines.room_for_one(one.ask, flavor, one.ends_at)
        return (1, room) if has_any(room) else None

    def _many_now(self, one: Candidate, flavor: str, most: int) -> tuple[int, Counts] | None:
        machines = self.books.machines
        fits = machines.members(one.ask, flavor, one.ends_at)
        if one.grows:
            fits = machines.beside(one.ask, one.item.assignments, fits)
        count = min(most, machines.together(one.ask, fits))
        return (count, fits) if count >= one.least else None

    def _room_beside(self, one: Candidate, flavor: str) -> int:
        """Members for which there would be room if nothing were kept for others."""
        machines = self.books.machines
        is_one = one.least == 1 and not one.ask.topology
        if not machines.reserved and (is_one or one.grows):
            return 0  # that was counted already
        if is_one:
            return int(has_any(machines.room_for_one(one.ask, flavor)))
        return machines.together(one.ask, machines.members(one.ask, flavor))

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
