"""What a cycle decides on and what it decides: frozen, plain values.

Amounts are thousandths of a core, bytes and whole devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

CPU_MILLIS: Final = "cpu_millis"
MEMORY_BYTES: Final = "memory_bytes"
GPUS: Final = "gpus"

WAITING_FOR_QUOTA: Final = "waiting_for_quota"
WAITING_FOR_CAPACITY: Final = "waiting_for_capacity"
EXCEEDS_QUOTA: Final = "exceeds_quota"
NO_MATCHING_FLAVOR: Final = "no_matching_flavor"


@dataclass(frozen=True, slots=True)
class Ask:
    """What one member asks for; with GPUs, an empty flavor means any one kind."""

    cpu_millis: int
    memory_bytes: int
    gpus: int = 0
    flavor: str = ""


@dataclass(frozen=True, slots=True)
class Gpu:
    index: int
    flavor: str


@dataclass(frozen=True, slots=True)
class NodeView:
    """A machine with all it has; `ready` machines may be given members."""

    name: str
    cpu_millis: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a resource a queue may hold at once. For GPUs an empty flavor counts every kind."""

    resource: str
    flavor: str
    nominal: int


@dataclass(frozen=True, slots=True)
class QueueView:
    id: UUID
    project: str
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one member goes: a node, and the indices of its GPUs there."""

    node: str
    devices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """An admitted workload and what it holds until its last member is proven gone."""

    workload_id: UUID
    queue_id: UUID
    ask: Ask
    flavor: str
    """The kind of GPU that was granted."""
    assignments: tuple[Assignment, ...]
    wanted: int = 0
    """Members it wants; more than it holds if it is to grow."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A workload that waits for admission."""

    workload_id: UUID
    queue_id: UUID
    ask: Ask
    created_at: datetime
    count_min: int = 1
    count_max: int = 1
    priority: int = 0

    @property
    def rank(self) -> tuple[int, datetime, UUID]:
        """Order of admission: priority, then age."""
        return (-self.priority, self.created_at, self.workload_id)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pool at one moment."""

    nodes: tuple[NodeView, ...]
    queues: tuple[QueueView, ...]
    holdings: tuple[Holding, ...] = ()
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class Admit:
    """It may start, all named members together."""

    workload_id: UUID
    flavor: str
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Grow:
    """An admitted workload gets more members; `assignments` are all it then holds."""

    workload_id: UUID
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now; `detail` is a sentence for people."""

    workload_id: UUID
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never, as things are; `detail` says what would run."""

    workload_id: UUID
    reason: str
    detail: str


Decision = Admit | Grow | Wait | Refuse
