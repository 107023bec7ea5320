"""Policies to compare with: what schedulers usually do, over the same snapshots, quotas and placement rules.

- `fifo`: strictly in the order of arrival; who does not fit on the machines blocks all behind it. Who only lacks quota
  blocks its own queue.
- `shortest`: the shortest declared limit first; what does not fit is passed over.
- `drf`: the queue with the lowest weighted dominant share first, in the order of arrival within a queue; what does not
  fit is passed over.
- `drf_backfill`: the same, but the first that does not fit on the machines has places kept from the earliest moment at
  which, by the declared limits, it fits; others may start meanwhile only if they end before, or beside it (EASY).

A peer keeps its books from one cycle to the next; what it reads of a snapshot is who holds and who waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from math import inf
from uuid import UUID

from apps.quotas.scheduling.fit import Counts, Machines
from apps.quotas.scheduling.occupancy import Occupancy
from apps.quotas.scheduling.reservation import Coming, Forecast, expected_ends
from apps.quotas.scheduling.snapshot import Admit, Ask, Decision, Holding, QueueView, Snapshot, Waiting
from apps.quotas.scheduling.tree import ALL_GPUS, CPU, MEMORY, Tree, amounts_of, capacity_of

ADMITTED, NO_QUOTA, NO_ROOM = "admitted", "no quota", "no room"
Turns = Iterator[tuple[Waiting, Callable[[str], None]]]


class Books:
    """Machines and quotas as they are in the snapshot looked at last."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.capacity = capacity_of(snapshot.nodes)
        self.machines = Machines(snapshot.nodes)
        self.tree = Tree(self.capacity, snapshot.queues, snapshot.cohorts)
        self.known: dict[UUID, Holding | Admit] = {}
        self.asks: dict[UUID, tuple[UUID, Ask]] = {}
        self.at = snapshot.at
        self.failed: dict[tuple[Ask, int, tuple[str, ...]], float] = {}
        """Ask, members and kinds → those that end then, or later, have found no place in this cycle."""

    def follow(self, snapshot: Snapshot) -> None:
        self.at = snapshot.at
        self.failed.clear()
        self.machines = self.machines.copy() if self.machines.reserved else self.machines
        present = {one.workload_id: one for one in snapshot.holdings}
        for gone in self.known.keys() - present.keys():
            self._enter(gone, *self.asks.pop(gone), self.known.pop(gone), -1)
        for workload, one in present.items():
            if workload not in self.known:
                self.known[workload], self.asks[workload] = one, (one.queue_id, one.ask)
                self._enter(workload, one.queue_id, one.ask, one, 1)

    def _enter(self, workload: UUID, queue: UUID, ask: Ask, held: Holding | Admit, sign: int) -> None:
        (self.machines.occupy if sign > 0 else self.machines.release)(ask, held.assignments)
        self.tree.take(self.tree.leaves[queue], amounts_of(ask, held.flavor, len(held.assignments)), sign)

    def admit(self, one: Waiting) -> Admit | str:
        """A place for all its members, or why there is none."""
        ends_at, ask, count = self.at + one.limit_seconds, one.ask, one.count_max
        leaf = self.tree.leaves[one.queue_id]
        options = [ask.flavor] if ask.flavor or not ask.gpus else self.machines.flavors
        allowed = [kind for kind in options if self.tree.bounding(leaf, amounts_of(ask, kind), count) is None]
        if not allowed:
            return NO_QUOTA
        tried = (ask, count, tuple(allowed))
        if self.failed.get(tried, inf) <= ends_at:
            return NO_ROOM
        found: list[tuple[int, str, Counts]] = []
        for kind in allowed:
            fits = self.machines.members(ask, kind, ends_at)
            if self.machines.together(ask, fits) >= count:
                found.append((int(self.machines.devices.left(kind).sum()), kind, fits))
        if not found:
            self.failed[tried] = ends_at
            return NO_ROOM
        _, kind, fits = max(found, key=lambda each: each[:2])
        chosen = self.machines.choose(ask, kind, count, fits)
        assert chosen is not None
        admit = Admit(one.workload_id, kind, tuple(self.machines.place(ask, kind, chosen, ends_at)))
        self.known[one.workload_id], self.asks[one.workload_id] = admit, (one.queue_id, ask)
        self.tree.take(leaf, amounts_of(ask, kind, count))
        return admit

    def keep(self, one: Waiting, forecast: Forecast) -> None:
        """Keep places for it from the earliest moment at which it fits."""
        options = [one.ask.flavor] if one.ask.flavor or not one.ask.gpus else self.machines.flavors
        found: list[Coming] = []
        for kind in options:
            coming = forecast.earliest(one.ask, kind, one.count_max)
            found += [coming] if coming is not None else []
        if found:
            self.machines.keep(one.ask, min(found, key=lambda coming: coming.at))


class Peer:
    """Offers what waits its place, one after the other, in an order of its own."""

    backfill = False

    def __init__(self) -> None:
        self.books: Books | None = None

    def __call__(self, snapshot: Snapshot) -> tuple[Decision, ...]:
        if self.books is None:
            self.books = Books(snapshot)
        books = self.books
        books.follow(snapshot)
        decisions: list[Decision] = []
        for one, answer in self.turns(snapshot, books):
            admit = books.admit(one)
            if isinstance(admit, Admit):
                decisions.append(admit)
                answer(ADMITTED)
                continue
            answer(admit)
            if admit == NO_ROOM and self.backfill and not books.machines.reserved:
                held = list(_held(books, snapshot))
                there = Occupancy(books.machines, held)
                books.keep(one, Forecast(books.machines, there, expected_ends(held, snapshot.at)))
                books.failed.clear()
        return tuple(decisions)

    def turns(self, snapshot: Snapshot, books: Books) -> Turns:
        """Who is offered a place next, and how to tell what came of it."""
        raise NotImplementedError


def _held(books: Books, snapshot: Snapshot) -> Iterable[Holding]:
    """What runs, with what was admitted in this cycle."""
    before = {one.workload_id: one for one in snapshot.holdings}
    limits = {one.workload_id: one.limit_seconds for one in snapshot.waiting}
    for workload, one in books.known.items():
        if workload in before:
            yield before[workload]
        else:
            queue, ask = books.asks[workload]
            ends_at = snapshot.at + limits[workload]
            yield Holding(workload, queue, ask, one.flavor, one.assignments, admitted_at=snapshot.at, ends_at=ends_at)


class Fifo(Peer):
    def turns(self, snapshot: Snapshot, books: Books) -> Turns:
        blocked: set[UUID] = set()
        said: list[str] = []
        for one in sorted(snapshot.waiting, key=_age):
            if one.queue_id in blocked:
                continue
            yield one, said.append
            if said[-1] == NO_ROOM:
                return
            if said[-1] == NO_QUOTA:
                blocked.add(one.queue_id)


class Shortest(Peer):
    def turns(self, snapshot: Snapshot, books: Books) -> Turns:
        for one in sorted(snapshot.waiting, key=lambda one: (one.limit_seconds, _age(one))):
            yield one, lambda _: None


class Drf(Peer):
    def turns(self, snapshot: Snapshot, books: Books) -> Turns:
        lines: dict[UUID, list[Waiting]] = {}
        for one in sorted(snapshot.waiting, key=_age, reverse=True):
            lines.setdefault(one.queue_id, []).append(one)
        views = {queue.id: queue for queue in snapshot.queues}
        heap = [(dominant_share(books, views[queue]), queue) for queue in lines]
        heapq.heapify(heap)
        said: list[str] = []
        while heap:
            queue = heap[0][1]
            yield lines[queue].pop(), said.append
            if not lines[queue]:
                heapq.heappop(heap)
            elif said[-1] == ADMITTED:
                heapq.heapreplace(heap, (dominant_share(books, views[queue]), queue))


class DrfBackfill(Drf):
    backfill = True


def dominant_share(books: Books, queue: QueueView) -> float:
    held = books.tree.leaves[queue.id].held
    return max(held.get(key, 0) / books.capacity[key] for key in (CPU, MEMORY, ALL_GPUS)) / queue.weight


def _age(one: Waiting) -> tuple[float, UUID]:
    return one.created_at, one.workload_id


PEERS: dict[str, type[Peer]] = {"fifo": Fifo, "shortest": Shortest, "drf": Drf, "drf_backfill": DrfBackfill}
