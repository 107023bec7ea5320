"""Who is next: a contest up the tree of a pool, decided at every place between those below it.

Higher classes come first. Among equals, who stays inside a nominal, its queue's or that of a cohort above it, comes
before who borrows, all the way up: what is guaranteed to a queue is so however much its siblings have borrowed. Of the
guaranteed, the least used nominal comes first; of those who borrow, the lowest weighted dominant share (Ghodsi et al.,
Dominant Resource Fairness, 2011), in which what was held in the past counts with a half-life, and every admission as
if it had been held for a while already; then the older.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from math import inf
from typing import Any
from uuid import UUID

from apps.quotas.scheduling.nominal import is_inside, kinds
from apps.quotas.scheduling.shapes import Shape
from apps.quotas.scheduling.snapshot import GPUS, Ask, Key, Policy
from apps.quotas.scheduling.tree import ALL_GPUS, CPU, MEMORY, Amounts, Place, Tree


@dataclass(slots=True, eq=False)
class Candidate:
    """Something that waits, or an admitted workload that waits for more members."""

    item: Any
    """The `Waiting` or `Holding`."""
    id: UUID
    queue_id: UUID
    ask: Ask
    least: int
    most: int
    level: int
    """Its priority, and what it has gained by waiting."""
    since: float
    ends_at: float
    grows: bool = False
    shape: Shape | None = None
    """What is known of what it asks for, in a cycle."""


class Shares:
    """Weighted dominant shares of all places, as they change with admissions."""

    def __init__(self, tree: Tree, policy: Policy) -> None:
        self._capacity = {key: max(1, amount) for key, amount in tree.capacity.items()}
        self._now, self._past = 1.0 - policy.history_ratio, policy.history_ratio
        half_lives = policy.entry_penalty_seconds / max(1e-9, policy.half_life_seconds)
        self._entry = 1.0 - 0.5**half_lives
        self._known: dict[int, float] = {}
        self._history: dict[int, dict[Key, float]] = {id(place): {} for place in tree.places}
        for _, leaf in sorted(tree.leaves.items(), key=_number):
            if leaf.queue is not None:
                self._remember(leaf, leaf.queue.history, 1.0)
        kinds = {key for past in self._history.values() for key in past} | set(tree.capacity)
        self._kinds = sorted(key for key in kinds if key[0] == GPUS and key[1])
        self._weights: dict[int, list[tuple[Key, float]]] = {}

    def _remember(self, leaf: Place, amounts: Any, part: float) -> None:
        for place in leaf.path:
            past = self._history[id(place)]
            for key, amount in amounts.items():
                past[key] = past.get(key, 0.0) + amount * part

    def enter(self, leaf: Place, amounts: Amounts) -> None:
        """Something was admitted: it counts as if it had been held for a while already."""
        self.changed(leaf)
        self._remember(leaf, amounts, self._entry)

    def changed(self, leaf: Place) -> None:
        """What a leaf holds has changed."""
        for place in leaf.path:
            self._known.pop(id(place), None)

    def of(self, place: Place) -> float:
        """The largest of its shares of cores, of memory and of GPUs, of which each kind may have its own weight."""
        known = self._known.get(id(place))
        if known is None:
            known = self._known[id(place)] = self._of(place)
        return known

    def _of(self, place: Place) -> float:
        held, past = place.held, self._history[id(place)]
        weights = self._weights.get(id(place))
        if weights is None:
            weights = [(key, self._weight(place, key)) for key in (CPU, MEMORY, *self._kinds)]
            self._weights[id(place)] = weights
        cpu, memory, *gpus = (
            (self._now * held.get(key, 0) + self._past * past.get(key, 0.0)) / weight for key, weight in weights
        )
        capacity = self._capacity
        return max(sum(gpus) / capacity.get(ALL_GPUS, 1), cpu / capacity.get(CPU, 1), memory / capacity.get(MEMORY, 1))

    @staticmethod
    def _weight(place: Place, key: Key) -> float:
        """What weighs nothing is the last in line, whatever it holds."""
        limit = place.limits.get(key) or (place.limits.get(ALL_GPUS) if key[0] == GPUS else None)
        own = place.weight if limit is None or limit.weight is None else limit.weight
        return own if own > 0 else 1e-12


def _number(leaf: tuple[UUID, Place]) -> int:
    return leaf[0].int


@dataclass(slots=True, eq=False)
class _Stand:
    """What stands at a place: of all below it, whose turn it is."""

    place: Place
    above: _Stand | None
    kinds: list[str]
    """See `kinds`."""
    rivals: list[Entry] = field(default_factory=list)
    """A heap of those directly below it."""
    number: int = -1
    """Of its entry among its rivals, if it has one: the others of it do not count any more."""
    best: Candidate | None = None
    used: float | None = None
    """How much is used of the nominal inside which the best stays, its queue's or of the next above it up to this
    place; None: it borrows."""
    nominals: dict[bool, list[tuple[Key, int]]] = field(default_factory=dict)
    """With GPUs, or without → what of the nominal counts."""


Entry = tuple[int, int, float, float, int, int, _Stand]
"""Class (negative), inside the nominal or not, share, since when, which; the number of the entry, and whose it is."""


class Contest:
    """The next candidate of the whole tree. Every leaf has at most one at a time; see `enter`."""

    def __init__(self, tree: Tree, shares: Shares) -> None:
        self._shares = shares
        self._stands: dict[int, _Stand] = {}
        self._entries = 0
        self._root = self._stand(tree.root)

    def _stand(self, place: Place) -> _Stand:
        known = self._stands.get(id(place))
        if known is None:
            above = None if place.parent is None else self._stand(place.parent)
            known = self._stands[id(place)] = _Stand(place, above, kinds(place))
        return known

    def enter(self, leaf: Place, candidate: Candidate | None) -> None:
        """A leaf has another candidate, or none any more; or what it holds has changed."""
        stand, best, used = self._stand(leaf), candidate, None
        while (above := stand.above) is not None:
            stand.best = best
            if best is None:
                stand.number = -1
            else:
                if used is None:
                    used = self._guaranteed(stand, best)
                self._entries = stand.number = self._entries + 1
                stand.used = used
                heapq.heappush(above.rivals, self._entry(stand, best, used))
            rivals = above.rivals
            while rivals and rivals[0][5] != rivals[0][6].number:
                heapq.heappop(rivals)
            best, used = (rivals[0][6].best, rivals[0][6].used) if rivals else (None, None)
            stand = above

    def next(self) -> Candidate | None:
        """The candidate whose turn it is."""
        rivals = self._root.rivals
        return rivals[0][6].best if rivals else None

    def _entry(self, stand: _Stand, best: Candidate, used: float | None) -> Entry:
        if used is not None:
            return -best.level, 0, used, best.since, best.id.int, stand.number, stand
        share = inf if stand.place.weight <= 0 else self._shares.of(stand.place)
        return -best.level, 1, share, best.since, best.id.int, stand.number, stand

    @staticmethod
    def _guaranteed(stand: _Stand, candidate: Candidate) -> float | None:
        """How much is used of what is guaranteed to a place, if a candidate stays inside that."""
        ask, least = candidate.ask, candidate.least
        for flavor in stand.kinds if ask.gpus and not ask.flavor else (ask.flavor,):
            if is_inside(stand.place, ask, flavor, least):
                return _used(stand, ask)
        return None


def _used(stand: _Stand, ask: Ask) -> float:
    """Part of its nominal that a place holds, of what is most used by what a workload is measured by."""
    place, of = stand.place, ask.gpus > 0
    nominals = stand.nominals.get(of)
    if nominals is None:
        keys = [key for key in place.nominal if key[0] == GPUS] if of else [CPU, MEMORY]
        nominals = stand.nominals[of] = [(key, place.nominal[key]) for key in keys if place.nominal.get(key)]
    held, most = place.held, 0.0
    for key, nominal in nominals:
        most = max(most, held.get(key, 0) / nominal)
    return most
