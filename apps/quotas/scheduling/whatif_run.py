"""Two worlds side by side: a pool as it is shared now, and as it would be with changes, with the same work in both.

Work that waits or runs gets a running time from what is known of like work (`estimate_durations`), the same in both
worlds; work that comes is what came in the past, with the time that it really ran. Simulated is until all that has
come is decided on, for `horizon_seconds` at most; and so many decisions at most, after which nothing more is decided
and the figures end there, in both worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import fmean
from uuid import UUID

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.estimate import drawn
from apps.quotas.scheduling.estimate_durations import Durations
from apps.quotas.scheduling.jobs import Job, Pace
from apps.quotas.scheduling.outcome import Outcome, Passage, percentile
from apps.quotas.scheduling.simulate import simulate
from apps.quotas.scheduling.snapshot import Decision, Snapshot
from apps.quotas.scheduling.whatif import Change, Reclaim, changed, reclaims

Spent = Callable[[], float]
"""Seconds of computing since some moment."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is simulated at most."""

    horizon_seconds: float = 86_400.0
    tick_seconds: float = 60.0
    """Decisions are made so far apart."""
    compute_seconds: float = 8.0
    """For each of the two worlds."""


@dataclass(slots=True)
class QueueFigures:
    """What became of one queue until the end of what was simulated."""

    started: int = 0
    waiting: int = 0
    """Still, at the end."""
    mean_wait_seconds: float = 0.0
    p50_wait_seconds: float = 0.0
    p90_wait_seconds: float = 0.0
    p99_wait_seconds: float = 0.0
    share: float = 0.0
    """Part of all device time that it held."""
    preemptions: int = 0


@dataclass(slots=True)
class World:
    """One way to share."""

    queues: dict[UUID, QueueFigures]
    starts: dict[UUID, float]
    """Of what waits now: when it starts; without what does not start."""
    mean_wait_seconds: float
    p50_wait_seconds: float
    p90_wait_seconds: float
    p99_wait_seconds: float
    utilisation: float
    """Part of all device time; 0: there are no devices."""
    preemptions: int
    refused: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Answer:
    """What changes come to."""

    before: World
    after: World
    reclaims: tuple[Reclaim, ...]
    begins: float
    ends: float
    """Until when both worlds were followed."""
    is_cut: bool
    """Because it took too long to compute."""


@dataclass(slots=True)
class _Patient:
    """The policy, as long as there is time to compute."""

    spent: Spent
    until: float
    stopped_at: float = field(default=inf)

    def __call__(self, snapshot: Snapshot) -> tuple[Decision, ...]:
        if self.stopped_at < inf or self.spent() > self.until:
            self.stopped_at = min(self.stopped_at, snapshot.at)
            return ()
        return cycle(snapshot)


def what_if(
    snapshot: Snapshot,
    changes: Sequence[Change],
    durations: Durations,
    arrivals: Iterable[Job],
    spent: Spent,
    bounds: Bounds | None = None,
) -> Answer:
    """Both worlds. Raises Unknown.

    Args:
        arrivals: what comes; of queues of the snapshot.
    """
    bounds = bounds or Bounds()
    other = changed(snapshot, changes)
    coming = tuple(arrivals)
    outcomes: list[Outcome] = []
    cuts: list[float] = []
    for world in (snapshot, other):
        policy = _Patient(spent, spent() + bounds.compute_seconds)
        pace = Pace(tick=bounds.tick_seconds, until=snapshot.at + bounds.horizon_seconds)
        jobs = (*present_jobs(world, snapshot, durations), *coming)
        outcomes.append(simulate(world, jobs, policy, pace))
        cuts.append(policy.stopped_at)
    ends = min(*cuts, max(outcome.ends for outcome in outcomes))
    ends = max(ends, snapshot.at + bounds.tick_seconds)
    before, after = (_world(outcome, snapshot, ends) for outcome in outcomes)
    return Answer(before, after, reclaims(snapshot, changes), snapshot.at, ends, min(cuts) < inf)


def present_jobs(world: Snapshot, snapshot: Snapshot, durations: Durations) -> list[Job]:
    """What waits and what runs now, as it may turn out: the same in every world."""
    seconds, ends = drawn(snapshot, durations)
    found = [
        Job(
            one.workload_id, one.queue_id, one.ask, one.created_at, max(1.0, seconds[one.workload_id]),
            one.limit_seconds, one.count_min, one.count_max, one.priority, one.preempts,
        )
        for one in world.waiting
    ]  # fmt: skip
    for one in world.holdings:
        began = one.began
        count = max(one.wanted, len(one.assignments))
        span = max(1.0, ends[one.workload_id] - began), one.ends_at - began
        job = Job(one.workload_id, one.queue_id, one.ask, began, *span, one.least, count, one.priority)
        found.append(replace(job, preemptible=one.preemptible))
    return found


def _world(outcome: Outcome, snapshot: Snapshot, ends: float) -> World:
    seen = [one for one in outcome.passages.values() if one.arrived_at < ends and not one.refused]
    present = {one.workload_id for one in snapshot.holdings}
    waits: dict[UUID, list[float]] = {queue.id: [] for queue in snapshot.queues}
    for one in seen:
        if one.workload_id not in present:
            waits[one.queue_id].append(_wait(one, ends))
    whole = sum(len(node.gpus) for node in snapshot.nodes) * (ends - snapshot.at)
    held = outcome.shares(outcome.begins, ends)
    queues = {queue: QueueFigures(share=held.get(queue, 0.0) / whole if whole else 0.0) for queue in waits}
    for one in seen:
        mine = queues[one.queue_id]
        mine.preemptions += one.preemptions
        is_started = one.started_at is not None and one.started_at <= ends
        mine.started += is_started and one.workload_id not in present
        mine.waiting += not is_started
    for queue, each in waits.items():
        mine, mean, ranked = queues[queue], fmean(each or [0.0]), _percentiles(each)
        mine.mean_wait_seconds, (mine.p50_wait_seconds, mine.p90_wait_seconds, mine.p99_wait_seconds) = mean, ranked
    every = [wait for each in waits.values() for wait in each]
    return World(
        queues, _starts(outcome.passages, snapshot, ends), fmean(every or [0.0]), *_percentiles(every),
        outcome.utilisation(snapshot.at, ends), sum(one.preemptions for one in seen),
        frozenset(one.workload_id for one in outcome.passages.values() if one.refused),
    )  # fmt: skip


def _wait(one: Passage, ends: float) -> float:
    started = one.started_at if one.started_at is not None and one.started_at <= ends else ends
    return max(0.0, started - one.arrived_at)


def _percentiles(waits: Iterable[float]) -> tuple[float, float, float]:
    """The 50th, the 90th and the 99th."""
    ranked = sorted(waits)
    return percentile(ranked, 50), percentile(ranked, 90), percentile(ranked, 99)


def _starts(passages: Mapping[UUID, Passage], snapshot: Snapshot, ends: float) -> dict[UUID, float]:
    found: dict[UUID, float] = {}
    for one in snapshot.waiting:
        started = passages[one.workload_id].started_at
        if started is not None and started <= ends:
            found[one.workload_id] = started
    return found
