"""A busy cluster for the benchmark of the pure cycle: seeded, the same every time."""

from __future__ import annotations

from math import inf
from random import Random
from uuid import UUID

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    WHOLE,
    Admit,
    Ask,
    CohortView,
    Gpu,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
    Waiting,
)

GIB = 1 << 30
NOW = 1_000_000.0
COHORTS = 6
CORES = (2, 3, 4, 5.5, 6, 8, 10, 11.4, 11.9, 12, 15.7, 16, 18, 31.7, 32, 64)
"""Of the members of a recorded cluster, as its memory and its shares of GPUs below: 16 × 4 of two GPUs or more,
16 × 8 of one or a part of one, 16 without: some 150 shapes, as many as its 8,152 tasks have."""
GIBS = (8, 16, 30, 64)
SHARES = (1000, 1000, 1000, 1000, 1000, 500, 460, 250)
SEVERAL = (2, 4, 8)
KINDS = ("", "H200", "H200", "L4")


def snapshot_of(*, waiting: int, running: int, nodes: int, queues: int, seed: int = 7) -> Snapshot:
    """A pool in which so many run and so many wait; what runs was placed by a cycle."""
    rng = Random(seed)
    machines = tuple(_node(number, nodes) for number in range(nodes))
    cohorts, leaves = _tree(nodes, queues)
    first = tuple(_waits(rng, 1 << 40 | number, leaves, gangs=False) for number in range(running * 6 // 5))
    empty = Snapshot(machines, leaves, (), first, cohorts, NOW)
    asked = {one.workload_id: one for one in first}
    admitted = [one for one in cycle(empty) if isinstance(one, Admit)][:running]
    holdings = tuple(_runs(rng, one, asked[one.workload_id]) for one in admitted)
    line = tuple(_waits(rng, 1 << 41 | number, leaves, gangs=True) for number in range(waiting))
    return Snapshot(machines, leaves, holdings, line, cohorts, NOW)


def _node(number: int, nodes: int) -> NodeView:
    kind, count = ("H200", 8) if number < nodes * 5 // 6 else ("L4", 4)
    gpus = tuple(Gpu(index, kind) for index in range(count))
    return NodeView(f"node-{number:04}", 128_000, 1024 * GIB, gpus, True, {"rack": f"rack-{number // 20}"})


def _tree(nodes: int, queues: int) -> tuple[tuple[CohortView, ...], tuple[QueueView, ...]]:
    """Teams that are guaranteed what their projects are, which is all there is; what is idle is lent."""
    kinds = {"H200": nodes * 5 // 6 * 8, "L4": nodes // 6 * 4}
    cohorts = tuple(CohortView(UUID(int=1 << 42 | number), f"team-{number}") for number in range(COHORTS))
    free = (Limit(CPU_MILLIS, "", 0, None), Limit(MEMORY_BYTES, "", 0, None), Limit(GPUS, "", 0, None))
    own = tuple(Limit(GPUS, kind, count * WHOLE // queues, None) for kind, count in kinds.items())
    leaves = tuple(
        QueueView(UUID(int=1 << 43 | number), f"project-{number}", free + own, cohorts[number % COHORTS].id)
        for number in range(queues)
    )
    return cohorts, leaves


def _waits(rng: Random, number: int, queues: tuple[QueueView, ...], *, gangs: bool) -> Waiting:
    count = rng.randint(2, 64) if gangs and rng.random() < 0.1 else 1
    return Waiting(
        UUID(int=number),
        queues[rng.randrange(len(queues))].id,
        _ask(rng),
        NOW - rng.random() * 10_000,
        count_min=count,
        count_max=count,
        limit_seconds=rng.choice((inf, 600.0, 3600.0, 7200.0)),
    )


def _ask(rng: Random) -> Ask:
    cores, memory = int(rng.choice(CORES) * 1000), rng.choice(GIBS) * GIB
    draw = rng.random()
    if draw < 0.13:
        return Ask(cores, memory)
    if draw < 0.99:
        return Ask(cores, memory, 1, rng.choice(KINDS), rng.choice(SHARES))
    return Ask(cores, memory, rng.choice(SEVERAL), "H200")


def _runs(rng: Random, admit: Admit, asked: Waiting) -> Holding:
    ends_at = NOW + rng.random() * 7200
    return Holding(
        admit.workload_id, asked.queue_id, asked.ask, admit.flavor, admit.assignments,
        admitted_at=NOW - 5000, started_at=NOW - 4900, ends_at=ends_at,
    )  # fmt: skip
