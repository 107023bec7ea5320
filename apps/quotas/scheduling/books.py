"""The books of one cycle: quotas, machines, what is kept for whom; they change as the cycle gives things away."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from uuid import UUID

from apps.quotas.scheduling.fair_share import Candidate, Shares
from apps.quotas.scheduling.fit import Counts, Machines
from apps.quotas.scheduling.preemption import Plan, Preemption
from apps.quotas.scheduling.reservation import Coming, Forecast, Hold, quota_hold
from apps.quotas.scheduling.snapshot import CPU_MILLIS, GPUS, WHOLE, Ask, Assignment, Holding, Key, Snapshot
from apps.quotas.scheduling.tree import Amounts, Place, Tree, allowed, amounts_of, capacity_of, guaranteed, measured

CAP, NO_QUOTA, QUOTA, PROMISED, MACHINES, KEPT = "cap", "no_quota", "quota", "promised", "machines", "kept"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why something does not fit now.

    `cap`: its queue runs as many workloads as it may. `no_quota`: nothing of a resource is allowed. `quota`: a place
    bounds it. `promised`: what is left there is kept for another. `machines`: no room; `kept`: it is kept for another.
    """

    kind: str
    flavor: str = ""
    key: Key = ("", "")
    place: Place | None = None
    left: float = 0.0
    """Of that resource there."""

    @property
    def by_other(self) -> bool:
        """Whether something that ends sooner might pass."""
        return self.kind in (PROMISED, KEPT)


_NEAREST = {KEPT: 0, MACHINES: 1, PROMISED: 2, QUOTA: 3, NO_QUOTA: 4, CAP: 5}
"""Of several kinds of GPU that fail, the one that is nearest to a place is told of."""


class Books:
    def __init__(self, snapshot: Snapshot) -> None:
        """Raises ValueError: a cohort is its own ancestor."""
        self.snapshot = snapshot
        self.machines = Machines(snapshot.nodes)
        self.tree = Tree(self._capacity(), snapshot.queues, snapshot.cohorts)
        self.holders: Counter[UUID] = Counter()
        for holding in snapshot.holdings:
            self.machines.occupy(holding.ask, holding.assignments)
            leaf = self.tree.leaves.get(holding.queue_id)
            if leaf is not None:
                self.tree.take(leaf, amounts_of(holding.ask, holding.flavor, len(holding.assignments)))
                self.holders[holding.queue_id] += 1
        self.shares = Shares(self.tree, snapshot.policy)
        self.preemption = Preemption(self.tree, self.machines, snapshot.holdings, snapshot.policy, snapshot.at)
        self._holds: dict[tuple[int, Key], Hold] = {}
        self._full: dict[tuple[Ask, str], int] = {}
        """Kind → the fewest members that the machines could not take: nor will they later in the same cycle."""
        self._machines_most: dict[tuple[Ask, str], int] = {}
        self._most_of_one: dict[Key, int] = {}
        self._reserved: set[str] = set()
        """Kinds of GPU on whose machines places are kept."""

    def _capacity(self) -> dict[Key, int]:
        """What ready machines have, and what is still held on others."""
        ready = {node.name for node in self.snapshot.nodes if node.ready}
        total = Counter(capacity_of(node for node in self.snapshot.nodes if node.ready))
        for one in self.snapshot.holdings:
            lost = sum(place.node not in ready for place in one.assignments)
            if lost:
                total.update(amounts_of(one.ask, one.flavor, lost))
        return dict(total)

    @cached_property
    def whole(self) -> Machines:
        """All machines as if nothing ran and all were there."""
        return Machines(replace(node, ready=True) for node in self.snapshot.nodes)

    def machines_most(self, ask: Ask, flavor: str) -> int:
        """Members that all machines could hold if nothing ran."""
        if (ask, flavor) not in self._machines_most:
            self._machines_most[ask, flavor] = self.whole.together(ask, self.whole.members(ask, flavor))
        return self._machines_most[ask, flavor]

    def most_of_one(self, key: Key) -> int:
        """The most of a resource on one machine."""
        resource, flavor = key
        if key not in self._most_of_one:
            amounts = (
                WHOLE * sum(flavor in ("", gpu.flavor) for gpu in node.gpus)
                if resource == GPUS
                else node.cpu_millis
                if resource == CPU_MILLIS
                else node.memory_bytes
                for node in self.snapshot.nodes
            )
            self._most_of_one[key] = max(amounts, default=0)
        return self._most_of_one[key]

    @cached_property
    def empty(self) -> Tree:
        """The quotas as if nobody held anything and all machines were there."""
        return Tree(capacity_of(self.snapshot.nodes), self.snapshot.queues, self.snapshot.cohorts)

    @cached_property
    def forecast(self) -> Forecast:
        return Forecast(self.machines, self.snapshot.holdings, self.snapshot.at)

    @cached_property
    def _below(self) -> dict[int, list[Holding]]:
        """Place → what is held below it."""
        found: dict[int, list[Holding]] = defaultdict(list)
        for holding in self.snapshot.holdings:
            leaf = self.tree.leaves.get(holding.queue_id)
            for place in leaf.path if leaf is not None else ():
                found[id(place)].append(holding)
        return found

    def options(self, ask: Ask) -> list[str]:
        """The kinds of GPU that would do; one empty name when none is asked for."""
        if not ask.gpus:
            return [""]
        return [ask.flavor] if ask.flavor else self.machines.flavors

    def fit(self, one: Candidate, leaf: Place) -> tuple[str, int, list[tuple[int, int]]] | Blocked:
        """The kind of GPU of which most members fit, how many, on which nodes; or why fewer than the least do.

        Of several kinds that do, one that is guaranteed to the queue, then the one of which most is left.
        """
        most = leaf.queue.running_most if leaf.queue is not None else None
        if most is not None and self.holders[one.queue_id] >= most and not one.grows:
            return Blocked(CAP, left=most)
        found: list[tuple[int, bool, int, str, Counts]] = []
        blocked: list[Blocked] = []
        for flavor in self.options(one.ask):
            here = self._fit(one, leaf, flavor)
            if isinstance(here, Blocked):
                blocked.append(here)
            else:
                amounts = amounts_of(one.ask, flavor, here[0])
                inside = guaranteed(leaf, amounts, measured(amounts))
                found.append((here[0], inside, int(self.machines.devices.left(flavor).sum()), flavor, here[1]))
        if not found:
            nearest = min(blocked, key=lambda each: _NEAREST[each.kind], default=None)
            return nearest or Blocked(MACHINES, one.ask.flavor)
        count, _, _, flavor, fits = max(found, key=lambda each: each[:3])
        chosen = self.machines.choose(one.ask, flavor, count, fits)
        if chosen is None:
            raise ValueError(f"{count} members were counted and have no place")
        return flavor, count, chosen

    def _fit(self, one: Candidate, leaf: Place, flavor: str) -> tuple[int, Counts] | Blocked:
        amounts = amounts_of(one.ask, flavor)
        absent = allowed(leaf.limits, amounts)
        if absent is not None:
            return Blocked(NO_QUOTA, flavor, absent, leaf)
        most = self.tree.members(leaf, amounts, one.most)
        if most < one.least:
            bounding = self.tree.bounding(leaf, amounts, one.least)
            if bounding is None:
                return self._turned_away(one, flavor)
            return Blocked(QUOTA, flavor, *bounding)
        if self._full.get((one.ask, flavor), inf) <= one.least:
            return Blocked(MACHINES, flavor)
        if self._holds:
            most = self._beside(one, leaf, amounts, most)
            if most < one.least:
                return Blocked(PROMISED, flavor)
        fits = self.machines.members(one.ask, flavor, one.ends_at)
        count = min(most, self.machines.together(one.ask, fits))
        if count >= one.least:
            return count, fits
        now = self.machines.members(one.ask, flavor) if self.machines.reserved else fits
        if self.machines.together(one.ask, now) >= one.least:
            return Blocked(KEPT, flavor)
        return self._turned_away(one, flavor)

    def _turned_away(self, one: Candidate, flavor: str) -> Blocked:
        self._full[one.ask, flavor] = min(one.least, self._full.get((one.ask, flavor), one.least))
        return Blocked(MACHINES, flavor)

    def _beside(self, one: Candidate, leaf: Place, amounts: Amounts, most: int) -> int:
        """How many members fit beside what is kept for others that wait for a quota."""
        for place in leaf.path:
            for key, need in amounts.items():
                hold = self._holds.get((id(place), key))
                if hold is not None and need and one.ends_at > hold.until:
                    most = min(most, int(max(0.0, hold.spare) // need))
        return most

    def is_full(self, ask: Ask, least: int) -> bool:
        """Whether the machines have turned such members away already, whatever kind of GPU they get."""
        return all(self._full.get((ask, flavor), inf) <= least for flavor in self.options(ask))

    def give(
        self, one: Candidate, leaf: Place, flavor: str, count: int, chosen: list[tuple[int, int]]
    ) -> tuple[Assignment, ...]:
        """Members get their places on the chosen nodes."""
        places = tuple(self.machines.place(one.ask, flavor, chosen, one.ends_at))
        self.enter(one.queue_id, leaf, one.ask, flavor, count)
        if self._holds:
            for key, amount in amounts_of(one.ask, flavor, count).items():
                for place in leaf.path:
                    hold = self._holds.get((id(place), key))
                    if hold is not None and one.ends_at > hold.until:
                        hold.spare -= amount
        return places

    def enter(self, queue_id: UUID, leaf: Place, ask: Ask, flavor: str, count: int) -> None:
        """Members are held by a queue from now on."""
        amounts = amounts_of(ask, flavor, count)
        self.tree.take(leaf, amounts)
        self.shares.enter(leaf, amounts)
        self.holders[queue_id] += 1

    def keep(self, one: Candidate, leaf: Place, why: Blocked) -> float | None:
        """Keep for it what it waits for, if nobody else waits for the same before it. Returns from when, if known."""
        if why.kind == QUOTA and why.place is not None and (id(why.place), why.key) not in self._holds:
            need = amounts_of(one.ask, why.flavor, one.least)[why.key]
            hold = quota_hold(why.key, need, why.left, self._below[id(why.place)], self.snapshot.at)
            self._holds[id(why.place), why.key] = hold
            return hold.until if hold.until < inf else None
        if why.kind != MACHINES:
            return None
        return self._keep_places(one)

    def _keep_places(self, one: Candidate) -> float | None:
        options = self.options(one.ask)
        if self._reserved.intersection(options):
            return None
        found = [(coming.at, coming) for flavor in options if (coming := self._coming(one, flavor)) is not None]
        if not found:
            return None
        at, coming = min(found, key=lambda each: each[0])
        self._reserved.update(options)
        self.machines.keep(one.ask, coming if self.snapshot.policy.backfill else replace(coming, at=-inf))
        return at

    def _coming(self, one: Candidate, flavor: str) -> Coming | None:
        return self.forecast.earliest(one.ask, flavor, one.least)

    def promise(self, queue_id: UUID, ask: Ask, flavor: str, assignments: tuple[Assignment, ...]) -> None:
        """Places that are being freed are nobody else's, nor is the quota for them."""
        self.machines.occupy(ask, assignments)
        self.tree.take(self.tree.leaves[queue_id], amounts_of(ask, flavor, len(assignments)))

    def preempt(self, one: Candidate, plan: Plan) -> None:
        """What a plan comes to in the books: who goes stays in them until it is gone."""
        self.preemption.leaving.update(plan.kills, plan.shrinks)
        self.promise(one.queue_id, one.ask, plan.flavor, plan.assignments)
