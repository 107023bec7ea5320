"""The books of a pool's quotas: a tree of claims, and how much of each resource its leaves may still take.

The pool is the root; what it has is its capacity. A node's nominal is guaranteed to all that is below it together:
the larger of its own and the sum of its children's. What a node does not lend counts as taken from its parent even
while it is idle; that, and what its children take, is its *claim*. A leaf may take more as long as no node above it
comes beyond its nominal and what it may borrow, and the root not beyond its capacity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    WHOLE,
    Ask,
    CohortView,
    Key,
    Limit,
    NodeView,
    QueueView,
)

CPU: Key = (CPU_MILLIS, "")
MEMORY: Key = (MEMORY_BYTES, "")
ALL_GPUS: Key = (GPUS, "")
Amounts = Mapping[Key, int]


def amounts_of(ask: Ask, flavor: str, count: int = 1) -> dict[Key, int]:
    """What members of a kind count: against the amounts of cores, memory, that kind of GPU and GPUs of all kinds."""
    found = {CPU: ask.cpu_millis * count, MEMORY: ask.memory_bytes * count}
    if ask.gpus:
        devices = ask.gpus * ask.gpu_millis * count
        found[ALL_GPUS] = devices
        found[GPUS, flavor] = devices
    return found


def capacity_of(nodes: Iterable[NodeView]) -> dict[Key, int]:
    """What machines have together."""
    total: dict[Key, int] = {CPU: 0, MEMORY: 0, ALL_GPUS: 0}
    for node in nodes:
        total[CPU] += node.cpu_millis
        total[MEMORY] += node.memory_bytes
        for gpu in node.gpus:
            total[ALL_GPUS] += WHOLE
            total[GPUS, gpu.flavor] = total.get((GPUS, gpu.flavor), 0) + WHOLE
    return total


@dataclass(slots=True, eq=False)
class Place:
    """A node of the tree. Amounts per key; a key without an entry: nothing guaranteed, nothing withheld, no bound."""

    name: str
    parent: Place | None
    weight: float
    queue: QueueView | None
    limits: dict[Key, Limit]
    nominal: dict[Key, int]
    """Guaranteed to it and all below."""
    bound: dict[Key, float]
    """Most it may claim."""
    kept: dict[Key, int]
    """Of its nominal, what it does not lend."""
    held: dict[Key, int]
    """What is held by all below it."""
    taken: dict[Key, int]
    """What its children claim; of a leaf what it holds."""
    path: tuple[Place, ...] = ()
    """Itself and all above it, up to the root."""
    below: list[Place] = field(default_factory=list)
    stops: dict[Key, list[Stop]] = field(default_factory=dict)
    """See `stops_of`."""

    def stops_of(self, key: Key) -> list[Stop]:
        """Those of its path that bound what may be taken of a resource, or do not lend all of theirs. These never
        change."""
        known = self.stops.get(key)
        if known is None:
            every = ((place, place.bound.get(key), place.kept.get(key, 0)) for place in self.path)
            known = self.stops[key] = [stop for stop in every if stop[1] is not None or stop[2]]
        return known

    def over(self, key: Key) -> int:
        """How much more than its nominal it holds: what it has borrowed. Of a kind of GPU of which none is guaranteed,
        as much as it holds more than its nominal of all kinds."""
        named = key if key in self.nominal or key[0] != GPUS else ALL_GPUS
        return max(0, min(self.held.get(named, 0) - self.nominal.get(named, 0), self.held.get(key, 0)))


Stop = tuple[Place, float | None, int]
"""A place, the most it may claim of a resource, and what it does not lend of it."""


class Tree:
    """All places of a pool."""

    def __init__(
        self, capacity: Amounts, queues: Iterable[QueueView], cohorts: Iterable[CohortView] = (), name: str = ""
    ) -> None:
        """Raises ValueError: a cohort is its own ancestor."""
        self.capacity = dict(capacity)
        self.root = _place(name, None, 1.0, (), None)
        self.root.bound = dict(capacity)
        self.cohorts = self._grown({cohort.id: cohort for cohort in cohorts})
        self.leaves: dict[UUID, Place] = {}
        for queue in queues:
            above = self.cohorts.get(queue.parent, self.root) if queue.parent else self.root
            self.leaves[queue.id] = _place(queue.project, above, queue.weight, queue.limits, queue)
        self._settle()
        self._keeps = any(place.kept for place in self.places)

    def _grown(self, views: Mapping[UUID, CohortView]) -> dict[UUID, Place]:
        made: dict[UUID, Place] = {}

        def make(view: CohortView, below: frozenset[UUID]) -> Place:
            if view.id in below:
                raise ValueError(f"cohort {view.name} is its own ancestor")
            if view.id not in made:
                parent = views.get(view.parent) if view.parent else None
                above = make(parent, below | {view.id}) if parent else self.root
                made[view.id] = _place(view.name, above, view.weight, view.limits, None)
            return made[view.id]

        for view in views.values():
            make(view, frozenset())
        return made

    @property
    def places(self) -> list[Place]:
        """Every place, those above after those below them; the root last."""
        inner = [*self.leaves.values(), *self.cohorts.values()]
        return [*sorted(inner, key=lambda place: -len(place.path)), self.root]

    def _settle(self) -> None:
        """Nominals, what is kept and the claims of an empty pool, from the leaves up."""
        below: dict[int, dict[Key, int]] = {}
        for place in self.places:
            summed = below.get(id(place), {})
            for key in {*summed, *place.limits}:
                own = place.limits[key].nominal if key in place.limits else 0
                place.nominal[key] = max(own, summed.get(key, 0))
            for key, limit in place.limits.items():
                if limit.borrowing is not None:
                    place.bound[key] = place.nominal[key] + limit.borrowing
                if limit.lending is not None:
                    place.kept[key] = max(0, place.nominal[key] - limit.lending)
            if place.parent is not None:
                above = below.setdefault(id(place.parent), {})
                for key, amount in place.nominal.items():
                    above[key] = above.get(key, 0) + amount
                for key, amount in place.kept.items():
                    self._claim(place.parent, key, max(0, amount - place.taken.get(key, 0)))

    @staticmethod
    def _claim(place: Place | None, key: Key, amount: int) -> None:
        """A claim below a place changes: so does what it and those above it have given away."""
        while place is not None and amount:
            before = place.taken.get(key, 0)
            place.taken[key] = before + amount
            kept = place.kept.get(key, 0)
            amount = max(kept, before + amount) - max(kept, before)
            place = place.parent

    def take(self, leaf: Place, amounts: Amounts, sign: int = 1) -> None:
        """A leaf holds more, or less with `sign` -1."""
        for key, amount in amounts.items():
            change = sign * amount
            if self._keeps:
                for place in leaf.path:
                    place.held[key] = place.held.get(key, 0) + change
                self._claim(leaf, key, change)
                continue
            for place in leaf.path:  # the same, where nobody keeps anything
                held, taken = place.held, place.taken
                held[key] = held.get(key, 0) + change
                taken[key] = taken.get(key, 0) + change

    def credit(self, place: Place, amounts: Amounts, claims: Amounts) -> None:
        """What is held below a place counts less there and above, and so much less is claimed of it: part of it takes
        the place of another part."""
        for key, amount in amounts.items():
            for each in place.path:
                each.held[key] = each.held.get(key, 0) - amount
            self._claim(place, key, -claims[key])

    @staticmethod
    def slack(leaf: Place, place: Place, key: Key) -> int:
        """How much a leaf may take before a place above it has to give more than it has given already."""
        slack = 0
        for below in leaf.path[: leaf.path.index(place)]:
            slack += max(0, below.kept.get(key, 0) - below.taken.get(key, 0))
        return slack

    def short(self, leaf: Place, amounts: Amounts, count: int) -> list[tuple[Key, Place, float]]:
        """Where so many members do not fit, and how much is lacking there."""
        found: list[tuple[Key, Place, float]] = []
        for key, need in amounts.items():
            slack = 0.0
            for place in leaf.path:
                taken = place.taken.get(key, 0)
                lacks = need * count - slack - max(0.0, place.bound.get(key, inf) - taken)
                if lacks > 0:
                    found.append((key, place, lacks))
                slack += max(0, place.kept.get(key, 0) - taken)
        return found

    def room(self, leaf: Place, key: Key, *, below_root: bool = False) -> tuple[float, Place]:
        """How much more of a resource a leaf may take, and the place that bounds it."""
        slack, most, bounding = 0.0, inf, leaf
        for place, bound, kept in leaf.stops_of(key):
            if below_root and place is self.root:
                break
            taken = place.taken.get(key, 0)
            if bound is not None:
                here = slack + bound - taken if bound > taken else slack
                if here < most:
                    most, bounding = here, place
            if kept > taken:
                slack += kept - taken
        return most, bounding

    @staticmethod
    def members(leaf: Place, amounts: Amounts, most: int) -> int:
        """How many members of these amounts a leaf may still take, `most` at most."""
        stops = leaf.stops
        for key, need in amounts.items():
            slack = 0.0
            for place, bound, kept in stops.get(key) or leaf.stops_of(key):
                taken = place.taken.get(key, 0)
                if bound is not None:
                    here = slack + bound - taken if bound > taken else slack
                    if here < need * most:
                        most = int(here // need)
                if kept > taken:
                    slack += kept - taken
        return most

    def bounding(self, leaf: Place, amounts: Amounts, count: int) -> tuple[Key, Place, float] | None:
        """The resource of which fewest members fit, the place that bounds it, and how much of it is left.

        None: no limit bounds so many members; if they do not fit, the pool itself has no more.
        """
        found = []
        for key, need in amounts.items():
            room, place = self.room(leaf, key, below_root=True)
            if room >= need * count and self.root.held.get(key, 0) + need * count <= self.capacity.get(key, 0):
                room, place = self.room(leaf, key)  # idle, but not lent
            if room < need * count:
                found.append((room / need, key, place, room))
        return min(found, key=lambda one: one[0])[1:] if found else None


def allowed(limits: Mapping[Key, Limit], amounts: Amounts) -> Key | None:
    """The first resource that is asked for without a limit that allows it; None when there is none."""
    gpus = any(resource == GPUS for resource, _ in amounts)
    for key in (CPU, MEMORY):
        if key not in limits:
            return key
    kinds = [key for key in amounts if key[0] == GPUS]
    return ALL_GPUS if gpus and not any(key in limits for key in kinds) else None


def _place(name: str, parent: Place | None, weight: float, limits: Iterable[Limit], queue: QueueView | None) -> Place:
    by_key = {limit.key: limit for limit in limits}
    place = Place(name, parent, weight, queue, by_key, {}, {}, {}, {}, {})
    place.path = (place, *parent.path) if parent is not None else (place,)
    if parent is not None:
        parent.below.append(place)
    return place
