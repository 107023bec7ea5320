"""The books of one cycle: quotas, machines, what is kept for whom; they change as the cycle gives things away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from uuid import UUID

import numpy as np

from apps.quotas.scheduling.blocked import MACHINES, QUOTA, Blocked
from apps.quotas.scheduling.fair_share import Candidate, Shares
from apps.quotas.scheduling.fit import Counts
from apps.quotas.scheduling.held import Held, by_queue
from apps.quotas.scheduling.idle_pool import IdlePool
from apps.quotas.scheduling.inventory import inventory_of
from apps.quotas.scheduling.occupancy import Occupancy, occupy
from apps.quotas.scheduling.preemption import Plan, Preemption
from apps.quotas.scheduling.quota_holds import QuotaHolds
from apps.quotas.scheduling.reservation import SOON_SECONDS, Coming, Forecast, Moments, expected_end
from apps.quotas.scheduling.shapes import Want
from apps.quotas.scheduling.snapshot import Ask, Assignment, Holding, Key, Snapshot, Waiting
from apps.quotas.scheduling.tree import Amounts, Place, Tree, allowed, amounts_of


@dataclass(slots=True, eq=False)
class Given:
    """Members that a queue got in this cycle, or was promised."""

    leaf: Place
    ask: Ask
    flavor: str
    assignments: tuple[Assignment, ...]
    ends: float
    """When it is expected to have ended."""


class Books:
    def __init__(self, snapshot: Snapshot) -> None:
        """Raises ValueError: a cohort is its own ancestor."""
        self.snapshot = snapshot
        self._inventory = inventory_of(snapshot.nodes)
        self.machines = self._inventory.ready.copy()
        self._occupancy = Occupancy(self.machines, snapshot.holdings)
        self.tree = Tree(self._capacity(), snapshot.queues, snapshot.cohorts)
        self.holders = Counter(holding.queue_id for holding in snapshot.holdings)
        """Workloads of a queue that hold something, or are promised it."""
        self.given: list[Given] = []
        """What was given or promised in this cycle."""
        occupy(self.machines, self._occupancy)
        held = by_queue(snapshot.holdings)
        for queue_id, leaf in self.tree.leaves.items():
            self.tree.take(leaf, held.get(queue_id.int, {}))
        self.shares = Shares(self.tree, snapshot.policy)
        self.holds = QuotaHolds(self.tree)
        self._reserved: set[str] = set()
        """Kinds of GPU on whose machines places are kept."""

    def _capacity(self) -> dict[Key, int]:
        """What ready machines have, and what is still held on others."""
        ready = self._inventory.ready_names
        total = Counter(self._inventory.ready_capacity)
        if len(self._occupancy.node) == sum([len(one.assignments) for one in self.snapshot.holdings]):
            return dict(total)
        for one in self.snapshot.holdings:
            lost = sum(place.node not in ready for place in one.assignments)
            if lost:
                total.update(amounts_of(one.ask, one.flavor, lost))
        return dict(total)

    @cached_property
    def idle(self) -> IdlePool:
        return IdlePool(self.snapshot, self._inventory)

    @cached_property
    def held(self) -> Held:
        return Held(self.snapshot.holdings, self._occupancy, self.tree, self.snapshot.policy, self.snapshot.at)

    @cached_property
    def preemption(self) -> Preemption:
        return Preemption(self.tree, self.machines, self.held, self.snapshot.policy)

    def options(self, ask: Ask) -> list[str]:
        """The kinds of GPU that would do; one empty name when none is asked for."""
        if not ask.gpus:
            return [""]
        return [ask.flavor] if ask.flavor else self.machines.flavors

    def is_reserved(self, flavor: str) -> bool:
        """Whether places are kept already on the machines with that kind of GPU."""
        return flavor in self._reserved

    def heeded(self, one: Waiting) -> Waiting:
        """With the nodes that it avoids as long as the others could hold it, if nothing else ran; else without."""
        ask, least = one.ask, one.count_min
        if not ask.avoids or any(self.idle.members(ask, kind) >= least for kind in self.options(ask)):
            return one
        return replace(one, ask=ask._replace(avoids=()))

    def is_capped(self, leaf: Place, queue_id: UUID) -> bool:
        """Whether a queue has as many workloads at once as it may."""
        most = leaf.queue.running_most if leaf.queue is not None else None
        return most is not None and self.holders[queue_id] >= most

    def give(
        self, one: Candidate, leaf: Place, want: Want, count: int, chosen: list[tuple[int, int]]
    ) -> tuple[Assignment, ...]:
        """Members get their places on the chosen nodes."""
        places = tuple(self.machines.place(want.ask, want.flavor, chosen, one.ends_at))
        amounts = want.amounts if count == 1 else amounts_of(want.ask, want.flavor, count)
        if self.holds:
            self.holds.spend(leaf, amounts, one.ends_at)
        self._enter(leaf, amounts)
        if not one.grows:
            self.holders[one.queue_id] += 1
        self._note(leaf, want.ask, want.flavor, places, one.ends_at)
        return places

    def take_up(self, one: Waiting, leaf: Place) -> None:
        """It gets what was promised."""
        self.machines.occupy(one.ask, one.nominated)
        self._enter(leaf, amounts_of(one.ask, one.nominated_flavor, len(one.nominated)))
        self.holders[one.queue_id] += 1
        ends_at = self.snapshot.at + one.limit_seconds
        self._note(leaf, one.ask, one.nominated_flavor, one.nominated, ends_at)

    def _note(self, leaf: Place, ask: Ask, flavor: str, places: tuple[Assignment, ...], ends_at: float) -> None:
        self.given.append(Given(leaf, ask, flavor, places, expected_end(ends_at, self.snapshot.at)))

    def _enter(self, leaf: Place, amounts: Amounts) -> None:
        """So much is held by a queue from now on."""
        self.tree.take(leaf, amounts)
        self.shares.enter(leaf, amounts)

    def keep(self, one: Candidate, leaf: Place, why: Blocked) -> float | None:
        """Keep for it what it waits for, if nobody else waits for the same before it. Returns from when, if known."""
        if why.kind == QUOTA and why.place is not None:
            need = amounts_of(one.ask, why.flavor, one.least)[why.key]
            return self.holds.keep(leaf, why.place, why.key, need, self._returns)
        if why.kind != MACHINES:
            return None
        return self._keep_places(one, leaf)

    def _keep_places(self, one: Candidate, leaf: Place) -> float | None:
        options = self.options(one.ask)
        if self._reserved.intersection(options):
            return None
        held = self._occupancy.joined(Occupancy(self.machines, self.given))
        late = np.array([each.ends for each in self.given], np.float64)
        ends = np.concatenate([self.held.ends(self.preemption.leaving), late])
        forecast = Forecast(self.machines, held, ends)
        found = [coming for flavor in options if (coming := self._coming(forecast, one, leaf, flavor)) is not None]
        if not found:
            return None
        coming = min(found, key=lambda each: each.at)
        self._reserved.update(options)
        self.machines.keep(one.ask, coming if self.snapshot.policy.backfill else replace(coming, at=-inf))
        amounts = amounts_of(one.ask, coming.flavor, one.least)
        self.holds.keep_all(leaf, amounts, coming.at, self._returns)
        return coming.at

    def _returns(self, place: Place, key: Key) -> tuple[Moments, Counts]:
        """When how much is given back of what is held below a place, or was given or promised in this cycle."""
        amounts, ends = self.held.below(place, key), self.held.ends(self.preemption.leaving)
        more = [one for one in self.given if place in one.leaf.path]
        just = [amounts_of(one.ask, one.flavor, len(one.assignments)).get(key, 0) for one in more]
        late = [one.ends for one in more]
        return np.concatenate([ends, np.array(late)]), np.concatenate([amounts, np.array(just, np.int64)])

    def _coming(self, forecast: Forecast, one: Candidate, leaf: Place, flavor: str) -> Coming | None:
        amounts = amounts_of(one.ask, flavor)
        if allowed(leaf.limits, amounts) is not None or self.tree.bounding(leaf, amounts, one.least) is not None:
            return None  # its quota is not free: it is no use to keep machines for it
        return forecast.earliest(one.ask, flavor, one.least)

    def promise(
        self, one: Waiting, flavor: str, assignments: tuple[Assignment, ...], leaving: Iterable[Holding]
    ) -> None:
        """Places that are being freed are nobody else's, nor is the quota for them.

        Args:
            leaving: what leaves for it.
        """
        leaf = self.tree.leaves[one.queue_id]
        amounts = amounts_of(one.ask, flavor, len(assignments))
        self.machines.occupy(one.ask, assignments)
        own = {(id(place), key): self.tree.slack(leaf, place, key) for place in leaf.path for key in amounts}
        self.tree.take(leaf, amounts)
        self.shares.changed(leaf)
        self.holders[one.queue_id] += 1
        self._replace(leaf, amounts, leaving, own)
        ends_at = self.snapshot.at + SOON_SECONDS + one.limit_seconds
        self._note(leaf, one.ask, flavor, assignments, ends_at)

    def _replace(
        self, leaf: Place, amounts: Amounts, leaving: Iterable[Holding], own: dict[tuple[int, Key], int]
    ) -> None:
        """Where both are counted, what is promised takes the place of what leaves for it.

        Args:
            own: of what is promised, how much raises no claim of a place, since it was kept below it already.
        """
        left = dict(amounts)
        for holding in leaving:
            other = self.tree.leaves.get(holding.queue_id)
            theirs = amounts_of(holding.ask, holding.flavor, len(holding.assignments))
            both = {key: min(left[key], amount) for key, amount in theirs.items() if left.get(key)}
            if other is not None and both:
                common = next(place for place in other.path if place in leaf.path)
                claims = {key: max(0, amount - own[id(common), key]) for key, amount in both.items()}
                self.tree.credit(common, both, claims)
                for key, amount in both.items():
                    left[key] -= amount
                    own[id(common), key] -= amount - claims[key]

    def preempt(self, one: Candidate, plan: Plan) -> None:
        """What a plan comes to in the books: who goes stays in them until it is gone."""
        self.preemption.leaving.update(plan.kills, plan.shrinks)
        self.promise(one.item, plan.flavor, plan.assignments, plan.gone)
