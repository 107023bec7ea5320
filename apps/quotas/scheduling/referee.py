"""Watches a simulation and counts what no policy may do; keeps books of its own and trusts nobody else's.

Quotas are checked where something is given: a quota lowered below what is held breaks no promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf
from uuid import UUID

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    WHOLE,
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

ROOT = UUID(int=0)
QUOTA = "quota"
GANG = "gang"
CAPACITY = "capacity"


class _Machine:
    """What is used of a node."""

    def __init__(self, node: NodeView) -> None:
        self.node = node
        self.cpu_millis = 0
        self.memory_bytes = 0
        self.devices = {gpu.index: 0 for gpu in node.gpus}
        self.kinds = {gpu.index: gpu.flavor for gpu in node.gpus}


class _Claims:
    """The tree of quotas: what each place holds, or keeps for itself although it is idle."""

    def __init__(self, queues: Iterable[QueueView], cohorts: Iterable[CohortView], capacity: dict[Key, int]) -> None:
        self.views: dict[UUID, QueueView | CohortView] = {one.id: one for one in cohorts}
        self.views |= {one.id: one for one in queues}
        self.parents = {one.id: one.parent or ROOT for one in self.views.values()}
        self.nominal: dict[tuple[UUID, Key], int] = {}
        self.kept: dict[tuple[UUID, Key], int] = {}
        self.most: dict[tuple[UUID, Key], float] = {}
        self.claimed: dict[tuple[UUID, Key], int] = {}
        keys = {limit.key for one in self.views.values() for limit in one.limits} | set(capacity)
        for key in keys:
            idle = self._settle(ROOT, key)
            self.most[ROOT, key] = max(capacity.get(key, 0), idle)

    def _settle(self, place: UUID, key: Key) -> int:
        """The claim of an idle place, with all that is below it."""
        below = [one for one, parent in self.parents.items() if parent == place]
        claims = sum(self._settle(one, key) for one in below)
        limit = next((limit for limit in self._limits(place) if limit.key == key), None)
        summed = sum(self.nominal[one, key] for one in below)
        nominal = self.nominal[place, key] = max(limit.nominal if limit else 0, summed)
        borrowing = limit.borrowing if limit else None
        self.most[place, key] = inf if borrowing is None else nominal + borrowing
        lent = nominal if limit is None or limit.lending is None else limit.lending
        self.kept[place, key] = max(0, nominal - lent)
        self.claimed[place, key] = claims
        return max(claims, self.kept[place, key])

    def _limits(self, place: UUID) -> tuple[Limit, ...]:
        return self.views[place].limits if place in self.views else ()

    def change(self, queue: UUID, key: Key, amount: int) -> bool:
        """A queue holds more or less; says whether that breaks a limit somewhere above it."""
        wrong, more, place = False, amount, queue
        given = amount > 0
        while True:
            before = self.claimed.get((place, key), 0)
            self.claimed[place, key] = before + more
            wrong |= given and more > 0 and before + more > self.most.get((place, key), inf)
            kept = self.kept.get((place, key), 0)
            more = max(kept, before + more) - max(kept, before)
            if place == ROOT:
                return wrong
            place = self.parents.get(place, ROOT)


class Referee:
    """Told of everything that is given and given back; counts in `wrongs` per kind, says the first in `words`."""

    def __init__(self, start: Snapshot) -> None:
        self.wrongs: Counter[str] = Counter()
        self.words: list[str] = []
        self.machines = {node.name: _Machine(node) for node in start.nodes}
        self.queues = {queue.id: queue for queue in start.queues}
        self.running: Counter[UUID] = Counter()
        capacity: Counter[Key] = Counter()
        for node in start.nodes:
            capacity[CPU_MILLIS, ""] += node.cpu_millis
            capacity[MEMORY_BYTES, ""] += node.memory_bytes
            for gpu in node.gpus:
                capacity[GPUS, ""] += WHOLE
                capacity[GPUS, gpu.flavor] += WHOLE
        self.claims = _Claims(start.queues, start.cohorts, dict(capacity))
        for holding in start.holdings:
            self._book(holding, holding.assignments, 1)
            self.running[holding.queue_id] += 1

    def admitted(self, waiting: Waiting, holding: Holding) -> None:
        """A workload is given what `holding` says."""
        members, queue = len(holding.assignments), self.queues[holding.queue_id]
        self._expect(waiting.count_min <= members <= waiting.count_max, GANG, holding, f"{members} members")
        self._topology(holding, holding.assignments)
        self.running[queue.id] += 1
        self._expect(self.running[queue.id] <= _or(queue.running_most), QUOTA, holding, "too many of its queue run")
        devices = members * holding.ask.gpus
        self._expect(devices <= _or(queue.gpus_per_run_most), QUOTA, holding, f"{devices} devices in one workload")
        if queue.run_seconds_most is not None:
            self._expect(waiting.limit_seconds <= queue.run_seconds_most, QUOTA, holding, "it may run too long")
        self._allowed(holding, queue)
        self._expect(waiting.ask.flavor in ("", holding.flavor), CAPACITY, holding, f"is given {holding.flavor}")
        self._give(holding, holding.assignments)

    def resized(self, before: Holding, after: Holding, least: int, most: int) -> None:
        """A holding has other members."""
        members = len(after.assignments)
        self._expect(least <= members <= most, GANG, after, f"{members} members, {least} to {most} wanted")
        self._topology(after, after.assignments)
        kept = min(len(before.assignments), members)
        if after.assignments[:kept] != before.assignments[:kept]:
            kept = 0
        self._book(before, before.assignments[kept:], -1)
        self._give(after, after.assignments[kept:])

    def gone(self, holding: Holding) -> None:
        self._book(holding, holding.assignments, -1)
        self.running[holding.queue_id] -= 1

    def stray(self, kind: str, text: str) -> None:
        """A decision about something that it cannot be about."""
        self._count(kind, text)

    def _allowed(self, holding: Holding, queue: QueueView) -> None:
        allowed = {limit.resource for limit in queue.limits if limit.flavor in ("", holding.flavor)}
        needed = {CPU_MILLIS, MEMORY_BYTES} | ({GPUS} if holding.ask.gpus else set())
        self._expect(needed <= allowed, QUOTA, holding, f"may not use {', '.join(sorted(needed - allowed))}")

    def _topology(self, holding: Holding, assignments: tuple[Assignment, ...]) -> None:
        label = holding.ask.topology
        if not label:
            return
        names = {assignment.node for assignment in assignments}
        if label != "node":
            nodes = [self.machines[name].node.labels.get(label) for name in names if name in self.machines]
            names = {value or "" for value in nodes} - {""} if all(nodes) else set()
        self._expect(len(names) == 1, GANG, holding, f"its members share no {label}")

    def _give(self, holding: Holding, assignments: tuple[Assignment, ...]) -> None:
        for assignment in assignments:
            machine = self.machines.get(assignment.node)
            ready = machine is not None and machine.node.ready
            self._expect(ready, CAPACITY, holding, f"node {assignment.node} takes no members")
        for text in self._book(holding, assignments, 1):
            self._count(*text)

    def _book(self, holding: Holding, assignments: tuple[Assignment, ...], sign: int) -> list[tuple[str, str]]:
        """Enter members or take them out; says what is wrong then."""
        ask, wrong = holding.ask, []
        for assignment in assignments:
            machine = self.machines.get(assignment.node)
            if machine is not None and not _occupy(machine, holding, assignment, sign):
                wrong.append((CAPACITY, f"{holding.workload_id}: {assignment} is not free"))
        amounts = {(CPU_MILLIS, ""): ask.cpu_millis, (MEMORY_BYTES, ""): ask.memory_bytes}
        if ask.gpus:
            amounts |= dict.fromkeys([(GPUS, ""), (GPUS, holding.flavor)], ask.gpus * ask.gpu_millis)
        for key, amount in amounts.items():
            change = sign * amount * len(assignments)
            if change and self.claims.change(holding.queue_id, key, change):
                wrong.append((QUOTA, f"{holding.workload_id}: {' '.join(key)} beyond a quota"))
        return wrong

    def _expect(self, right: bool, kind: str, holding: Holding, text: str) -> None:
        if not right:
            self._count(kind, f"{holding.workload_id}: {text}")

    def _count(self, kind: str, text: str) -> None:
        self.wrongs[kind] += 1
        if len(self.words) < 20:
            self.words.append(f"{kind}: {text}")


def _occupy(machine: _Machine, holding: Holding, assignment: Assignment, sign: int) -> bool:
    """Enter or remove one member on a node; says whether all it needs was there."""
    ask, node = holding.ask, machine.node
    machine.cpu_millis += sign * ask.cpu_millis
    machine.memory_bytes += sign * ask.memory_bytes
    right = machine.cpu_millis <= node.cpu_millis and machine.memory_bytes <= node.memory_bytes
    right &= len(set(assignment.devices)) == len(assignment.devices) == ask.gpus
    for index in assignment.devices:
        used = machine.devices[index] = machine.devices.get(index, 0) + sign * ask.gpu_millis
        right &= used <= WHOLE and machine.kinds.get(index) == holding.flavor
    return right


def _or(limit: int | None) -> float:
    return inf if limit is None else limit
