"""The line of a pool gone through quickly: when each waiting workload would start if work ran as long as is guessed.

The order is that of the cycle, by its own contest over its own books of quotas. Of the machines only what is free of
each kind altogether is followed, without what is of no use to an ask now, since the cores beside it are taken or it is
in pieces (`stranded`). Caps on the workloads of a queue, promises and preemption are not followed: what these and a
gang or a full machine cost more is left to what is learnt from past errors.

Time passes in steps that grow with the distance, and long lines move in packs, so that the work is bounded whatever
waits.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf
from uuid import UUID

from apps.quotas.scheduling.fair_share import Candidate, Contest, Shares
from apps.quotas.scheduling.inventory import inventory_of
from apps.quotas.scheduling.occupancy import Occupancy, occupy
from apps.quotas.scheduling.snapshot import GPUS, Ask, Holding, Key, Snapshot, Waiting
from apps.quotas.scheduling.tree import CPU, MEMORY, Place, Tree, allowed, amounts_of, capacity_of

STEP_SECONDS, STEP_RATIO, STEP_RATIO_LONG = 1.0, 0.04, 0.1
"""What ends within so long after another is taken to end with it: seconds, or part of the time until then; the last
where the line is long."""

LOOKS_MOST = 8
"""Sizes of work in a line that are tried in a step and turned away."""
WORK_MOST = 12_000
"""Starts and entries into the contest, after which a pass ends: the rest goes on at the pace of its line."""
PACKS_MOST = 2_000
"""Longer lines move in packs of workloads of one queue that ask for the same."""
Size = int
"""Number of what is asked for, by how many members at least."""


@dataclass(slots=True)
class _Line:
    """What waits in a queue, in its order."""

    leaf: Place
    rows: list[Waiting]
    levels: list[int]
    sizes: dict[Size, deque[int]]
    """Size → numbers of the rows that ask for it, the first first."""
    open: list[tuple[int, Size]] = field(default_factory=list)
    """In a round: the first row of each size that may be looked at, a heap."""
    looks: int = 0
    """In a round: so many more may turn out to have no room before the line stands back."""

    def take(self, size: Size) -> None:
        """The first of its size has started."""
        rows = self.sizes[size]
        rows.popleft()
        if not rows:
            del self.sizes[size]


@dataclass(slots=True)
class Room:
    """What is free on all machines together."""

    free: dict[Key, int]
    kinds: list[str]
    stranded: Mapping[tuple[Ask, str], int]
    """Of what is free of a kind, how much is of no use to an ask."""

    def kind_for(self, ask: Ask, count: int) -> str | None:
        """The kind of GPU of which most is free and enough; empty without GPUs; None: there is too little."""
        if ask.cpu_millis * count > self.free[CPU] or ask.memory_bytes * count > self.free[MEMORY]:
            return None
        if not ask.gpus:
            return "" if ask.cpu_millis * count <= self.free[CPU] - self.stranded.get((ask, ""), 0) else None
        need = ask.gpus * ask.gpu_millis * count
        options = [ask.flavor] if ask.flavor else self.kinds
        useful = [(self.free.get((GPUS, kind), 0) - self.stranded.get((ask, kind), 0), kind) for kind in options]
        most, best = max(useful, default=(0, ""))
        return best if most >= need else None

    def change(self, amounts: Mapping[Key, int], sign: int) -> None:
        for key, amount in amounts.items():
            if key in self.free:
                self.free[key] += sign * amount


class Forward:
    """One pass. `seconds` says how long what waits will run, `ends` when what runs will end, `lost` what is free and of
    no use: see `stranded`."""

    def __init__(
        self,
        snapshot: Snapshot,
        seconds: Mapping[UUID, float],
        ends: Mapping[UUID, float],
        lost: Mapping[tuple[Ask, str], int],
    ) -> None:
        self.at = self.begins = snapshot.at
        self.work = 0
        self.seconds = seconds
        self.starts: dict[UUID, float] = {}
        ready = [node for node in snapshot.nodes if node.ready]
        capacity = capacity_of(ready)
        flavors = sorted(kind for resource, kind in capacity if resource == GPUS and kind)
        self.room = Room(dict(capacity), flavors, lost)
        self.tree = Tree(capacity, snapshot.queues, snapshot.cohorts)
        self.ending: list[tuple[float, int, UUID, Mapping[Key, int]]] = []
        for number, one in enumerate(snapshot.holdings):
            self._hold(number, one, ends)
        heapify(self.ending)
        self.events = len(self.ending)
        self.shares = Shares(self.tree, snapshot.policy)
        self.asked: list[tuple[Ask, int]] = []
        """Of each size."""
        self.devices: list[int] = []
        """Thousandths of devices of each size."""
        self.lines = self._lines(snapshot)
        self.pack = 1 + len(snapshot.waiting) // PACKS_MOST
        self.waiting = sum(len(line.rows) for line in self.lines.values())

    def _hold(self, number: int, one: Holding, ends: Mapping[UUID, float]) -> None:
        amounts = amounts_of(one.ask, one.flavor, len(one.assignments))
        leaf = self.tree.leaves.get(one.queue_id)
        if leaf is not None:
            self.tree.take(leaf, amounts)
            self.room.change(amounts, -1)
            self.ending.append((ends[one.workload_id], number, one.queue_id, amounts))

    def _lines(self, snapshot: Snapshot) -> dict[UUID, _Line]:
        found: dict[UUID, _Line] = {}
        numbers: dict[tuple[Ask, int], Size] = {}
        for queue, line in lines_of(snapshot).items():
            leaf = self.tree.leaves.get(queue)
            if leaf is not None:
                rows = [one for _, one in line]
                found[queue] = _Line(leaf, rows, [level for level, _ in line], self._sizes(rows, numbers))
        return found

    def _sizes(self, rows: Iterable[Waiting], numbers: dict[tuple[Ask, int], Size]) -> dict[Size, deque[int]]:
        """Size → numbers of the rows that ask for it; sizes are numbered as they come."""
        found: dict[Size, deque[int]] = defaultdict(deque)
        for number, one in enumerate(rows):
            asked = (one.ask, one.count_min)
            size = numbers.get(asked)
            if size is None:
                size = numbers[asked] = len(self.asked)
                self.asked.append(asked)
                self.devices.append(one.ask.gpus * one.ask.gpu_millis * one.count_min)
            found[size].append(number)
        return dict(found)

    def run(self, until: float = inf) -> dict[UUID, float]:
        """Workload → when it starts; without those that start later than `until`, or never."""
        self._round()
        step = STEP_RATIO if self.pack == 1 else STEP_RATIO_LONG
        while self.ending and self.waiting and self.at < until and self.work < WORK_MOST:
            first = self.ending[0][0]
            last = first + max(STEP_SECONDS, step * (first - self.begins))
            while self.ending and self.ending[0][0] <= last:
                self.at, _, queue, amounts = heappop(self.ending)
                leaf = self.tree.leaves[queue]
                self.tree.take(leaf, amounts, -1)
                self.shares.changed(leaf)
                self.room.change(amounts, 1)
            self._round()
        if self.work >= WORK_MOST:
            self._go_on(until)
        return self.starts

    def _go_on(self, until: float) -> None:
        """What has not started follows at the pace of its line; of one that has not moved, at that of the slowest."""
        passed, started = self.at - self.begins, len(self.starts)
        slowest = max(1.0, started / max(1, len(self.lines)) / 2)
        for line in self.lines.values():
            rows = sorted(row for numbers in line.sizes.values() for row in numbers)
            pace = max(slowest, float(len(line.rows) - len(rows)))
            for number, row in enumerate(rows, 1):
                at = self.at + passed * number / pace
                if started and at <= until:
                    self.starts[line.rows[row].workload_id] = at

    def _round(self) -> None:
        """All that may start now."""
        fits = self._fits()
        contest = Contest(self.tree, self.shares)
        for line in self.lines.values():
            here = fits if len(fits) < len(line.sizes) else line.sizes
            line.open = [(line.sizes[size][0], size) for size in here if size in fits and size in line.sizes]
            heapify(line.open)
            line.looks = LOOKS_MOST
            if line.open:
                self._enter(contest, line)
        while (one := contest.next()) is not None:
            line = self.lines[one.queue_id]
            size = line.open[0][1]
            heappop(line.open)
            if self._start(line, size) and size in line.sizes:
                heappush(line.open, (line.sizes[size][0], size))
            self._enter(contest, line)

    def _fits(self) -> set[Size]:
        """The sizes for which the machines have room."""
        most = max(
            (amount for (resource, kind), amount in self.room.free.items() if resource == GPUS and kind), default=0
        )
        small = (size for size, devices in enumerate(self.devices) if devices <= most)
        return {size for size in small if self.room.kind_for(*self.asked[size]) is not None}

    def _enter(self, contest: Contest, line: _Line) -> None:
        """Its first that has room and quota stands for a line; after some that have none, it stands back."""
        while line.open and line.looks and self._fit(line, line.open[0][1]) is None:
            heappop(line.open)
            line.looks -= 1
        self.work += 1
        contest.enter(line.leaf, _next(line) if line.looks else None)

    def _fit(self, line: _Line, size: Size) -> tuple[str, int] | None:
        """The kind of GPU that the first of a size gets now, and how many members."""
        one = line.rows[line.sizes[size][0]]
        kind = self.room.kind_for(one.ask, one.count_min)
        if kind is None:
            return None
        amounts = amounts_of(one.ask, kind)
        count = self.tree.members(line.leaf, amounts, one.count_max)
        return (kind, count) if count >= one.count_min and allowed(line.leaf.limits, amounts) is None else None

    def _start(self, line: _Line, size: Size) -> bool:
        """Start the first of a size, and as many after it as go in a pack; False: there is no room for it."""
        started = False
        for _ in range(self.pack):
            if size not in line.sizes or not self._start_one(line, size):
                break
            started = True
        return started

    def _start_one(self, line: _Line, size: Size) -> bool:
        found = self._fit(line, size)
        if found is None:
            return False
        kind, count = found
        one = line.rows[line.sizes[size][0]]
        held = amounts_of(one.ask, kind, count)
        self.tree.take(line.leaf, held)
        self.shares.enter(line.leaf, held)
        self.room.change(held, -1)
        self.starts[one.workload_id] = self.at
        self.events, self.work = self.events + 1, self.work + 1
        heappush(self.ending, (self.at + self.seconds[one.workload_id], self.events, one.queue_id, held))
        line.take(size)
        self.waiting -= 1
        return True


def _next(line: _Line) -> Candidate | None:
    """The first row of a line that may be looked at."""
    if not line.open:
        return None
    at = line.open[0][0]
    one, level = line.rows[at], line.levels[at]
    counts = one.count_min, one.count_max
    return Candidate(one, one.workload_id, one.queue_id, one.ask, *counts, level, one.created_at, 0.0)


def lines_of(snapshot: Snapshot) -> dict[UUID, list[tuple[int, Waiting]]]:
    """Queue → what waits there with its level, in its order."""
    policy, at = snapshot.policy, snapshot.at
    rows: dict[UUID, list[tuple[int, float, UUID, Waiting]]] = defaultdict(list)
    for one in snapshot.waiting:
        level = one.priority + policy.gained(at - one.created_at)
        rows[one.queue_id].append((-level, one.created_at, one.workload_id, one))
    return {queue: [(-row[0], row[3]) for row in sorted(line, key=lambda row: row[:3])] for queue, line in rows.items()}


def stranded(snapshot: Snapshot) -> dict[tuple[Ask, str], int]:
    """What is asked for, and the kind of GPU → how many thousandths of free devices, or of cores for what wants none,
    are of no use to it: where they are, too little else is free."""
    machines = inventory_of(snapshot.nodes).ready.copy()
    occupy(machines, Occupancy(machines, snapshot.holdings))
    cores = int(machines.cpu.sum())
    devices = {kind: machines.devices.sum_left(kind) for kind in machines.flavors}
    found: dict[tuple[Ask, str], int] = {}
    for ask in {one.ask for one in snapshot.waiting}:
        if not ask.gpus:
            found[ask, ""] = cores - int(machines.members(ask, "").sum()) * ask.cpu_millis
            continue
        for kind in [ask.flavor] if ask.flavor in devices else [] if ask.flavor else devices:
            each = ask.gpus * ask.gpu_millis
            found[ask, kind] = devices[kind] - int(machines.members(ask, kind).sum()) * each
    return found
