"""The books of one cycle: what is free on each node and what each queue holds, and where members fit.

Members of a workload are alike, so counting how many fit on each node and filling nodes in order is exact:
if the gang fits at all, it is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    Ask,
    Assignment,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
)


@dataclass(slots=True)
class Free:
    """What is left of one node."""

    name: str
    cpu_millis: int
    memory_bytes: int
    gpus: dict[str, list[int]]
    """Flavor → free indices, ascending."""

    @classmethod
    def whole(cls, node: NodeView) -> Free:
        gpus: dict[str, list[int]] = {}
        for gpu in sorted(node.gpus, key=lambda gpu: gpu.index):
            gpus.setdefault(gpu.flavor, []).append(gpu.index)
        return cls(node.name, node.cpu_millis, node.memory_bytes, gpus)

    def members(self, ask: Ask, flavor: str) -> int:
        """How many members fit."""
        fits = min(_times(self.cpu_millis, ask.cpu_millis), _times(self.memory_bytes, ask.memory_bytes))
        return min(fits, len(self.gpus.get(flavor, ())) // ask.gpus) if ask.gpus else fits

    def take(self, ask: Ask, flavor: str) -> Assignment:
        """Give one member its place."""
        devices: tuple[int, ...] = ()
        if ask.gpus:
            free = self.gpus[flavor]
            devices, self.gpus[flavor] = tuple(free[: ask.gpus]), free[ask.gpus :]
        self.cpu_millis -= ask.cpu_millis
        self.memory_bytes -= ask.memory_bytes
        return Assignment(self.name, devices)

    def occupy(self, ask: Ask, devices: Iterable[int]) -> None:
        """Account for a member that is there already."""
        gone = set(devices)
        self.cpu_millis -= ask.cpu_millis
        self.memory_bytes -= ask.memory_bytes
        self.gpus = {flavor: [i for i in indices if i not in gone] for flavor, indices in self.gpus.items()}


class Books:
    """What is free and what is held; changes as a cycle gives things away."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.free = {node.name: Free.whole(node) for node in snapshot.nodes if node.ready}
        self.queues = {queue.id: queue for queue in snapshot.queues}
        self.flavors = sorted({gpu.flavor for node in snapshot.nodes for gpu in node.gpus})
        self.held: dict[UUID, dict[Limit, int]] = defaultdict(lambda: defaultdict(int))
        self.holders: dict[UUID, int] = defaultdict(int)
        for holding in snapshot.holdings:
            self._enter(holding)

    def _enter(self, holding: Holding) -> None:
        for assignment in holding.assignments:
            if assignment.node in self.free:
                self.free[assignment.node].occupy(holding.ask, assignment.devices)
        self._charge(holding.queue_id, holding.ask, holding.flavor, len(holding.assignments))
        self.holders[holding.queue_id] += 1

    def _charge(self, queue_id: UUID, ask: Ask, flavor: str, count: int) -> None:
        queue = self.queues.get(queue_id)
        for limit in queue.limits if queue else ():
            self.held[queue_id][limit] += needed(ask, limit, flavor) * count

    def options(self, ask: Ask) -> list[str]:
        """The kinds of GPU that would do; one empty name when none is asked for."""
        if not ask.gpus:
            return [""]
        return [ask.flavor] if ask.flavor else self.flavors

    def left(self, queue_id: UUID, limit: Limit) -> int:
        return limit.nominal - self.held[queue_id][limit]

    def members_by_quota(self, queue_id: UUID, ask: Ask, flavor: str) -> int:
        """How many more members the queue may hold."""
        limits = self.queues[queue_id].limits
        if missing(limits, ask, flavor):
            return 0
        counts = [_times(self.left(queue_id, one), need) for one in limits if (need := needed(ask, one, flavor))]
        return min(counts)

    def members_by_capacity(self, ask: Ask, flavor: str) -> int:
        """How many more members the nodes can hold."""
        return sum(free.members(ask, flavor) for free in self.free.values())

    def place(self, queue_id: UUID, ask: Ask, flavor: str, count: int) -> tuple[Assignment, ...]:
        """Give `count` members their places, which must fit: on the tightest single node, else on the fewest."""
        fits = [(free.members(ask, flavor), free) for free in self.free.values()]
        whole = [(number, free) for number, free in fits if number >= count]
        order = (
            [min(whole, key=lambda fit: (fit[0], fit[1].name))]
            if whole
            else sorted(fits, key=lambda fit: (-fit[0], fit[1].name))
        )
        places: list[Assignment] = []
        for number, free in order:
            places += [free.take(ask, flavor) for _ in range(min(number, count - len(places)))]
        self._charge(queue_id, ask, flavor, count)
        return tuple(places)


def needed(ask: Ask, limit: Limit, flavor: str) -> int:
    """How much one member of that kind counts against a limit."""
    if limit.resource == CPU_MILLIS:
        return ask.cpu_millis
    if limit.resource == MEMORY_BYTES:
        return ask.memory_bytes
    return ask.gpus if limit.flavor in ("", flavor) else 0


def missing(limits: Iterable[Limit], ask: Ask, flavor: str) -> str:
    """The first resource that is asked for without any limit that allows it; empty when there is none."""
    allowed = {limit.resource for limit in limits if limit.flavor in ("", flavor)}
    wanted = [CPU_MILLIS, MEMORY_BYTES] + ([GPUS] if ask.gpus else [])
    return next((resource for resource in wanted if resource not in allowed), "")


def largest(queue: QueueView, nodes: Iterable[NodeView], ask: Ask, flavor: str) -> tuple[int, int]:
    """The most members that could run if nothing else did: by the quota, and by the machines."""
    by_quota = 0
    if not missing(queue.limits, ask, flavor):
        by_quota = min(_times(one.nominal, need) for one in queue.limits if (need := needed(ask, one, flavor)))
    return by_quota, sum(Free.whole(node).members(ask, flavor) for node in nodes)


def _times(free: int, need: int) -> int:
    return max(0, free) // need if need else 1 << 60
