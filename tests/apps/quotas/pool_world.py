"""A small world driven by cycles: what waits, runs, leaves and ends in it, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from uuid import UUID

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    Admit,
    CohortView,
    Decision,
    Grow,
    Holding,
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
from tests.apps.quotas import oracle


@dataclass
class World:
    """Everything at `at`. `submitted` has each workload as it was asked for first."""

    nodes: dict[str, NodeView]
    queues: dict[UUID, QueueView]
    cohorts: tuple[CohortView, ...]
    policy: Policy
    at: float = 1_000_000.0
    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    running: dict[UUID, Holding] = field(default_factory=dict)
    submitted: dict[UUID, Waiting] = field(default_factory=dict)
    refused: set[UUID] = field(default_factory=set)
    started: set[UUID] = field(default_factory=set)
    preemptions: int = 0
    ledger: list[tuple[UUID, int, float, float]] = field(default_factory=list)
    """Workload, thousandths of devices, from, until."""
    since: dict[UUID, float] = field(default_factory=dict)
    held_seconds: float = 0.0
    """Thousandths of devices by seconds, counted as time goes."""

    def snapshot(self) -> Snapshot:
        return Snapshot(
            tuple(self.nodes.values()),
            tuple(self.queues.values()),
            tuple(self.running.values()),
            tuple(self.waiting.values()),
            self.cohorts,
            self.at,
            self.policy,
        )

    def submit(self, one: Waiting) -> None:
        self.waiting[one.workload_id] = self.submitted[one.workload_id] = one

    def decide(self, undone: set[int] = frozenset()) -> tuple[Decision, ...]:  # type: ignore[assignment]
        """One cycle; of what is admitted, the numbers named here do not come to be: it is given back at once."""
        snapshot = self.snapshot()
        decisions = cycle(snapshot)
        check(snapshot, decisions)
        admitted = 0
        for decision in decisions:
            if isinstance(decision, Admit):
                admitted += 1
                if admitted in undone:
                    continue
            self._apply(decision)
        return decisions

    def _apply(self, decision: Decision) -> None:
        identity = decision.workload_id
        match decision:
            case Admit():
                one = self.waiting.pop(identity)
                self.started.add(identity)
                self._hold(
                    Holding(
                        identity,
                        one.queue_id,
                        one.ask,
                        decision.flavor,
                        decision.assignments,
                        one.count_max,
                        one.count_min,
                        one.priority,
                        self.at,
                        self.at,
                        ends_at=self.at + one.limit_seconds,
                    )
                )
            case Grow():
                self._hold(replace(self.running[identity], assignments=decision.assignments))
            case Refuse():
                del self.waiting[identity]
                self.refused.add(identity)
            case Nominate():
                self.waiting[identity] = replace(
                    self.waiting[identity], nominated=decision.assignments, nominated_flavor=decision.flavor
                )
            case Preempt():
                self.preemptions += 1
                self.running[identity] = replace(self.running[identity], leaving=True, preempted_for=decision.preemptor)
            case Shrink():
                self.preemptions += 1
                self.running[identity] = replace(
                    self.running[identity], wanted=decision.count, preempted_for=decision.preemptor
                )

    def go(self, identity: UUID) -> None:
        """Who was told to leave has left and waits again; who was told to give members back has given them."""
        one = self.running[identity]
        if one.leaving:
            self._stop(identity)
            self.waiting[identity] = replace(self.submitted[identity], nominated=(), nominated_flavor="")
        elif one.preempted_for is not None:
            kept = one.assignments[: one.wanted]
            wanted = self.submitted[identity].count_max
            self._hold(replace(one, assignments=kept, wanted=wanted, preempted_for=None))

    def end(self, identity: UUID) -> None:
        self._stop(identity)

    def go_on(self, seconds: float) -> None:
        """Time goes on; what is at its limit ends."""
        ends = sorted((one.ends_at, number) for number, one in self.running.items() if one.ends_at <= self.at + seconds)
        target = self.at + seconds
        for end, identity in ends:
            self._pass(max(self.at, end))
            self.end(identity)
        self._pass(target)

    def _pass(self, at: float) -> None:
        self.held_seconds += sum(_devices(one) for one in self.running.values()) * (at - self.at)
        self.at = at

    def _hold(self, holding: Holding) -> None:
        self._stop(holding.workload_id)
        self.running[holding.workload_id] = holding
        self.since[holding.workload_id] = self.at

    def _stop(self, identity: UUID) -> None:
        one = self.running.pop(identity, None)
        if one is not None:
            self.ledger.append((identity, _devices(one), self.since.pop(identity), self.at))

    def billed(self) -> float:
        """Thousandths of devices by seconds, from the intervals of the ledger."""
        open_ = ((_devices(one), self.since[number], self.at) for number, one in self.running.items())
        closed = ((devices, since, until) for _, devices, since, until in self.ledger)
        return sum(devices * (until - since) for devices, since, until in (*closed, *open_))


def _devices(one: Holding) -> int:
    return one.ask.gpus * one.ask.gpu_millis * len(one.assignments)


def check(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> None:
    """What holds for every cycle."""
    quotas = oracle.Quotas(snapshot)
    taken = _after(snapshot, decisions)
    before = quotas.claims(oracle.held(snapshot.holdings))
    assert quotas.broken(before, quotas.claims(oracle.held(taken))) == []
    _machines_hold(snapshot, taken)
    _promises_hold(snapshot, decisions, taken)
    _everyone_is_answered(snapshot, decisions)
    _who_starts_may(snapshot, quotas, decisions)
    _nothing_waits_that_fits(snapshot, quotas, decisions, taken)


def _after(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> list[Holding]:
    """What is held once all is done that was decided; who leaves is still there."""
    waiting = {one.workload_id: one for one in snapshot.waiting}
    taken = {one.workload_id: one for one in snapshot.holdings}
    for decision in decisions:
        if isinstance(decision, Admit):
            one = waiting[decision.workload_id]
            assert one.workload_id not in taken
            taken[one.workload_id] = Holding(
                one.workload_id, one.queue_id, one.ask, decision.flavor, decision.assignments
            )
        if isinstance(decision, Grow):
            one_ = taken[decision.workload_id]
            assert decision.assignments[: len(one_.assignments)] == one_.assignments
            assert len(decision.assignments) <= one_.wanted
            taken[decision.workload_id] = replace(one_, assignments=decision.assignments)
    return list(taken.values())


def _machines_hold(snapshot: Snapshot, taken: list[Holding]) -> None:
    machines = oracle.Machines(snapshot.nodes)
    for one in taken:
        machines.use(one.ask, one.assignments)
    assert machines.overfull() == []


def _promises_hold(snapshot: Snapshot, decisions: tuple[Decision, ...], taken: list[Holding]) -> None:
    """Once those have gone that leave for somebody, what is promised is free."""
    waiting = {one.workload_id: one for one in snapshot.waiting}
    promised = {one.workload_id: one.nominated for one in snapshot.waiting if one.nominated}
    going = {one.workload_id: 0 if one.leaving else one.wanted for one in snapshot.holdings if one.preempted_for}
    for decision in decisions:
        match decision:
            case Nominate():
                promised[decision.workload_id] = decision.assignments
            case Admit():
                promised.pop(decision.workload_id, None)
            case Preempt():
                going[decision.workload_id] = 0
            case Shrink():
                going[decision.workload_id] = decision.count
    machines = oracle.Machines(snapshot.nodes)
    for one in taken:
        machines.use(one.ask, one.assignments[: going.get(one.workload_id, len(one.assignments))])
    for identity, places in promised.items():
        machines.use(waiting[identity].ask, places)
    assert machines.overfull() == []


def _everyone_is_answered(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> None:
    answers = [one.workload_id for one in decisions if isinstance(one, Admit | Wait | Refuse | Grow)]
    assert len(answers) == len(set(answers))
    wanting = {one.workload_id for one in snapshot.waiting}
    wanting |= {one.workload_id for one in snapshot.holdings if one.wanted > len(one.assignments) and not one.leaving}
    assert set(answers) == wanting


def _who_starts_may(snapshot: Snapshot, quotas: oracle.Quotas, decisions: tuple[Decision, ...]) -> None:
    nodes = {node.name: node for node in snapshot.nodes if node.ready}
    waiting = {one.workload_id: one for one in snapshot.waiting}
    running = {one.workload_id: one for one in snapshot.holdings}
    at_once = {queue.id: sum(one.queue_id == queue.id for one in snapshot.holdings) for queue in snapshot.queues}
    queues = {queue.id: queue for queue in snapshot.queues}
    for decision in decisions:
        if not isinstance(decision, Admit | Grow):
            continue
        ask, new = running[decision.workload_id].ask if isinstance(decision, Grow) else None, decision.assignments
        if isinstance(decision, Admit):
            one = waiting[decision.workload_id]
            ask, queue = one.ask, queues[one.queue_id]
            assert one.count_min <= len(new) <= one.count_max
            assert ask.flavor in ("", decision.flavor)
            assert quotas.allows(one.queue_id, ask, decision.flavor)
            at_once[queue.id] += 1
            assert at_once[queue.id] <= (inf if queue.running_most is None else queue.running_most)
            assert one.limit_seconds <= (inf if queue.run_seconds_most is None else queue.run_seconds_most)
            flavor = decision.flavor
        else:
            holding = running[decision.workload_id]
            new, flavor, queue = new[len(holding.assignments) :], holding.flavor, queues[holding.queue_id]
        assert ask is not None
        devices = ask.gpus * len(decision.assignments)
        assert devices <= (inf if queue.gpus_per_run_most is None else queue.gpus_per_run_most)
        for place in new:
            kinds = {gpu.index: gpu.flavor for gpu in nodes[place.node].gpus}
            assert [kinds[index] for index in place.devices] == [flavor] * ask.gpus
        assert oracle.together({node.name: node for node in snapshot.nodes}, ask, decision.assignments)


def _nothing_waits_that_fits(
    snapshot: Snapshot, quotas: oracle.Quotas, decisions: tuple[Decision, ...], taken: list[Holding]
) -> None:
    """Who waits although it would fit beside all that is taken and promised would be in the way of a reserved start."""
    waiting = {one.workload_id: one for one in snapshot.waiting}
    promised = {one.workload_id: (one.nominated, one.nominated_flavor) for one in snapshot.waiting if one.nominated}
    for decision in decisions:
        if isinstance(decision, Nominate):
            promised[decision.workload_id] = (decision.assignments, decision.flavor)
        if isinstance(decision, Admit):
            promised.pop(decision.workload_id, None)
    for identity, (places, flavor) in promised.items():
        if places:
            one = waiting[identity]
            taken = [*taken, Holding(identity, one.queue_id, one.ask, flavor, places)]
    reserved = [one.start_at for one in decisions if isinstance(one, Wait) and one.start_at is not None]
    for decision in decisions:
        if isinstance(decision, Wait) and decision.workload_id in waiting and not promised.get(decision.workload_id):
            one = waiting[decision.workload_id]
            passes = snapshot.policy.backfill and all(snapshot.at + one.limit_seconds <= start for start in reserved)
            if passes or not reserved:
                assert not oracle.fits(snapshot, quotas, one, taken), one
