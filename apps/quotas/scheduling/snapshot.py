"""What a cycle decides on and what it decides: frozen, plain values.

Amounts are thousandths of a core, bytes and thousandths of a device; times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, inf
from typing import Final, NamedTuple
from uuid import UUID

CPU_MILLIS: Final = "cpu_millis"
MEMORY_BYTES: Final = "memory_bytes"
GPUS: Final = "gpus"
WHOLE: Final = 1000
"""Thousandths of a whole device."""

WAITING_FOR_QUOTA: Final = "waiting_for_quota"
WAITING_FOR_CAPACITY: Final = "waiting_for_capacity"
EXCEEDS_QUOTA: Final = "exceeds_quota"
NO_MATCHING_FLAVOR: Final = "no_matching_flavor"
PREEMPTED: Final = "preempted"
RECLAIMED: Final = "reclaimed"

Key = tuple[str, str]
"""Resource and kind of GPU; the kind is empty for cores and memory, and for GPUs of all kinds together."""


class Ask(NamedTuple):
    """What one member asks for; with GPUs, an empty flavor means any one kind."""

    cpu_millis: int
    memory_bytes: int
    gpus: int = 0
    """Devices."""
    flavor: str = ""
    gpu_millis: int = WHOLE
    """Of each device; less than the whole only of one device."""
    topology: str = ""
    """What all members must have in common: nothing, their `node`, or the value of this label of their nodes."""
    avoids: tuple[str, ...] = ()
    """Nodes on which no member goes: see `books.heeded`."""


class Gpu(NamedTuple):
    index: int  # type: ignore[assignment]  # hides that of tuples, which nobody asks
    flavor: str


@dataclass(frozen=True, slots=True)
class NodeView:
    """A machine with all it has; `ready` machines may be given members."""

    name: str
    cpu_millis: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    ready: bool = True
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


class Limit(NamedTuple):
    """What a queue or a cohort may hold of a resource. For GPUs an empty flavor counts every kind."""

    resource: str
    flavor: str
    nominal: int
    """Guaranteed to all that is below together."""
    borrowing: int | None = 0
    """How much more it may hold of what others leave idle; None: all of it."""
    lending: int | None = None
    """How much of its idle nominal others may hold; None: all of it."""
    weight: float | None = None
    """Of its share of this resource; None: that of its owner."""

    @property
    def key(self) -> Key:
        return self.resource, self.flavor


@dataclass(frozen=True, slots=True)
class CohortView:
    """An inner node of the tree of a pool; the pool itself is the root and no cohort."""

    id: UUID
    name: str
    limits: tuple[Limit, ...] = ()
    parent: UUID | None = None
    """None: directly below the pool."""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class QueueView:
    """A project's place: a leaf of the tree. A resource for which it has no limit it may not use."""

    id: UUID
    project: str
    limits: tuple[Limit, ...]
    parent: UUID | None = None
    weight: float = 1.0
    running_most: int | None = None
    """Workloads that hold something at once."""
    gpus_per_run_most: int | None = None
    """Devices of one workload, all members together."""
    run_seconds_most: int | None = None
    """Declared time limit of one attempt."""
    history: Mapping[Key, float] = field(default_factory=dict)
    """What it held on average, recent times weighing more: see `fair_share`."""


class Assignment(NamedTuple):
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
    count_min: int = 0
    """Members without which it cannot go on; 0: all that it holds."""
    priority: int = 0
    admitted_at: float = 0.0
    started_at: float | None = None
    """When its attempt began to run."""
    checkpoint_at: float | None = None
    ends_at: float = inf
    """When it ends at the latest, by its declared limit; infinite: it has declared none."""
    leaving: bool = False
    """It is being stopped: what it holds is free soon."""
    preempted_for: UUID | None = None
    """The workload for which it leaves."""
    preemptible: bool = True

    @property
    def began(self) -> float:
        """When it began to run, or was let in to."""
        return self.admitted_at if self.started_at is None else self.started_at

    @property
    def least(self) -> int:
        """Members without which it cannot go on."""
        return min(self.count_min or len(self.assignments), len(self.assignments))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A workload that waits for admission."""

    workload_id: UUID
    queue_id: UUID
    ask: Ask
    created_at: float
    count_min: int = 1
    count_max: int = 1
    priority: int = 0
    preempts: bool = False
    """It may take the place of what has a lower priority."""
    limit_seconds: float = inf
    """Declared limit of one attempt; infinite: none."""
    nominated: tuple[Assignment, ...] = ()
    """Places that are being freed for it; with `nominated_flavor`."""
    nominated_flavor: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a pool is shared."""

    half_life_seconds: float = 86_400.0
    """After so long, what was held counts half."""
    history_ratio: float = 0.5
    """Weight of history in a share; what is held now has the rest."""
    entry_penalty_seconds: float = 60.0
    """Each admission counts as if it had been held this long already."""
    ageing_seconds: float = 21_600.0
    ageing_points: int = 10
    """Priority gained each time something has waited that long; 0: none."""
    min_run_seconds: float = 300.0
    """What runs shorter is not preempted."""
    reclaim_after_seconds: float = 60.0
    """What is guaranteed is taken back only for who has waited that long: most of it comes back by itself sooner."""
    preemption: bool = True
    backfill: bool = True

    def may_reclaim(self, waited: float) -> bool:
        """Whether who has waited so many seconds may take back what is guaranteed."""
        return self.preemption and waited >= self.reclaim_after_seconds

    def gained(self, waited: float) -> int:
        """The priority that waiting so many seconds has given."""
        if self.ageing_seconds <= 0:
            return 0
        return self.ageing_points * max(0, floor(waited / self.ageing_seconds))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pool at one moment."""

    nodes: tuple[NodeView, ...]
    queues: tuple[QueueView, ...]
    holdings: tuple[Holding, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    cohorts: tuple[CohortView, ...] = ()
    at: float = 0.0
    policy: Policy = field(default_factory=Policy)


class Admit(NamedTuple):
    """It may start, all named members together."""

    workload_id: UUID
    flavor: str
    assignments: tuple[Assignment, ...]


class Grow(NamedTuple):
    """An admitted workload gets more members; `assignments` are all it then holds."""

    workload_id: UUID
    assignments: tuple[Assignment, ...]


class Wait(NamedTuple):
    """Not now; `detail` is a sentence for people."""

    workload_id: UUID
    reason: str
    detail: str
    start_at: float | None = None
    """When its place is reserved from, at the latest, if one is."""


class Refuse(NamedTuple):
    """Never, as things are; `detail` says what would run."""

    workload_id: UUID
    reason: str
    detail: str


class Preempt(NamedTuple):
    """A holding must leave, for a workload that waits."""

    workload_id: UUID
    reason: str
    detail: str
    preemptor: UUID


@dataclass(frozen=True, slots=True)
class Shrink:
    """An elastic holding must give members back: it keeps the first `count`."""

    workload_id: UUID
    count: int
    preemptor: UUID
    reason: str = PREEMPTED
    detail: str = ""
    """A sentence for people."""


class Nominate(NamedTuple):
    """These places, once free, are for this workload, which waits on; no places: no more."""

    workload_id: UUID
    flavor: str
    assignments: tuple[Assignment, ...]


Decision = Admit | Grow | Wait | Refuse | Preempt | Shrink | Nominate
