"""One policy over one replay, and the figures of what came of it, over the time in which jobs arrive.

**Fragmentation** (after Weng et al., Beware of Fragmentation, USENIX ATC 2023): the part of the free device capacity
that a typical task could not use. A task of the mix (what the replay's jobs ask for, one member, weighed by how often)
can use of a node: nothing, when the node lacks the cores, the memory or the devices for it; else the devices of which
enough is free, whole ones when it wants whole ones. The mean over the mix, over the free capacity, sampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from time import process_time

import numpy as np
import numpy.typing as npt

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.jobs import Decide, Job, Look, Observer, Pace
from apps.quotas.scheduling.outcome import Outcome, Tenants
from apps.quotas.scheduling.simulate import simulate
from apps.quotas.scheduling.snapshot import WHOLE, Ask, Decision, Holding, NodeView, Policy, Snapshot
from bench.replay_peers import PEERS
from bench.replay_trace import Replay

OURS = "bedplate"
POLICIES = (OURS, *PEERS)
WINDOWS, SAMPLES, KINDS_MOST = 20, 100, 40
NOTICE_SECONDS, RESUME_SECONDS = 30.0, 30.0
"""A preempted job holds its devices that long while it saves its work, and does so much of it again later."""
Amounts = npt.NDArray[np.int64]
Mix = Sequence[tuple[Ask, float]]


@dataclass(frozen=True, slots=True)
class Figures:
    policy: str
    load: float
    mean_wait: float
    p99_wait: float
    utilisation: float
    fragmentation: float
    jain: float
    quota_violations: int
    gang_violations: int
    capacity_violations: int
    preemptions: int
    lost_device_hours: float
    """Device hours that preemption cost: notices and work done again."""
    cycle_ms: float
    never_started: int
    waits: tuple[float, ...]
    """Every hundredth part of the waits."""
    estimates: Mapping[str, float] = field(default_factory=dict)
    """How far off estimated starts were: see `replay_estimates`."""


class Sampler(Observer):
    """Fragmentation after a decision, every so many seconds until a moment; passes on what another observer wants."""

    def __init__(
        self, nodes: Sequence[NodeView], mix: Mix, every: float, until: float, other: Observer | None = None
    ) -> None:
        self.free, self.mix, self.every, self.until = Free(nodes), mix, every, until
        self.other = other or Observer()
        self.next = 0.0
        self.found: list[float] = []

    def submitted(self, job: Job, look: Look) -> None:
        self.other.submitted(job, look)

    def admitted(self, job: Job, holding: Holding, look: Look) -> None:
        self.other.admitted(job, holding, look)

    def ended(self, job: Job, look: Look) -> None:
        self.other.ended(job, look)

    def decided(self, decisions: tuple[Decision, ...], look: Look) -> None:
        snapshot = look()
        if self.next <= snapshot.at <= self.until:
            self.next = snapshot.at + self.every
            self.found.append(self.free.fragmentation(snapshot, self.mix))
        self.other.decided(decisions, look)


class Free:
    """What is free on each node."""

    def __init__(self, nodes: Sequence[NodeView]) -> None:
        most = max(len(node.gpus) for node in nodes)
        self.at = {node.name: number for number, node in enumerate(nodes)}
        self.cpu = np.array([node.cpu_millis for node in nodes], np.int64)
        self.memory = np.array([node.memory_bytes for node in nodes], np.int64)
        self.devices = np.array([[WHOLE] * len(node.gpus) + [0] * (most - len(node.gpus)) for node in nodes], np.int64)

    def fragmentation(self, snapshot: Snapshot, mix: Mix) -> float:
        cpu, memory, devices = self.cpu.copy(), self.memory.copy(), self.devices.copy()
        for holding in snapshot.holdings:
            ask = holding.ask
            for name, indices in holding.assignments:
                number = self.at[name]
                cpu[number] -= ask.cpu_millis
                memory[number] -= ask.memory_bytes
                for index in indices:
                    devices[number, index] -= ask.gpu_millis
        free = int(devices.sum())
        lost = sum(part * (free - _usable(ask, cpu, memory, devices)) for ask, part in mix)
        return lost / free if free else 0.0


def _usable(ask: Ask, cpu: Amounts, memory: Amounts, devices: Amounts) -> int:
    """Thousandths of devices that a task could be given, all nodes together."""
    enough = devices >= ask.gpu_millis
    fits = (cpu >= ask.cpu_millis) & (memory >= ask.memory_bytes) & (enough.sum(axis=1) >= ask.gpus)
    return int((devices * enough)[fits].sum())


def mix_of(jobs: Sequence[Job]) -> list[tuple[Ask, float]]:
    """The most frequent asks for devices and their parts."""
    most = Counter(job.ask for job in jobs if job.ask.gpus).most_common(KINDS_MOST)
    whole = sum(count for _, count in most)
    return [(ask, count / whole) for ask, count in most]


def policy_of(name: str) -> Decide:
    return cycle if name == OURS else PEERS[name]()


def run(
    replay: Replay, name: str, tick: float, policy: Policy | None = None, observer: Observer | None = None
) -> tuple[Figures, Outcome]:
    """Play it to the end.

    Args:
        tick: seconds between two decisions at the least.
        policy: how the product shares the pool; None: as it does by default.
        observer: sees all that happens, to learn from it or to guess at it.
    """
    decide, spent, calls = policy_of(name), 0.0, 0

    def timed(snapshot: Snapshot) -> tuple[Decision, ...]:
        nonlocal spent, calls
        began = process_time()
        decisions = decide(snapshot)
        spent, calls = spent + process_time() - began, calls + 1
        return decisions

    start = replay.start if policy is None else replace(replay.start, policy=policy)
    sampler = Sampler(start.nodes, mix_of(replay.jobs), replay.arrivals / SAMPLES, replay.arrivals, observer)
    outcome = simulate(
        start, replay.jobs, timed, Pace(tick=tick, notice=NOTICE_SECONDS, resume=RESUME_SECONDS), sampler
    )
    return _figures(replay, name, outcome, sampler, 1000 * spent / max(1, calls)), outcome


def _figures(replay: Replay, name: str, outcome: Outcome, sampler: Sampler, cycle_ms: float) -> Figures:
    waits, until = outcome.waits(), replay.arrivals
    tenants = Tenants(replay.start.queues, replay.start.cohorts)
    return Figures(
        policy=name,
        load=replay.load,
        mean_wait=outcome.mean_wait(),
        p99_wait=outcome.wait_percentile(99),
        utilisation=outcome.utilisation(0.0, until),
        fragmentation=fmean(sampler.found or [0.0]),
        jain=outcome.jain(tenants, 0.0, until, until / WINDOWS),
        quota_violations=outcome.wrongs.get("quota", 0),
        gang_violations=outcome.wrongs.get("gang", 0),
        capacity_violations=outcome.wrongs.get("capacity", 0),
        preemptions=outcome.preemptions,
        lost_device_hours=_lost(replay, outcome),
        cycle_ms=cycle_ms,
        never_started=sum(one.started_at is None for one in outcome.passages.values()),
        waits=(*(waits[len(waits) * part // 100] for part in range(100)), waits[-1]),
    )


def _lost(replay: Replay, outcome: Outcome) -> float:
    hours = 0.0
    for job in replay.jobs:
        passage = outcome.passages[job.id]
        seconds = passage.lost_seconds + passage.preemptions * NOTICE_SECONDS
        hours += seconds * job.ask.gpus * job.ask.gpu_millis / WHOLE * job.count_max / 3600
    return hours
