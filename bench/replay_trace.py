"""A recorded trace made into a replay: machines, a tree of tenants with quotas, and jobs at an offered load.

The trace says who asked for what, when, and how long it ran. What it does not say is added from a seed, and said:

- **Tenants**: 30 queues in 6 teams. Demand is skewed (Zipf over the queues, in runs of the same tenant); what is
  guaranteed is not: every team and queue has its own part, and the parts sum to the devices there are. All may borrow
  what is idle; every third queue lends at most half of its own.
- **Gangs**: a tenth of all tasks, drawn from those of one whole device, have 2, 4, … 64 members instead of one, but
  never more than a sixteenth of all devices.
- **Declared limits**: 2 to 10 times as long as the task really runs.

And what the trace has too much of is cut, and said: gaps between arrivals (weeks in which nothing came) and running
times (services that ran for months, half a percent of the tasks with five sixths of all device time). Then the
arrivals are compressed until the device time asked for is `load` times what the machines have in that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil
from pathlib import Path
from random import Random
from uuid import UUID

from apps.quotas.scheduling.fit import Machines
from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    WHOLE,
    Ask,
    CohortView,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Snapshot,
)
from apps.quotas.scheduling.trace import Task, nodes_in, tasks_in

TEAMS, QUEUES_PER_TEAM = 6, 5
GANG_PART, GANG_SIZES = 0.1, (2, 4, 8, 16, 32, 64)
LIMIT_TIMES = (2.0, 10.0)
GAP_MOST, SECONDS_MOST = 3600.0, 7200.0
ROWS_MOST = 1_000_000
ZIPF, RUN_LENGTH = 1.0, 4.0
_JOBS, _QUEUES, _TEAMS, _EARLIER = 1 << 64, 2 << 64, 3 << 64, 4 << 64


Said = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Replay:
    """What is simulated."""

    start: Snapshot
    jobs: tuple[Job, ...]
    arrivals: float
    """Seconds in which they arrive."""
    load: float
    said: Said = field(default_factory=dict)


def nodes_of(path: Path) -> tuple[NodeView, ...]:
    """Machines: columns sn, cpu_milli, memory_mib, gpu, model."""
    return nodes_in(path.read_text(), ROWS_MOST)


def tasks_of(path: Path) -> list[Task]:
    """Tasks in the order of their arrival: columns cpu_milli, memory_mib, num_gpu, gpu_milli, creation_time,
    deletion_time."""
    return tasks_in(path.read_text(), ROWS_MOST)


def replay_of(nodes: Sequence[NodeView], tasks: Sequence[Task], load: float, seed: int = 0) -> Replay:
    """The trace at an offered load, with all that it lacks."""
    random = Random(seed)
    devices = sum(len(node.gpus) for node in nodes)
    queues, cohorts = _tenants(devices, random)
    members = _gangs(tasks, devices // 16, random)
    owners = _owners(len(tasks), queues, random)
    work = sum(_devices(task.ask) * count * _seconds(task) for task, count in zip(tasks, members, strict=True))
    arrivals = work / (load * devices)
    times = _arrivals(tasks)
    jobs = [
        Job(
            UUID(int=_JOBS + number),
            owners[number],
            task.ask,
            times[number] / times[-1] * arrivals,
            _seconds(task),
            float(ceil(_seconds(task) * random.uniform(*LIMIT_TIMES))),
            members[number],
            members[number],
        )
        for number, task in enumerate(tasks)
    ]
    earlier = [
        replace(job, id=UUID(int=job.id.int + _EARLIER), arrives_at=job.arrives_at - arrivals)
        for job in jobs
        if job.arrives_at + job.seconds > arrivals
    ]
    start = Snapshot(tuple(nodes), queues, _running(nodes, earlier), cohorts=cohorts)
    running = {one.workload_id for one in start.holdings}
    whole = (*jobs, *(job for job in earlier if job.id in running))
    said = {"load": load, "seed": seed, "time_compression": round(times[-1] / arrivals, 1)} | _said(
        start, tasks, members
    )
    return Replay(start, whole, arrivals, load, said | {"arrival_seconds": round(arrivals, 1)})


def _said(start: Snapshot, tasks: Sequence[Task], members: Sequence[int]) -> Said:
    """What it came to, and what was added and cut."""
    held = sum(len(one.assignments) * _devices(one.ask) for one in start.holdings)
    return {
        "tasks": len(tasks),
        "nodes": len(start.nodes),
        "devices": sum(len(node.gpus) for node in start.nodes),
        "shares_of_a_device": sum(task.ask.gpu_millis < WHOLE for task in tasks),
        "queues_added": len(start.queues),
        "teams_added": len(start.cohorts),
        "gangs_added": sum(count > 1 for count in members),
        "gang_members": sum(count for count in members if count > 1),
        "limits_added": f"{LIMIT_TIMES[0]:g} to {LIMIT_TIMES[1]:g} times the running time",
        "running_times_cut_to_seconds": SECONDS_MOST,
        "running_times_cut": sum(task.seconds > SECONDS_MOST for task in tasks),
        "gaps_cut_to_seconds": GAP_MOST,
        "running_at_first": len(start.holdings),
        "devices_held_at_first": round(held, 2),
    }


def _devices(ask: Ask) -> float:
    return ask.gpus * ask.gpu_millis / WHOLE


def _seconds(task: Task) -> float:
    return min(task.seconds, SECONDS_MOST)


def _arrivals(tasks: Sequence[Task]) -> list[float]:
    """Seconds from the first arrival on, without long gaps."""
    times = [0.0]
    for before, after in pairwise(tasks):
        times.append(times[-1] + min(GAP_MOST, after.arrives_at - before.arrives_at))
    return times


def _running(nodes: Sequence[NodeView], jobs: Sequence[Job]) -> tuple[Holding, ...]:
    """Those of the jobs for which there is room, one after the other, on the kind of GPU of which most is left."""
    machines = Machines(nodes)
    holdings = []
    for job in jobs:
        for kind in sorted(machines.flavors, key=lambda kind: -int(machines.devices.left(kind).sum())):
            chosen = machines.choose(job.ask, kind, job.count_max, machines.members(job.ask, kind))
            if chosen is not None:
                places = tuple(machines.place(job.ask, kind, chosen))
                ends_at, at = job.arrives_at + job.limit_seconds, job.arrives_at
                holdings.append(
                    Holding(job.id, job.queue_id, job.ask, kind, places, admitted_at=at, started_at=at, ends_at=ends_at)
                )
                break
    return tuple(holdings)


def _tenants(devices: int, random: Random) -> tuple[tuple[QueueView, ...], tuple[CohortView, ...]]:
    parts = [[random.uniform(0.5, 1.5) for _ in range(QUEUES_PER_TEAM)] for _ in range(TEAMS)]
    whole = sum(map(sum, parts))
    queues, cohorts = [], []
    for team, own in enumerate(parts):
        cohort = UUID(int=_TEAMS + team)
        cohorts.append(CohortView(cohort, f"team-{team}", weight=sum(own) / whole))
        for number, part in enumerate(own):
            at = team * QUEUES_PER_TEAM + number
            nominal = int(devices * WHOLE * part / whole)
            limits = (
                Limit(CPU_MILLIS, "", 0, None),
                Limit(MEMORY_BYTES, "", 0, None),
                Limit(GPUS, "", nominal, None, nominal // 2 if at % 3 == 0 else None),
            )
            queues.append(QueueView(UUID(int=_QUEUES + at), f"team-{team}-{number}", limits, cohort, part / whole))
    return tuple(queues), tuple(cohorts)


def _gangs(tasks: Sequence[Task], most: int, random: Random) -> list[int]:
    """Members of each task."""
    sizes = [size for size in GANG_SIZES if size <= most] or [1]
    whole = [number for number, task in enumerate(tasks) if task.ask.gpus == 1 and task.ask.gpu_millis == WHOLE]
    members = [1] * len(tasks)
    for number in random.sample(whole, min(len(whole), round(GANG_PART * len(tasks)))):
        members[number] = random.choice(sizes)
    return members


def _owners(count: int, queues: Sequence[QueueView], random: Random) -> list[UUID]:
    """Queues of the tasks: skewed, and in runs, since who submits once submits more."""
    order = random.sample([queue.id for queue in queues], len(queues))
    weights = [1 / (rank + 1) ** ZIPF for rank in range(len(order))]
    owners: list[UUID] = []
    while len(owners) < count:
        run = 1 + int(random.expovariate(1 / RUN_LENGTH))
        owners += random.choices(order, weights) * run
    return owners[:count]
