"""Traces of other clusters that are played in a pool: read from files, stored with the question, made into jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from apps.common.errors import Invalid
from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.snapshot import NodeView, Snapshot
from apps.quotas.scheduling.trace import BadTrace, Task, nodes_in, tasks_in

TASKS_MOST: Final = 10_000
NODES_MOST: Final = 2_000
_JOBS: Final = 1 << 64
"""Ids of the jobs begin here: no workload has such a one."""


def trace_check(tasks: str, nodes: str) -> None:
    """Raise Invalid for files that cannot be read: which, the line and the reason.

    Args:
        nodes: empty: the machines of the pool are those of the trace, too.
    """
    _read("trace_tasks", tasks_in, tasks, TASKS_MOST)
    if nodes:
        _read("trace_nodes", nodes_in, nodes, NODES_MOST)


def _read(name: str, reader: Any, text: str, most: int) -> None:
    try:
        reader(text, most)
    except BadTrace as error:
        raise Invalid(f"{name}: {error}", fields={name: [str(error)]}) from error


def trace_world(present: Snapshot, trace: dict[str, str], hours: int) -> tuple[Snapshot, tuple[Job, ...], int]:
    """A pool with the machines of a trace and nothing on them, and the tasks as jobs that arrive within so many hours.

    A task is of the queue of its project, by name; without one, of the queues in turn. Returns also how many tasks are
    left out since their project has no queue there.
    """
    nodes: tuple[NodeView, ...] = nodes_in(trace["nodes"], NODES_MOST) if trace["nodes"] else present.nodes
    start = replace(present, nodes=nodes, holdings=(), waiting=())
    tasks = tasks_in(trace["tasks"], TASKS_MOST)
    jobs = _jobs(start, tasks, 3600.0 * hours)
    return start, jobs, len(tasks) - len(jobs)


def _jobs(start: Snapshot, tasks: Sequence[Task], span: float) -> tuple[Job, ...]:
    queues = sorted(start.queues, key=lambda queue: (queue.project, queue.id))
    named = {queue.project: queue.id for queue in reversed(queues)}
    first, last = tasks[0].arrives_at, tasks[-1].arrives_at
    pace = span / (last - first) if last > first else 0.0
    found: list[Job] = []
    for number, task in enumerate(tasks):
        queue = named.get(task.project) if task.project else queues[number % len(queues)].id if queues else None
        if queue is not None:
            arrives_at = start.at + (task.arrives_at - first) * pace
            found.append(Job(UUID(int=_JOBS + number), queue, task.ask, arrives_at, task.seconds))
    return tuple(found)
