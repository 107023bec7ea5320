"""Who is next: a contest up the tree of a pool, decided at every place between those below it.

Higher classes come first. Among equals, who stays inside a nominal, its queue's or that of a cohort above it, comes
before who borrows, all the way up: what is guaranteed to a queue is so however much its siblings have borrowed. Of the
guaranteed, the least used nominal comes first; of those who borrow, the lowest weighted dominant share (Ghodsi et al.,
Dominant Resource Fairness, 2011), in which what was held in the past counts with a half-life, and every admission as
if it had been held for a while already; then the older.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any
from uuid import UUID

from apps.quotas.scheduling.snapshot import GPUS, Ask, Key, Policy
from apps.quotas.scheduling.tree import (
    ALL_GPUS,
    CPU,
    MEMORY,
    Amounts,
    Place,
    Tree,
    is_inside,
    kinds,
)

Rank = tuple[int, int, float, float, int]
"""Class (negative), inside the nominal or not, share, since when, which."""


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


class Contest:
    """The next candidate of the whole tree. Every leaf has at most one at a time; see `enter`."""

    def __init__(self, tree: Tree, shares: Shares) -> None:
        self._shares = shares
        self._heaps: dict[int, list[tuple[Rank, int, Place]]] = {}
        self._standing: dict[int, tuple[int, Candidate]] = {}
        """Place → the number of its entry that counts, and its candidate."""
        self._numbers = count()
        self._root, self._leaves = tree.root, tree.leaves
        self._kinds: dict[int, list[str]] = {}
        self._nominals: dict[tuple[int, bool], list[tuple[Key, int]]] = {}

    def enter(self, leaf: Place, candidate: Candidate | None) -> None:
        """A leaf has another candidate, or none any more; or what it holds has changed."""
        place, best = leaf, candidate
        while place.parent is not None:
            heap = self._heaps.setdefault(id(place.parent), [])
            if best is None:
                self._standing.pop(id(place), None)
            else:
                number = next(self._numbers)
                self._standing[id(place)] = (number, best)
                heapq.heappush(heap, (self._rank(place, best), number, place))
            place = place.parent
            best = self._best(heap)

    def next(self) -> Candidate | None:
        """The candidate whose turn it is."""
        return self._best(self._heaps.get(id(self._root), []))

    def _best(self, heap: list[tuple[Rank, int, Place]]) -> Candidate | None:
        while heap:
            _, number, place = heap[0]
            standing = self._standing.get(id(place))
            if standing is not None and standing[0] == number:
                return standing[1]
            heapq.heappop(heap)
        return None

    def _rank(self, place: Place, candidate: Candidate) -> Rank:
        used = self._guaranteed(place, candidate)
        if used is None:
            borrows, share = 1, inf if place.weight <= 0 else self._shares.of(place)
        else:
            borrows, share = 0, used
        return (-candidate.level, borrows, share, candidate.since, candidate.id.int)

    def _guaranteed(self, top: Place, candidate: Candidate) -> float | None:
        """How much is used of the nominal inside which it stays, its queue's or of the next above it up to a place;
        None: it borrows."""
        ask, least = candidate.ask, candidate.least
        for place in self._leaves[candidate.queue_id].path:
            for flavor in self._kinds_of(place) if ask.gpus and not ask.flavor else (ask.flavor,):
                if is_inside(place, ask, flavor, least):
                    return self._used(place, ask)
            if place is top:
                return None
        return None

    def _kinds_of(self, place: Place) -> list[str]:
        known = self._kinds.get(id(place))
        if known is None:
            known = self._kinds[id(place)] = kinds(place)
        return known

    def _used(self, place: Place, ask: Ask) -> float:
        """Part of its nominal that a place holds, of what is most used by what a workload is measured by."""
        of = id(place), ask.gpus > 0
        nominals = self._nominals.get(of)
        if nominals is None:
            keys = [key for key in place.nominal if key[0] == GPUS] if ask.gpus else [CPU, MEMORY]
            nominals = self._nominals[of] = [(key, place.nominal[key]) for key in keys if place.nominal.get(key)]
        held = place.held
        return max([held.get(key, 0) / nominal for key, nominal in nominals], default=0.0)
