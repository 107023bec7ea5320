"""When the first of each queue start at the latest, by what their queue alone is guaranteed.

What runs in the queue ends by its declared limit, and what waits before takes its place and runs to its limit too:
whatever others do, the guaranteed part comes back to the queue then. Learnt errors must not say later than that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from math import inf
from uuid import UUID

from apps.quotas.scheduling.estimate_line import lines_of
from apps.quotas.scheduling.snapshot import Holding, Key, QueueView, Snapshot, Waiting
from apps.quotas.scheduling.tree import Amounts, amounts_of, capacity_of

FIRST_MOST = 20
"""Of a line: what is far back has time enough for more urgent work to come before it."""
SLACK_SECONDS = 30.0
"""Between an end and the start of the next."""


def latest(snapshot: Snapshot) -> dict[UUID, float]:
    """Workload → seconds from now, of single members whose queue's nominal has room for them; only where the pool
    takes back what is guaranteed."""
    if not snapshot.policy.preemption:
        return {}
    held: dict[UUID, list[Holding]] = defaultdict(list)
    for holding in snapshot.holdings:
        held[holding.queue_id].append(holding)
    idle = _idle(snapshot)
    queues = {queue.id: queue for queue in snapshot.queues if queue.running_most is None}
    found: dict[UUID, float] = {}
    for queue_id, line in lines_of(snapshot).items():
        if queue_id in queues:
            found |= _latest_of(snapshot, queues[queue_id], held[queue_id], [one for _, one in line[:FIRST_MOST]], idle)
    return found


def _idle(snapshot: Snapshot) -> dict[Key, int]:
    """What nobody holds on all machines that take members."""
    idle = capacity_of(node for node in snapshot.nodes if node.ready)
    for one in snapshot.holdings:
        _add(idle, amounts_of(one.ask, one.flavor, len(one.assignments)), -1)
    return idle


def _latest_of(
    snapshot: Snapshot, queue: QueueView, holdings: Iterable[Holding], line: Iterable[Waiting], idle: Mapping[Key, int]
) -> dict[UUID, float]:
    free = {limit.key: limit.nominal for limit in queue.limits}
    ending: list[tuple[float, int, dict[Key, int]]] = []
    for number, one in enumerate(holdings):
        amounts = amounts_of(one.ask, one.flavor, len(one.assignments))
        _add(free, amounts, -1)
        heappush(ending, (snapshot.at if one.leaving else max(snapshot.at, one.ends_at), -number - 1, amounts))
    # Others hold a part of what is guaranteed here: it is taken back first, from what has run long enough.
    lent = any(amount > idle.get(key, 0) for key, amount in free.items() if amount > 0)
    slack = SLACK_SECONDS
    if lent:
        slack += snapshot.policy.reclaim_after_seconds + snapshot.policy.min_run_seconds
    found: dict[UUID, float] = {}
    at = snapshot.at
    for number, waits in enumerate(line):
        needs = amounts_of(waits.ask, waits.ask.flavor, waits.count_min)
        while ending and not _has(free, needs):
            at, _, amounts = heappop(ending)
            _add(free, amounts, 1)
        if waits.count_min > 1 or at == inf or not _has(free, needs):
            break
        _add(free, needs, -1)
        found[waits.workload_id] = at - snapshot.at + slack
        heappush(ending, (at + slack + waits.limit_seconds, number, needs))
    return found


def _has(free: Mapping[Key, int], needs: Amounts) -> bool:
    return all(free.get(key, 0) >= amount for key, amount in needs.items() if amount)


def _add(free: dict[Key, int], amounts: Amounts, sign: int) -> None:
    """Of the resources that are counted."""
    for key, amount in amounts.items():
        if key in free:
            free[key] += sign * amount
