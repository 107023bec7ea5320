"""A pool run by a policy in simulated time: jobs arrive, are decided on, run, are preempted and end.

Events happen at exact times; the policy is asked when something has changed, at once or at the next full tick. What it
decides is done as it says, also where that is wrong: a referee with books of its own counts what no policy may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from itertools import chain
from math import ceil, inf
from uuid import UUID

from apps.quotas.scheduling.jobs import Decide, Job, Observer, Pace
from apps.quotas.scheduling.outcome import Outcome
from apps.quotas.scheduling.referee import CAPACITY
from apps.quotas.scheduling.simulated_pool import Running, SimulatedPool
from apps.quotas.scheduling.snapshot import (
    Admit,
    Decision,
    Grow,
    Nominate,
    Policy,
    Preempt,
    Refuse,
    Shrink,
    Snapshot,
    Wait,
    Waiting,
)

_GONE, _ENDS, _SAVED, _ARRIVES, _DECIDES = range(5)
"""What happens at the same time happens in this order."""
_NOBODY = UUID(int=0)
_ROUNDS_MOST = 1000
"""So many decisions without time passing: the policy goes round in circles."""


def simulate(
    start: Snapshot,
    jobs: Iterable[Job],
    policy: Decide,
    pace: Pace | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Run until nothing happens any more, or `pace.until`.

    Args:
        start: the pool at first. What waits there needs a job of the same id. What runs there may have one, whose
            `seconds` count from its start; without one it ends at its `ends_at`.
        jobs: in any order; those unknown to `start` arrive when they say.

    Raises:
        ValueError: a job's queue is unknown, or something waits without a job.
        RuntimeError: the policy changes its mind for ever without time passing.
    """
    return _Simulation(start, {job.id: job for job in jobs}, policy, pace or Pace(), observer or Observer()).run()


class _Simulation:
    def __init__(
        self, start: Snapshot, jobs: Mapping[UUID, Job], policy: Decide, pace: Pace, observer: Observer
    ) -> None:
        self.policy, self.pace, self.observer = policy, pace, observer
        self.pool = SimulatedPool(start, jobs)
        self.jobs = self.pool.jobs
        self.heap: list[tuple[float, int, int, UUID, int]] = []
        self.events = self.cycles = self.rounds = 0
        self.decides_at = inf
        self._begin(start)

    @property
    def at(self) -> float:
        return self.pool.at

    def _begin(self, start: Snapshot) -> None:
        known = {queue.id for queue in start.queues}
        strange = [job.id for job in self.jobs.values() if job.queue_id not in known]
        missing = [one.workload_id for one in start.waiting if one.workload_id not in self.jobs]
        if strange or missing:
            raise ValueError(f"no queue for {strange[:3]}, no job for {missing[:3]}")
        for holding in start.holdings:
            one = self.pool.resume(holding)
            if holding.leaving:
                self._push(self.at + self.pace.notice, _GONE, one.job.id)
            else:
                self._expect(one)
        for waiting in start.waiting:
            self.pool.wait(self.jobs[waiting.workload_id], waiting)
        for job in tuple(self.jobs.values()):
            if job.id not in self.pool.running and job.id not in self.pool.waiting:
                self._push(max(job.arrives_at, self.at), _ARRIVES, job.id)
        self._changed()

    def run(self) -> Outcome:
        steps = (self._go, self._end, self._save, self._arrive, self._decide)
        while self.heap and self.heap[0][0] <= self.pace.until:
            at, kind, _, workload, version = heappop(self.heap)
            if kind == _DECIDES and at < self.decides_at:
                continue  # it was decided meanwhile
            self.rounds = 0 if at > self.at else self.rounds
            self.pool.at = at
            steps[kind](workload, version)
        if self.heap:
            self.pool.at = max(self.at, self.pace.until)
        return self.pool.close(self.cycles)

    def _push(self, at: float, kind: int, workload: UUID, version: int = 0) -> None:
        self.events += 1
        heappush(self.heap, (at, kind, self.events, workload, version))

    def _changed(self) -> None:
        """A decision is due: now, or at the next full tick."""
        self._due(self._tick(self.at))

    def _tick(self, at: float) -> float:
        """When a decision can be made that is due then."""
        tick = self.pace.tick
        return ceil(at / tick - 1e-9) * tick if tick else at

    def _due(self, at: float) -> None:
        if at < self.decides_at:
            self.decides_at = max(at, self.at)
            self._push(self.decides_at, _DECIDES, _NOBODY)

    def _expect(self, one: Running) -> None:
        """Its end follows from what is left of its work, and from its limit."""
        one.version = self.events  # no other expectation has this number
        left = (one.job.seconds - one.done) / one.rate if one.rate else inf
        ends = min(self.at + max(0.0, left), max(self.at, one.holding.ends_at))
        if ends < inf:
            self._push(ends, _ENDS, one.job.id, one.version)
        every = one.job.checkpoint_seconds
        if 0 < every < inf and one.rate:
            saves = self.at + ((one.done // every + 1) * every - one.done) / one.rate
            self._push(saves, _SAVED, one.job.id, one.version)

    def _arrive(self, workload: UUID, version: int) -> None:
        job = self.jobs[workload]
        self.pool.wait(job, job.waiting)
        self._changed()
        self.observer.submitted(job, self.pool.look)

    def _save(self, workload: UUID, version: int) -> None:
        one = self.pool.running.get(workload)
        if one is not None and one.version == version:
            every = one.job.checkpoint_seconds
            one.kept = round(one.work(self.at) / every) * every
            one.holding = replace(one.holding, checkpoint_at=self.at)
            self._push(self.at + every / one.rate, _SAVED, workload, version)

    def _end(self, workload: UUID, version: int) -> None:
        one = self.pool.running.get(workload)
        if one is not None and one.version == version:
            self.pool.leave(one)
            self.pool.passages[workload].ended_at = self.at
            self._changed()
            self.observer.ended(one.job, self.pool.look)

    def _go(self, workload: UUID, version: int) -> None:
        """What was told to go is gone; it waits again if it was preempted here."""
        one = self.pool.running[workload]
        self.pool.leave(one)
        if workload in self.pool.work:
            self.pool.wait(one.job, one.job.waiting)
        self._changed()

    def _decide(self, workload: UUID, version: int) -> None:
        self.decides_at = inf
        self.rounds += 1
        if self.rounds > _ROUNDS_MOST:
            raise RuntimeError(f"the policy decided {self.rounds} times at {self.at}")
        snapshot = self.pool.look()
        if snapshot.waiting or any(one.wanted > len(one.assignments) for one in snapshot.holdings):
            self.cycles += 1
            decisions = self.policy(snapshot)
            for decision in decisions:
                self._apply(decision)
            self.observer.decided(decisions, self.pool.look)
        if not self.pool.waiting:
            return
        if self.heap and self.pace.beat < inf:
            self._due(self.at + self.pace.beat)
        ripe = self._ripe(snapshot.policy)
        if ripe < inf:
            self._due(self._tick(ripe))

    def _ripe(self, policy: Policy) -> float:
        """The next moment at which, though nothing happens, something has waited for long enough to take back what it
        is guaranteed, or has run for long enough to be asked to leave."""
        if not policy.preemption or not self.pool.running:
            return inf
        waited = (one.created_at + policy.reclaim_after_seconds for one in self.pool.waiting.values())
        ran = (one.holding.began + policy.min_run_seconds for one in self.pool.running.values())
        return min((moment for moment in chain(waited, ran) if moment > self.at), default=inf)

    def _apply(self, decision: Decision) -> None:
        workload = decision.workload_id
        if isinstance(decision, Wait):
            return
        if isinstance(decision, Admit | Nominate | Refuse):
            waiting = self.pool.waiting.get(workload)
            if waiting is not None:
                self._answer(decision, waiting)
                return
        else:
            one = self.pool.running.get(workload)
            if one is not None and not one.holding.leaving:
                self._change(decision, one)
                return
        self.pool.referee.stray(CAPACITY, f"{type(decision).__name__} of {workload}, of which that cannot be said")

    def _answer(self, decision: Admit | Nominate | Refuse, waiting: Waiting) -> None:
        if isinstance(decision, Nominate):
            places, flavor = decision.assignments, decision.flavor
            self.pool.waiting[waiting.workload_id] = replace(waiting, nominated=places, nominated_flavor=flavor)
            self.pool.seen = None
        elif isinstance(decision, Refuse):
            self.pool.refuse(waiting.workload_id)
        else:
            one = self.pool.admit(decision, waiting)
            self._expect(one)
            self.observer.admitted(one.job, one.holding, self.pool.look)

    def _change(self, decision: Grow | Shrink | Preempt, one: Running) -> None:
        if isinstance(decision, Preempt):
            self.pool.notify(one, decision.preemptor, self.pace.resume)
            self._push(self.at + self.pace.notice, _GONE, one.job.id)
        else:
            keeps = decision.assignments if isinstance(decision, Grow) else one.holding.assignments[: decision.count]
            self.pool.resize(one, keeps)
            self._expect(one)
            if isinstance(decision, Shrink):
                self._changed()
