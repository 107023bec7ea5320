"""Fluent makers of scheduling snapshots: `queue("vision", gpus=4)`, `wl(1, "vision", gpus=2)`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    Ask,
    Assignment,
    Gpu,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
    Waiting,
)

GIB = 1 << 30
START = datetime(2026, 1, 1, tzinfo=UTC)


def uid(number: int) -> UUID:
    return UUID(int=number)


def queue_id(project: str) -> UUID:
    return UUID(bytes=project.encode().ljust(16, b"-")[:16])


def ask(cores: float = 1, memory: float = 1, gpus: int = 0, flavor: str = "") -> Ask:
    """Cores and GiB of one member."""
    return Ask(int(cores * 1000), int(memory * GIB), gpus, flavor)


def node(name: str = "node", cores: float = 8, memory: float = 64, *, ready: bool = True, **gpus: int) -> NodeView:
    """`node("a", H200=4, L4=2)`: indices run through all kinds."""
    kinds = [kind for kind, count in gpus.items() for _ in range(count)]
    return NodeView(name, int(cores * 1000), int(memory * GIB), tuple(map(Gpu, range(len(kinds)), kinds)), ready)


def queue(project: str = "vision", cores: float = 8, memory: float = 64, gpus: int = 0, **kinds: int) -> QueueView:
    """`queue("vision", cores=4, H200=2)`: a limit per kind beside the one over all GPUs."""
    limits = [Limit(CPU_MILLIS, "", int(cores * 1000)), Limit(MEMORY_BYTES, "", int(memory * GIB))]
    limits += [Limit(GPUS, "", gpus)] if gpus or not kinds else []
    limits += [Limit(GPUS, kind, count) for kind, count in kinds.items()]
    return QueueView(queue_id(project), project, tuple(limits))


def wl(
    number: int,
    project: str = "vision",
    cores: float = 1,
    memory: float = 1,
    gpus: int = 0,
    flavor: str = "",
    *,
    count: int = 1,
    most: int = 0,
    priority: int = 0,
) -> Waiting:
    """Workload `number` waits since second `number`."""
    return Waiting(
        uid(number),
        queue_id(project),
        ask(cores, memory, gpus, flavor),
        START + timedelta(seconds=number),
        count_min=count,
        count_max=most or count,
        priority=priority,
    )


def held(
    number: int,
    project: str = "vision",
    cores: float = 1,
    memory: float = 1,
    gpus: int = 0,
    flavor: str = "",
    *,
    on: Sequence[tuple[str, tuple[int, ...]]] = (("node", ()),),
    wanted: int = 0,
) -> Holding:
    """Workload `number` runs on the named nodes and GPU indices."""
    return Holding(
        uid(number),
        queue_id(project),
        ask(cores, memory, gpus, flavor),
        flavor,
        tuple(Assignment(name, devices) for name, devices in on),
        wanted,
    )


def snapshot(
    nodes: Sequence[NodeView], queues: Sequence[QueueView], *waiting: Waiting, holdings: Sequence[Holding] = ()
) -> Snapshot:
    return Snapshot(tuple(nodes), tuple(queues), tuple(holdings), tuple(waiting))
