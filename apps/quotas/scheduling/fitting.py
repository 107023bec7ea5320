"""Whether and where something that waits fits now."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from apps.quotas.scheduling.blocked import CAP, CAP_GPUS, KEPT, MACHINES, NEAREST, NO_QUOTA, PROMISED, QUOTA, Blocked
from apps.quotas.scheduling.books import Books
from apps.quotas.scheduling.fair_share import Candidate
from apps.quotas.scheduling.fit import Counts
from apps.quotas.scheduling.nominal import is_inside
from apps.quotas.scheduling.refusal import Why, refusal
from apps.quotas.scheduling.shapes import Shape, Shapes, Want
from apps.quotas.scheduling.snapshot import Key, Waiting
from apps.quotas.scheduling.tree import Place, Tree, allowed


class Nodes(NamedTuple):
    """On which there is room for a member."""

    which: Counts


class Fitting:
    """Remembers in one cycle what did not fit: nor will it later."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.shape = Shapes(books.machines.flavors).of
        """What is known of an ask in this cycle."""
        self._nevers: dict[tuple[int, Shape, int], Why | None] = {}
        self._alikes: dict[int, int] = {}
        self._absents: dict[tuple[int, str | None], Key | None] = {}

    def shape_of(self, one: Candidate) -> Shape:
        """As `shape`, of what a candidate asks for."""
        return one.shape if one.shape is not None else self.shape(one.ask)

    def fit(self, one: Candidate, leaf: Place) -> tuple[Want, int, list[tuple[int, int]]] | Blocked:
        """The kind of GPU of which most members fit, how many, on which nodes; or why fewer than the least do.

        Of several kinds that do, one that is guaranteed to the queue, then the one of which most is left.
        """
        if not one.grows and self.books.is_capped(leaf, one.queue_id):
            return Blocked(CAP, left=self.books.holders[one.queue_id])
        most = _most(one, leaf)
        if most < one.least:
            return Blocked(CAP_GPUS)
        found: list[tuple[Want, int, Counts | Nodes]] = []
        blocked: list[Blocked] = []
        for want in self.shape_of(one).wants:
            here = self._fit(one, leaf, want, most)
            if isinstance(here, Blocked):
                blocked.append(here)
            else:
                found.append((want, *here))
        if not found:
            nearest = min(blocked, key=lambda each: NEAREST[each.kind], default=None)
            return nearest or Blocked(MACHINES, one.ask.flavor)
        want, count, fits = found[0] if len(found) == 1 else self._best(found, leaf)
        machines = self.books.machines
        if isinstance(fits, Nodes):
            return want, 1, [(machines.tightest(want.ask, want.flavor, fits.which), 1)]
        chosen = machines.choose(want.ask, want.flavor, count, fits)
        if chosen is None:
            raise ValueError(f"{count} members were counted and have no place")
        return want, count, chosen

    def _best(self, found: list[tuple[Want, int, Counts | Nodes]], leaf: Place) -> tuple[Want, int, Counts | Nodes]:
        sum_left = self.books.machines.devices.sum_left

        def rank(each: tuple[Want, int, Counts | Nodes]) -> tuple[int, bool, int]:
            want, count, _ = each
            return count, is_inside(leaf, want.ask, want.flavor, count), sum_left(want.flavor)

        return max(found, key=rank)

    def _fit(self, one: Candidate, leaf: Place, want: Want, most: int) -> tuple[int, Counts | Nodes] | Blocked:
        absent = self._absent(leaf, want)
        if absent is not None:
            return Blocked(NO_QUOTA, want.flavor, absent, leaf)
        books, least = self.books, one.least
        most = books.tree.members(leaf, want.amounts, most)
        if most < least:
            bounding = books.tree.bounding(leaf, want.amounts, least)
            if bounding is None:
                return self._turned_away(one, want)
            return Blocked(QUOTA, want.flavor, *bounding)
        if want.full <= least:
            return Blocked(MACHINES, want.flavor)
        if books.holds:
            most = books.holds.members(leaf, want.amounts, one.ends_at, most)
            if most < least:
                return Blocked(PROMISED, want.flavor)
        if want.room < least:
            return self._turned_away(one, want)
        if most == 1 and not want.ask.topology and not one.grows:
            return self._one_now(one, want)
        return self._grown_now(one, want, most) if one.grows else self._many_now(one, want, most)

    def _many_now(self, one: Candidate, want: Want, most: int) -> tuple[int, Counts] | Blocked:
        """How many members have room on which nodes: first as if nothing were kept, which is counted already."""
        machines, ask = self.books.machines, want.ask
        fits = machines.members(ask, want.flavor)
        room = machines.together(ask, fits)
        if room < one.least:
            want.room = room
            return self._turned_away(one, want)
        if machines.reserved:
            if want.is_full(one.least, one.ends_at):
                return Blocked(KEPT, want.flavor)
            fits = machines.members(ask, want.flavor, one.ends_at)
            room = machines.together(ask, fits)
        return (min(most, room), fits) if room >= one.least else self._kept(one, want)

    def _grown_now(self, one: Candidate, want: Want, most: int) -> tuple[int, Counts] | Blocked:
        """As `_many_now`, of members that join others."""
        machines, ask = self.books.machines, want.ask
        fits = machines.beside(ask, one.item.assignments, machines.members(ask, want.flavor, one.ends_at))
        count = min(most, machines.together(ask, fits))
        if count >= one.least:
            return count, fits
        if machines.reserved and machines.together(ask, machines.members(ask, want.flavor)) >= one.least:
            # Others with this topology may have it elsewhere.
            return Blocked(KEPT, want.flavor) if ask.topology else self._kept(one, want)
        return self._turned_away(one, want)

    def _one_now(self, one: Candidate, want: Want) -> tuple[int, Nodes] | Blocked:
        """Where one member has room, which is quicker to see than how many have."""
        machines = self.books.machines
        which = machines.nodes_for_one(want.ask, want.flavor)
        if not len(which):
            want.room = 0
            return self._turned_away(one, want)
        if machines.reserved:
            if want.is_full(1, one.ends_at):
                return Blocked(KEPT, want.flavor)
            which = machines.beside_kept(which, want.ask, want.flavor, one.ends_at)
        return (1, Nodes(which)) if len(which) else self._kept(one, want)

    def _absent(self, leaf: Place, want: Want) -> Key | None:
        """What a queue may not use at all of what is asked for."""
        kind = (id(leaf), want.flavor if want.ask.gpus else None)
        if kind not in self._absents:
            self._absents[kind] = allowed(leaf.limits, want.amounts)
        return self._absents[kind]

    def _turned_away(self, one: Candidate, want: Want) -> Blocked:
        if self.books.idle.members(want.ask, want.flavor) >= one.least:  # else it is for its own queue to be told so
            want.full = min(one.least, want.full)
            if not (want.ask.topology or one.grows):
                want.failed.add(want.size(one.least), -inf)
        return Blocked(MACHINES, want.flavor)

    def is_full(self, one: Waiting, shape: Shape, leaf: Place, ends_at: float, *, hopeless: bool) -> bool:
        """Whether the machines have turned its like away already, whatever kind of GPU they get, and nobody would make
        room for it.

        Args:
            hopeless: nobody makes room for anybody.
        """
        least = one.count_min
        for want in shape.wants:
            if not want.is_full(least, ends_at):
                if self._is_larger(one, shape, leaf, ends_at):
                    break
                return False
        if hopeless:
            return True
        if one.preempts:
            return False
        if not self.books.snapshot.policy.may_reclaim(self.books.snapshot.at - one.created_at):
            return True
        above = leaf.path[:-1]
        return not any(is_inside(place, one.ask, want.flavor, least) for want in shape.wants for place in above)

    def _is_larger(self, one: Waiting, shape: Shape, leaf: Place, ends_at: float) -> bool:
        """Whether the machines have turned smaller ones away, for which places are kept; and nothing else is in its
        way, which it would have to be told."""
        least, alike = one.count_min, self._alike(leaf)
        bound = shape.larger.get((alike, least))
        if bound is not None and bound <= ends_at:
            return True
        for want in shape.wants:
            if want.is_full(least, ends_at):
                continue
            if not (self.books.is_reserved(want.flavor) and want.failed.covers(want.size(least), ends_at)):
                return False
        if self.never(leaf, shape, least) is not None:
            return False
        for want in shape.wants:
            if self._absent(leaf, want) is not None or _is_bound(self.books.tree, leaf, want, least):
                return False
        shape.larger[alike, least] = ends_at
        return True

    def _alike(self, leaf: Place) -> int:
        """A number for a leaf; the same for those that only the pool bounds, if they may use the same resources."""
        known = self._alikes.get(id(leaf))
        if known is None:
            is_bounded = leaf.queue is None or any(place.bound for place in leaf.path[:-1])
            known = id(leaf) if is_bounded or leaf.queue is None else -1 - self.books.idle.alike(leaf.queue.id)
            self._alikes[id(leaf)] = known
        return known

    def never(self, leaf: Place, shape: Shape, least: int) -> Why | None:
        """Why so many members could not run even if nothing else did; None when they could."""
        key = (id(leaf), shape, least)
        if key not in self._nevers:
            self._nevers[key] = refusal(self.books, leaf, shape.ask, least)
        return self._nevers[key]

    def _kept(self, one: Candidate, want: Want) -> Blocked:
        """There is room, but what there is is kept for another: so it is for what ends as late, or later."""
        want.held_back[one.least] = min(one.ends_at, want.held_back.get(one.least, inf))
        if not (want.ask.topology or one.grows):
            want.failed.add(want.size(one.least), self.books.machines.kept.before(one.ends_at))
        return Blocked(KEPT, want.flavor)


def _most(one: Candidate, leaf: Place) -> int:
    """Members that it wants, as far as its queue lets one workload have so many devices."""
    most = leaf.queue.gpus_per_run_most if leaf.queue is not None else None
    if most is None or not one.ask.gpus:
        return one.most
    has = len(one.item.assignments) if one.grows else 0
    return min(one.most, most // one.ask.gpus - has)


def _is_bound(tree: Tree, leaf: Place, want: Want, least: int) -> bool:
    """Whether a limit is in the way, and not just that the pool has no more."""
    short = tree.members(leaf, want.amounts, least) < least
    return short and tree.bounding(leaf, want.amounts, least) is not None
