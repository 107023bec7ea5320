"""Fluent makers of scheduling snapshots: `queue("vision", gpus=4)`, `wl(1, "vision", gpus=2)`.

Cores, GiB and whole GPUs go in. Time is told in seconds after `START`; a snapshot is of `NOW`, unless it says `at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any
from uuid import UUID

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    PREEMPTED,
    WHOLE,
    Admit,
    Ask,
    Assignment,
    CohortView,
    Decision,
    Gpu,
    Grow,
    Holding,
    Limit,
    NodeView,
    Nominate,
    Policy,
    Preempt,
    QueueView,
    Refuse,
    Shrink,
    Snapshot,
    Wait,
    Waiting,
)

GIB = 1 << 30
START = 1_767_225_600.0
NOW = 10_000.0
"""Seconds after `START`."""
Spot = tuple[str, tuple[int, ...]]


def uid(number: int) -> UUID:
    return UUID(int=number)


def queue_id(project: str) -> UUID:
    return UUID(bytes=project.encode().ljust(16, b"-")[:16])


def ask(
    cores: float = 1, memory: float = 1, gpus: int = 0, flavor: str = "", share: float = 1, topology: str = ""
) -> Ask:
    """Cores and GiB of one member; `share`: of its one device."""
    return Ask(int(cores * 1000), int(memory * GIB), gpus, flavor, int(share * WHOLE), topology)


def node(
    name: str = "node",
    cores: float = 8,
    memory: float = 64,
    *,
    ready: bool = True,
    labels: dict[str, str] | None = None,
    **gpus: int,
) -> NodeView:
    """`node("a", H200=4, L4=2)`: indices run through all kinds."""
    kinds = [kind for kind, count in gpus.items() for _ in range(count)]
    devices = tuple(map(Gpu, range(len(kinds)), kinds))
    return NodeView(name, int(cores * 1000), int(memory * GIB), devices, ready, labels or {})


def queue(project: str = "vision", cores: float = 8, memory: float = 64, gpus: int = 0, **kinds: int) -> QueueView:
    """`queue("vision", cores=4, H200=2)`: hard caps; a limit per kind beside the one over all GPUs."""
    limits = [Limit(CPU_MILLIS, "", int(cores * 1000)), Limit(MEMORY_BYTES, "", int(memory * GIB))]
    limits += [Limit(GPUS, "", gpus * WHOLE)] if gpus or not kinds else []
    limits += [Limit(GPUS, kind, count * WHOLE) for kind, count in kinds.items()]
    return QueueView(queue_id(project), project, tuple(limits))


def gpus(
    nominal: float = 0,
    flavor: str = "",
    *,
    borrow: float | None = None,
    lend: float | None = None,
    weight: float | None = None,
) -> Limit:
    """Devices guaranteed; what is idle elsewhere may be borrowed, all that is idle here is lent, unless limited."""
    return Limit(GPUS, flavor, int(nominal * WHOLE), _devices(borrow), _devices(lend), weight)


def sharing(project: str, *limits: Limit, team: str = "", weight: float = 1, **more: Any) -> QueueView:
    """A queue that shares: `sharing("vision", gpus(2))`; cores and memory as far as they go."""
    free = (Limit(CPU_MILLIS, "", 0, None), Limit(MEMORY_BYTES, "", 0, None))
    own = limits or (gpus(),)
    parent = queue_id(team) if team else None
    return QueueView(queue_id(project), project, free + own, parent, weight, **more)


def cohort(name: str, *limits: Limit, within: str = "", weight: float = 1) -> CohortView:
    return CohortView(queue_id(name), name, limits, queue_id(within) if within else None, weight)


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
    share: float = 1,
    topology: str = "",
    since: float | None = None,
    limit: float = inf,
    preempts: bool = False,
    nominated: Sequence[Spot] = (),
) -> Waiting:
    """Workload `number` waits since second `number`."""
    return Waiting(
        uid(number),
        queue_id(project),
        ask(cores, memory, gpus, flavor, share, topology),
        START + (number if since is None else since),
        count_min=count,
        count_max=most or count,
        priority=priority,
        preempts=preempts,
        limit_seconds=limit,
        nominated=spots(nominated),
        nominated_flavor=flavor if nominated else "",
    )


def held(
    number: int,
    project: str = "vision",
    cores: float = 1,
    memory: float = 1,
    gpus: int = 0,
    flavor: str = "",
    *,
    on: Sequence[Spot] = (("node", ()),),
    wanted: int = 0,
    share: float = 1,
    topology: str = "",
    since: float = 0,
    ends: float = inf,
    **more: Any,
) -> Holding:
    """Workload `number` runs on the named nodes and GPU indices, since a second and until one."""
    return Holding(
        uid(number),
        queue_id(project),
        ask(cores, memory, gpus, flavor, share, topology),
        flavor,
        spots(on),
        wanted,
        admitted_at=START + since,
        started_at=START + since,
        ends_at=START + ends,
        **more,
    )


def spots(on: Sequence[Spot]) -> tuple[Assignment, ...]:
    return tuple(Assignment(name, devices) for name, devices in on)


def snapshot(
    nodes: Sequence[NodeView],
    queues: Sequence[QueueView],
    *waiting: Waiting,
    holdings: Sequence[Holding] = (),
    cohorts: Sequence[CohortView] = (),
    at: float = NOW,
    policy: Policy | None = None,
) -> Snapshot:
    """Without ageing unless the policy says so: classes are what they are."""
    own = policy or Policy(ageing_points=0)
    return Snapshot(tuple(nodes), tuple(queues), tuple(holdings), tuple(waiting), tuple(cohorts), START + at, own)


def told(decisions: Sequence[Decision], number: int) -> list[Decision]:
    """What was decided about workload `number`."""
    return [decision for decision in decisions if decision.workload_id == uid(number)]


def big(name: str = "node", *, labels: dict[str, str] | None = None, **gpus: int) -> NodeView:
    """A machine of which only the GPUs are scarce."""
    return node(name, cores=1000, memory=4000, labels=labels, **gpus)


def _devices(number: float | None) -> int | None:
    return None if number is None else int(number * WHOLE)


def story(given: Snapshot) -> str:
    """What a cycle decides, in its order: `1 starts, 2 waits, 3 leaves, 4 is promised`."""
    told: list[str] = []
    promised: set[UUID] = set()
    for decision in cycle(given):
        number = decision.workload_id.int
        match decision:
            case Admit():
                told.append(
                    f"{number} starts" + (f" with {len(decision.assignments)}" if is_elastic(given, decision) else "")
                )
            case Grow():
                told.append(f"{number} grows to {len(decision.assignments)}")
            case Refuse():
                told.append(f"{number} is refused")
            case Preempt():
                told.append(f"{number} leaves" if decision.reason == PREEMPTED else f"{number} gives back")
            case Shrink():
                told.append(f"{number} shrinks to {decision.count}")
            case Nominate():
                promised |= {decision.workload_id} if decision.assignments else set()
                told.append(f"{number} is promised" + ("" if decision.assignments else " nothing"))
            case Wait() if decision.workload_id not in promised:
                told.append(f"{number} waits")
    return ", ".join(told)


def is_elastic(given: Snapshot, admit: Admit) -> bool:
    return any(one.workload_id == admit.workload_id and one.count_max > one.count_min for one in given.waiting)
