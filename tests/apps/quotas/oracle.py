"""What a pool allows, worked out the long way: plain loops over plain dictionaries, nothing of the product's but its
types. Slow, and only for small pools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf
from uuid import UUID

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    Ask,
    Assignment,
    CohortView,
    Holding,
    Key,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
    Waiting,
)

Claims = dict[tuple[object, Key], float]
POOL = "the pool"


def needs(ask: Ask, flavor: str, members: int) -> dict[Key, int]:
    found = {(CPU_MILLIS, ""): ask.cpu_millis * members, (MEMORY_BYTES, ""): ask.memory_bytes * members}
    if ask.gpus:
        found[GPUS, ""] = found[GPUS, flavor] = ask.gpus * ask.gpu_millis * members
    return found


class Quotas:
    """The tree of a snapshot: what its places claim, and the most that each may."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.places: dict[object, QueueView | CohortView] = {one.id: one for one in snapshot.cohorts}
        self.places |= {one.id: one for one in snapshot.queues}
        self.keys = {limit.key for one in self.places.values() for limit in one.limits}
        self.keys |= {key for one in snapshot.holdings for key in needs(one.ask, one.flavor, 1)}
        self.keys |= {(CPU_MILLIS, ""), (MEMORY_BYTES, ""), (GPUS, "")}
        self.capacity: Counter[Key] = Counter()
        for node in snapshot.nodes:
            if node.ready:
                self.capacity += Counter({(CPU_MILLIS, ""): node.cpu_millis, (MEMORY_BYTES, ""): node.memory_bytes})
                for gpu in node.gpus:
                    self.capacity += Counter({(GPUS, ""): 1000, (GPUS, gpu.flavor): 1000})
                    self.keys.add((GPUS, gpu.flavor))
        ready = {node.name for node in snapshot.nodes if node.ready}
        for one in snapshot.holdings:
            lost = sum(place.node not in ready for place in one.assignments)
            self.capacity += Counter(needs(one.ask, one.flavor, lost))

    def _children(self, place: object) -> list[object]:
        return [one.id for one in self.places.values() if (one.parent or POOL) == place]

    def _limit(self, place: object, key: Key) -> Limit | None:
        if place == POOL:
            return None
        return next((limit for limit in self.places[place].limits if limit.key == key), None)

    def nominal(self, place: object, key: Key) -> int:
        limit = self._limit(place, key)
        return max(limit.nominal if limit else 0, sum(self.nominal(one, key) for one in self._children(place)))

    def most(self, place: object, key: Key) -> float:
        if place == POOL:
            return self.capacity[key]
        limit = self._limit(place, key)
        return inf if limit is None or limit.borrowing is None else self.nominal(place, key) + limit.borrowing

    def claims(self, held: Iterable[tuple[UUID, Ask, str, int]]) -> Claims:
        """What every place claims of every resource: what its queues hold, or keep without holding it."""
        sums: Counter[tuple[object, Key]] = Counter()
        for queue, ask, flavor, members in held:
            for key, amount in needs(ask, flavor, members).items():
                sums[queue, key] += amount
        found: Claims = {}
        for key in self.keys:
            self._claim(POOL, key, sums, found)
        return found

    def _claim(self, place: object, key: Key, sums: Counter[tuple[object, Key]], found: Claims) -> float:
        """What a place claims of the one above it; `found` has what it gives away itself."""
        below = sums[place, key] + sum(self._claim(one, key, sums, found) for one in self._children(place))
        found[place, key] = below
        limit = self._limit(place, key)
        keeps = 0 if limit is None or limit.lending is None else self.nominal(place, key) - limit.lending
        return max(below, keeps)

    def broken(self, before: Claims, after: Claims) -> list[tuple[object, Key, float, float]]:
        """Where more is claimed than may be and than was."""
        return [
            (self.places[place].id if place != POOL else POOL, key, claim, self.most(place, key))
            for (place, key), claim in after.items()
            if claim > max(self.most(place, key), before[place, key])
        ]

    def allows(self, queue: UUID, ask: Ask, flavor: str) -> bool:
        """Whether a queue may use all these resources at all."""
        keys = {limit.key for limit in self.places[queue].limits}
        if not {(CPU_MILLIS, ""), (MEMORY_BYTES, "")} <= keys:
            return False
        return not ask.gpus or (GPUS, "") in keys or (GPUS, flavor) in keys


class Machines:
    """What is left of every node and every device."""

    def __init__(self, nodes: Iterable[NodeView]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.cpu = {name: node.cpu_millis for name, node in self.nodes.items()}
        self.memory = {name: node.memory_bytes for name, node in self.nodes.items()}
        self.devices = {(name, gpu.index): 1000 for name, node in self.nodes.items() for gpu in node.gpus}
        self.kinds = {(name, gpu.index): gpu.flavor for name, node in self.nodes.items() for gpu in node.gpus}

    def use(self, ask: Ask, places: Iterable[Assignment]) -> None:
        for name, devices in places:
            if name in self.nodes:
                self.cpu[name] -= ask.cpu_millis
                self.memory[name] -= ask.memory_bytes
                for index in devices:
                    self.devices[name, index] -= ask.gpu_millis

    def overfull(self) -> list[object]:
        """Nodes and devices of which more is used than there is."""
        found: list[object] = [name for name in self.nodes if self.cpu[name] < 0 or self.memory[name] < 0]
        return found + [device for device, left in self.devices.items() if left < 0]

    def fit(self, ask: Ask, flavor: str, count: int) -> bool:
        """Whether so many members fit."""
        counts = {name: self._count(name, ask, flavor) for name, node in self.nodes.items() if node.ready}
        if not ask.topology:
            return sum(counts.values()) >= count
        if ask.topology == "node":
            return max(counts.values(), default=0) >= count
        racks: Counter[str] = Counter()
        for name, number in counts.items():
            if ask.topology in self.nodes[name].labels:
                racks[self.nodes[name].labels[ask.topology]] += number
        return max(racks.values(), default=0) >= count

    def _count(self, name: str, ask: Ask, flavor: str) -> int:
        fits = [self.cpu[name] // ask.cpu_millis] if ask.cpu_millis else []
        fits += [self.memory[name] // ask.memory_bytes] if ask.memory_bytes else []
        if ask.gpus:
            mine = [left for (node, i), left in self.devices.items() if node == name and self.kinds[node, i] == flavor]
            whole = sum(left == 1000 for left in mine) // ask.gpus
            fits.append(whole if ask.gpu_millis == 1000 else sum(max(0, left) // ask.gpu_millis for left in mine))
        return max(0, min(fits, default=10**6))


def together(nodes: dict[str, NodeView], ask: Ask, places: Iterable[Assignment]) -> bool:
    """Whether members have in common what they ask for."""
    names = {place.node for place in places}
    if ask.topology in ("", "node"):
        return not ask.topology or len(names) == 1
    values = {nodes[name].labels.get(ask.topology) for name in names}
    return len(values) == 1 and None not in values


def held(holdings: Iterable[Holding]) -> list[tuple[UUID, Ask, str, int]]:
    return [(one.queue_id, one.ask, one.flavor, len(one.assignments)) for one in holdings]


def fits(snapshot: Snapshot, quotas: Quotas, one: Waiting, taken: list[Holding]) -> bool:
    """Whether something that waits could have its least members beside what is taken, within all limits."""
    queue = next(queue for queue in snapshot.queues if queue.id == one.queue_id)
    running = sum(other.queue_id == one.queue_id for other in taken)
    if queue.running_most is not None and running >= queue.running_most:
        return False
    machines = Machines(node for node in snapshot.nodes if node.ready)
    for other in taken:
        machines.use(other.ask, other.assignments)
    kinds = {""} if not one.ask.gpus else {one.ask.flavor} if one.ask.flavor else set(machines.kinds.values())
    before = quotas.claims(held(taken))
    for kind in kinds:
        after = quotas.claims([*held(taken), (one.queue_id, one.ask, kind, one.count_min)])
        if (
            quotas.allows(one.queue_id, one.ask, kind)
            and not quotas.broken(before, after)
            and machines.fit(one.ask, kind, one.count_min)
        ):
            return True
    return False
