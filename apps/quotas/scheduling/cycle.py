"""One admission cycle: a decision for everything that waits or wants to grow.

The rule, in four sentences. Higher priority first, then the older. Within a queue the order is strict: when its first
workload must wait, all behind it wait too, so nothing smaller of the same project can starve it. Across queues later
workloads are admitted into what is left, so one project's wait does not idle the machines of the others. A workload
starts with at least `count_min` members at once or not at all, and what could never run is refused now.
"""

from __future__ import annotations

from uuid import UUID

from apps.quotas.scheduling.explain import FIRST, NOT_FIRST, Why, behind_wait, capacity_wait, quota_wait, refusal
from apps.quotas.scheduling.fit import Books
from apps.quotas.scheduling.snapshot import Admit, Ask, Decision, Grow, Holding, Refuse, Snapshot, Wait, Waiting
from apps.quotas.scheduling.words import counted
from workers.contracts.sentences import say


def cycle(snapshot: Snapshot) -> tuple[Decision, ...]:
    """Exactly one decision for each waiting workload and each holding that wants more than it holds.

    Those that run grow first; then the waiting are looked at in their order.
    """
    return _Cycle(snapshot).decide()


class _Cycle:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.books = Books(snapshot)
        self.blocked: dict[UUID, str] = {}
        """Queue → why its first workload waits."""
        self.refusals: dict[tuple[UUID, Ask, int], Why | None] = {}
        self.full: set[tuple[Ask, int, tuple[str, ...]]] = set()
        """What did not fit on the machines once will not fit later in the same cycle."""

    def decide(self) -> tuple[Decision, ...]:
        growing = [holding for holding in self.snapshot.holdings if holding.wanted > len(holding.assignments)]
        decisions: list[Decision] = [self._grow(holding) for holding in sorted(growing, key=lambda h: h.workload_id)]
        decisions += [self._look_at(waiting) for waiting in sorted(self.snapshot.waiting, key=lambda w: w.rank)]
        return tuple(decisions)

    def _look_at(self, waiting: Waiting) -> Decision:
        never = self._refusal(waiting)
        if never is not None:
            return Refuse(waiting.workload_id, *never)
        queue = self.books.queues[waiting.queue_id]
        if queue.id in self.blocked:
            return Wait(waiting.workload_id, *behind_wait(queue, self.blocked[queue.id]))
        flavor, count, why = self._fit(waiting.queue_id, waiting.ask, waiting.count_min, waiting.count_max, FIRST)
        if why is not None:
            self.blocked[queue.id] = why[0]
            return Wait(waiting.workload_id, *why)
        places = self.books.place(queue.id, waiting.ask, flavor, count)
        self.books.holders[queue.id] += 1
        return Admit(waiting.workload_id, flavor, places)

    def _grow(self, holding: Holding) -> Decision:
        has = len(holding.assignments)
        ask = Ask(holding.ask.cpu_millis, holding.ask.memory_bytes, holding.ask.gpus, holding.flavor)
        flavor, count, why = self._fit(holding.queue_id, ask, 1, holding.wanted - has, NOT_FIRST)
        if why is not None:
            held = say("granted", has=has, wanted=counted(holding.wanted, "member"))
            return Wait(holding.workload_id, why[0], f"{held} {why[1]}")
        more = self.books.place(holding.queue_id, ask, flavor, count)
        return Grow(holding.workload_id, holding.assignments + more)

    def _refusal(self, waiting: Waiting) -> Why | None:
        key = (waiting.queue_id, waiting.ask, waiting.count_min)
        if key not in self.refusals:
            queue = self.books.queues[waiting.queue_id]
            self.refusals[key] = refusal(self.books, queue, self.snapshot.nodes, waiting.ask, waiting.count_min)
        return self.refusals[key]

    def _fit(self, queue_id: UUID, ask: Ask, least: int, most: int, end: str) -> tuple[str, int, Why | None]:
        """The kind of GPU under which most members fit, how many, or why fewer than `least` do.

        Args:
            end: how a sentence ends that says why: `FIRST` or `NOT_FIRST`.
        """
        by_quota = {kind: self.books.members_by_quota(queue_id, ask, kind) for kind in self.books.options(ask)}
        allowed = [kind for kind, count in by_quota.items() if count >= least]
        if not allowed:
            kind = max(by_quota, key=lambda kind: by_quota[kind], default=ask.flavor)
            return "", 0, quota_wait(self.books, self.books.queues[queue_id], ask, kind, least, end)
        tried = (ask, least, tuple(allowed))
        if tried in self.full:
            return "", 0, capacity_wait(self.books, ask, least, end)
        room = {kind: min(by_quota[kind], self.books.members_by_capacity(ask, kind), most) for kind in allowed}
        best = max(allowed, key=lambda kind: room[kind])
        if room[best] >= least:
            return best, room[best], None
        self.full.add(tried)
        return "", 0, capacity_wait(self.books, ask, least, end)
