"""Small pools, jobs and policies for tests of simulations."""

from __future__ import annotations

from uuid import UUID

from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    Admit,
    Ask,
    Assignment,
    CohortView,
    Decision,
    Gpu,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
)

ONE, TWO = UUID(int=1), UUID(int=2)


def queue(
    number: int,
    gpus: int,
    borrowing: int | None = None,
    lending: int | None = None,
    parent: UUID | None = None,
    running_most: int | None = None,
) -> QueueView:
    """A queue with so many devices, and cores and memory without end."""
    limits = (
        Limit(CPU_MILLIS, "", 0, None),
        Limit(MEMORY_BYTES, "", 0, None),
        Limit(GPUS, "", gpus * 1000, borrowing and borrowing * 1000, lending if lending is None else lending * 1000),
    )
    return QueueView(UUID(int=number), f"queue-{number}", limits, parent, running_most=running_most)


def node(name: str = "a", gpus: int = 4, **labels: str) -> NodeView:
    return NodeView(name, 64_000, 1 << 40, tuple(Gpu(index, "H200") for index in range(gpus)), labels=labels)


def pool(*nodes: NodeView, queues: tuple[QueueView, ...] = (), cohorts: tuple[CohortView, ...] = ()) -> Snapshot:
    return Snapshot(nodes or (node(),), queues or (queue(1, 4),), cohorts=cohorts)


def job(number: int, arrives_at: float, seconds: float, gpus: int = 1, members: int = 1, queue: UUID = ONE) -> Job:
    ask = Ask(1000, 1 << 30, gpus)
    return Job(UUID(int=number), queue, ask, arrives_at, seconds, count_min=members, count_max=members)


def first_come(snapshot: Snapshot) -> tuple[Decision, ...]:
    """In the order of arrival onto the first node with room, member by member; stops at the first without a place."""
    used = {(a.node, index) for holding in snapshot.holdings for a in holding.assignments for index in a.devices}
    decisions: list[Decision] = []
    for waiting in sorted(snapshot.waiting, key=lambda one: (one.created_at, one.workload_id)):
        places: list[Assignment] = []
        for each in snapshot.nodes:
            free = [gpu.index for gpu in each.gpus if (each.name, gpu.index) not in used]
            while len(places) < waiting.count_max and len(free) >= waiting.ask.gpus:
                places.append(Assignment(each.name, tuple(free[: waiting.ask.gpus])))
                free = free[waiting.ask.gpus :]
        if len(places) < waiting.count_min:
            break
        used |= {(place.node, index) for place in places for index in place.devices}
        decisions.append(Admit(waiting.workload_id, "H200", tuple(places)))
    return tuple(decisions)
