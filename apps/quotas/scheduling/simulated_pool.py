"""What runs and what waits in a simulated pool, how far its work is, and what became of it: no events, no policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.outcome import Outcome, Passage, Stint
from apps.quotas.scheduling.referee import Referee
from apps.quotas.scheduling.snapshot import Admit, Assignment, Holding, Snapshot, Waiting
from apps.quotas.scheduling.usage_history import Histories


@dataclass(slots=True)
class Running:
    job: Job
    holding: Holding
    since: float
    """When its number of members changed last."""
    done: float
    """Seconds of its work behind it then."""
    kept: float
    """Seconds of its work that a preemption leaves it, with periodic checkpoints."""
    version: int = 0
    """Of what is expected of it; another when that changes."""

    @property
    def rate(self) -> float:
        return len(self.holding.assignments) / self.job.count_max

    def work(self, at: float) -> float:
        return min(self.job.seconds, self.done + (at - self.since) * self.rate)

    def leaves(self, at: float) -> float:
        """Seconds of its work that are kept if it is told to go now."""
        return self.work(at) if self.job.checkpoint_seconds == 0 else self.kept


class SimulatedPool:
    def __init__(self, start: Snapshot, jobs: Mapping[UUID, Job]) -> None:
        self.start, self.jobs, self.at = start, dict(jobs), start.at
        self.referee = Referee(start)
        self.histories = Histories(start)
        self.waiting: dict[UUID, Waiting] = {}
        self.waits_since: dict[UUID, float] = {}
        self.running: dict[UUID, Running] = {}
        self.work: dict[UUID, float] = {}
        """Of what waits again: the work it has kept."""
        self.passages: dict[UUID, Passage] = {}
        self.stints: list[Stint] = []
        self.seen: Snapshot | None = None

    def look(self) -> Snapshot:
        """The pool as it is now."""
        if self.seen is None or self.seen.at != self.at:
            held = tuple(one.holding for one in self.running.values())
            waiting = tuple(self.waiting.values())
            queues = self.histories.queues(self.at)
            self.seen = replace(self.start, at=self.at, queues=queues, holdings=held, waiting=waiting)
        return self.seen

    def resume(self, holding: Holding) -> Running:
        """It runs when the simulation begins; without a job it ends when it must."""
        began = holding.began
        count = max(holding.wanted, len(holding.assignments))
        job = self.jobs.get(holding.workload_id) or Job(
            holding.workload_id,
            holding.queue_id,
            holding.ask,
            began,
            holding.ends_at - began,
            count_min=holding.least,
            count_max=count,
            priority=holding.priority,
            preemptible=holding.preemptible,
        )
        self.jobs[job.id] = job
        self.passages[job.id] = Passage(job.id, job.queue_id, job.arrives_at, began, present=True)
        kept = 0.0 if holding.checkpoint_at is None else holding.checkpoint_at - began
        one = self.running[job.id] = Running(job, holding, self.at, min(self.at - began, job.seconds), kept)
        return one

    def wait(self, job: Job, waiting: Waiting) -> None:
        self.passages.setdefault(job.id, Passage(job.id, job.queue_id, job.arrives_at))
        self.waiting[job.id], self.seen = waiting, None
        self.waits_since[job.id] = max(job.arrives_at, self.at) if job.id in self.work else waiting.created_at

    def unwait(self, workload: UUID) -> None:
        waiting, since = self.waiting.pop(workload), self.waits_since.pop(workload)
        self.seen = None
        millis = waiting.ask.gpus * waiting.ask.gpu_millis * waiting.count_max
        self.stints.append(Stint(workload, waiting.queue_id, False, since, self.at, millis))
        self.passages[workload].waited += self.at - since

    def admit(self, admit: Admit, waiting: Waiting) -> Running:
        job, passage = self.jobs[waiting.workload_id], self.passages[waiting.workload_id]
        self.unwait(job.id)
        if passage.started_at is None:
            passage.started_at = self.at
        holding = Holding(
            job.id, job.queue_id, job.ask, admit.flavor, admit.assignments, job.count_max, job.count_min, job.priority,
            self.at, self.at, None, self.at + job.limit_seconds, preemptible=job.preemptible,
        )  # fmt: skip
        self.referee.admitted(waiting, holding)
        self.histories.change(holding, len(holding.assignments), self.at, entry=True)
        kept = self.work.pop(job.id, 0.0)
        one = self.running[job.id] = Running(job, holding, self.at, kept, kept)
        return one

    def refuse(self, workload: UUID) -> None:
        self.unwait(workload)
        self.passages[workload].refused = True

    def resize(self, one: Running, assignments: tuple[Assignment, ...]) -> None:
        after = replace(one.holding, assignments=assignments)
        self.referee.resized(one.holding, after, one.holding.least, one.job.count_max)
        self.histories.change(one.holding, len(assignments) - len(one.holding.assignments), self.at)
        self._held(one)
        one.done, one.since, one.holding, self.seen = one.work(self.at), self.at, after, None

    def notify(self, one: Running, preemptor: UUID, resume: float) -> None:
        """It is told to go: what it has done until now is kept as far as its checkpoints go."""
        done = one.work(self.at)
        kept = max(0.0, one.leaves(self.at) - resume)
        self.work[one.job.id] = kept
        passage = self.passages[one.job.id]
        passage.preemptions += 1
        passage.lost_seconds += done - kept
        one.version = -1
        one.holding, self.seen = replace(one.holding, leaving=True, preempted_for=preemptor), None

    def leave(self, one: Running) -> None:
        del self.running[one.job.id]
        self.seen = None
        self._held(one)
        self.referee.gone(one.holding)
        self.histories.change(one.holding, -len(one.holding.assignments), self.at)

    def _held(self, one: Running) -> None:
        millis = one.holding.ask.gpus * one.holding.ask.gpu_millis * len(one.holding.assignments)
        self.stints.append(Stint(one.job.id, one.job.queue_id, True, one.since, self.at, millis))

    def close(self, cycles: int) -> Outcome:
        """All until now; stints that go on are cut here."""
        for one in self.running.values():
            self._held(one)
        for workload in tuple(self.waiting):
            self.unwait(workload)
        millis = sum(1000 * len(node.gpus) for node in self.start.nodes)
        wrongs, words = dict(self.referee.wrongs), tuple(self.referee.words)
        return Outcome(self.start.at, self.at, millis, self.passages, tuple(self.stints), cycles, wrongs, words)
