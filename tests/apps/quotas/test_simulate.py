"""Simulated time: hand-computed small cases of what happens when."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from uuid import UUID

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.jobs import Job, Look, Observer, Pace
from apps.quotas.scheduling.simulate import simulate
from apps.quotas.scheduling.snapshot import (
    PREEMPTED,
    Admit,
    Ask,
    Assignment,
    Decision,
    Grow,
    Holding,
    Nominate,
    Policy,
    Preempt,
    Refuse,
    Shrink,
    Snapshot,
    Wait,
    Waiting,
)
from tests.apps.quotas.simulating import ONE, TWO, first_come, job, node, pool, queue


def test_jobs_wait_for_what_is_held_and_start_when_it_is_free() -> None:
    jobs = [job(1, 0, 100, gpus=3), job(2, 10, 50, gpus=2), job(3, 20, 30)]
    outcome = simulate(pool(), jobs, first_come)

    times = {number: outcome.passages[UUID(int=number)] for number in (1, 2, 3)}
    assert [(one.started_at, one.ended_at, one.waited) for one in times.values()] == [
        (0, 100, 0),
        (100, 150, 90),
        (100, 130, 80),
    ]
    assert outcome.ends == 150
    assert outcome.wrongs == {}
    assert outcome.mean_wait() == pytest.approx(170 / 3)
    assert outcome.wait_percentile(99) == 90
    assert outcome.wait_percentile(50) == 80
    # (3 × 100 + 2 × 50 + 1 × 30) device seconds of 4 × 150.
    assert outcome.utilisation(0, 150) == pytest.approx(430 / 600)
    assert outcome.shares(0, 100) == {ONE: 300}


def test_decisions_wait_for_the_tick() -> None:
    outcome = simulate(pool(), [job(1, 3, 4), job(2, 5, 4)], first_come, Pace(tick=10))
    assert [one.started_at for one in outcome.passages.values()] == [10, 10]
    assert outcome.cycles == 1


def test_what_is_guaranteed_is_taken_back_once_it_was_waited_for_though_nothing_happens() -> None:
    """Queue 2 holds all four from 0 on, of which two are guaranteed to queue 1. A job that comes at 290 has waited for
    a minute at 350; for one that comes at 100 the other has run for five minutes only at 300."""
    start = replace(pool(queues=(queue(1, 2), queue(2, 2))), policy=Policy(reclaim_after_seconds=60))
    jobs = [job(1, 0, 10_000, gpus=4, queue=TWO), job(2, 290, 100)]
    outcome = simulate(start, jobs, cycle)
    assert (outcome.passages[UUID(int=2)].started_at, outcome.passages[UUID(int=1)].preemptions) == (350, 1)

    young = [job(1, 0, 10_000, gpus=4, queue=TWO), job(2, 100, 100)]
    assert simulate(start, young, cycle).passages[UUID(int=2)].started_at == 300


def test_an_attempt_ends_at_its_declared_limit() -> None:
    late = replace(job(1, 0, 100), limit_seconds=60)
    assert simulate(pool(), [late], first_come).passages[late.id].ended_at == 60


def test_with_fewer_members_the_work_takes_longer_and_growing_shortens_it() -> None:
    """Two of four members from 0 to 100: half of the work; then four: 50 more seconds of 100."""
    elastic = replace(job(1, 0, 100, members=2), count_max=4)

    def policy(snapshot: Snapshot) -> tuple[Decision, ...]:
        places = tuple(Assignment("a", (index,)) for index in range(4))
        if snapshot.waiting and snapshot.at == 0:
            return (Admit(elastic.id, "H200", places[:2]),)
        return (Grow(elastic.id, places),) if snapshot.at == 100 else ()

    outcome = simulate(pool(), [elastic, job(2, 100, 1, gpus=4)], policy, Pace(until=1000))
    assert outcome.passages[elastic.id].ended_at == 150
    assert [(one.gpu_millis, one.since, one.until) for one in outcome.stints if one.held] == [
        (2000, 0, 100),
        (4000, 100, 150),
    ]


def test_shrinking_keeps_the_first_members() -> None:
    elastic = replace(job(1, 0, 100, members=1), count_max=4)

    def policy(snapshot: Snapshot) -> tuple[Decision, ...]:
        if snapshot.at < 50:
            return first_come(snapshot)
        held = snapshot.holdings[0].assignments
        return (Shrink(elastic.id, 1, UUID(int=2)),) if len(held) == 4 else first_come(snapshot)

    outcome = simulate(pool(), [elastic, job(2, 50, 10, gpus=3)], policy)
    assert outcome.passages[elastic.id].ended_at == 250
    assert outcome.passages[UUID(int=2)].started_at == 50
    assert outcome.wrongs == {}


@pytest.mark.parametrize(
    ("every", "resume", "ends", "lost"),
    [(0.0, 0, 85 + 40, 0.0), (0.0, 7, 85 + 47, 7.0), (25.0, 0, 85 + 50, 10.0), (inf, 0, 85 + 100, 60.0)],
)
def test_a_preempted_job_keeps_its_checkpoints_and_waits_again(
    every: float, resume: float, ends: float, lost: float
) -> None:
    """It runs from 0, is told to go at 60, holds on for 5 seconds, and goes on when the other's 20 are over."""
    victim, other = replace(job(1, 0, 100, gpus=4), checkpoint_seconds=every), job(2, 60, 20, gpus=4)

    def policy(snapshot: Snapshot) -> tuple[Decision, ...]:
        waiting = {one.workload_id for one in snapshot.waiting}
        if other.id in waiting:
            if any(not one.leaving for one in snapshot.holdings):
                return (Preempt(victim.id, PREEMPTED, "", other.id),)
            snapshot = replace(snapshot, waiting=tuple(one for one in snapshot.waiting if one.workload_id == other.id))
        return first_come(snapshot)

    outcome = simulate(pool(), [victim, other], policy, Pace(notice=5, resume=resume))
    passage = outcome.passages[victim.id]
    assert (passage.preemptions, passage.lost_seconds, passage.waited) == (1, lost, 20)
    assert (passage.started_at, passage.ended_at) == (0, ends)
    assert outcome.passages[other.id].started_at == 65
    assert outcome.wrongs == {}


def test_it_goes_on_from_a_present_pool() -> None:
    """One holding with a job, one that ends when it must, one that leaves, and one that waits since before."""
    held = [
        Holding(UUID(int=number), ONE, Ask(1000, 1, 1), "H200", (Assignment("a", (number,)),), admitted_at=900)
        for number in (1, 2, 3)
    ]
    start = replace(
        pool(),
        at=1000,
        holdings=(held[0], replace(held[1], ends_at=1080), replace(held[2], leaving=True)),
        waiting=(Waiting(UUID(int=4), ONE, Ask(1000, 1, 2), 950),),
    )
    jobs = [job(1, 900, 150), job(4, 950, 10, gpus=2)]
    outcome = simulate(start, jobs, first_come, Pace(notice=30))
    found = {number: outcome.passages[UUID(int=number)] for number in (1, 2, 4)}
    assert (found[1].ended_at, found[2].ended_at) == (1050, 1080)
    assert (found[4].started_at, found[4].waited) == (1030, 80)


def test_what_is_nominated_and_refused_is_seen_by_the_next_cycle() -> None:
    places = (Assignment("a", (1,)),)
    seen: list[tuple[Assignment, ...]] = []

    def policy(snapshot: Snapshot) -> tuple[Decision, ...]:
        seen.extend(one.nominated for one in snapshot.waiting if one.workload_id == UUID(int=1))
        if snapshot.at == 0:
            return (Nominate(UUID(int=1), "H200", places), Wait(UUID(int=1), "", ""))
        return (Refuse(UUID(int=2), "", ""), Admit(UUID(int=1), "H200", places))

    outcome = simulate(pool(), [job(1, 0, 5), job(2, 3, 5)], policy)
    assert seen == [(), places]
    assert outcome.passages[UUID(int=2)].refused
    assert outcome.waits() == [3]


def test_the_history_of_a_queue_decays_and_an_entry_costs() -> None:
    """Half-life 100: after 100 seconds of 4 devices the mean is half of that; the entry counted for 100 more."""
    start = pool(queues=(queue(1, 4),))
    start = replace(start, policy=replace(start.policy, half_life_seconds=100, entry_penalty_seconds=100))
    seen: dict[float, float] = {}

    class Watch(Observer):
        def submitted(self, job: Job, look: Look) -> None:
            seen[look().at] = look().queues[0].history.get(("gpus", ""), 0.0)

        def ended(self, job: Job, look: Look) -> None:
            seen[look().at] = look().queues[0].history.get(("gpus", ""), 0.0)

    simulate(start, [job(1, 0, 100, gpus=4), job(2, 200, 1)], first_come, observer=Watch())
    assert seen[0] == 0
    assert seen[100] == pytest.approx(2000 + 1000)
    assert seen[200] == pytest.approx(1500)


def test_an_observer_sees_every_step() -> None:
    steps: list[tuple[str, float, int, int]] = []

    class Watch(Observer):
        def submitted(self, job: Job, look: Look) -> None:
            steps.append(("submitted", look().at, len(look().waiting), len(look().holdings)))

        def admitted(self, job: Job, holding: Holding, look: Look) -> None:
            steps.append(("admitted", look().at, len(look().waiting), len(look().holdings)))

        def ended(self, job: Job, look: Look) -> None:
            steps.append(("ended", look().at, len(look().waiting), len(look().holdings)))

        def decided(self, decisions: tuple[Decision, ...], look: Look) -> None:
            steps.append((f"decided {len(decisions)}", look().at, len(look().waiting), len(look().holdings)))

    simulate(pool(), [job(1, 2, 5)], first_come, observer=Watch())
    assert steps == [("submitted", 2, 1, 0), ("admitted", 2, 0, 1), ("decided 1", 2, 0, 1), ("ended", 7, 0, 0)]


def test_a_job_that_never_starts_waits_until_the_end() -> None:
    outcome = simulate(pool(), [job(1, 0, 10), job(2, 0, 10, gpus=5)], first_come)
    assert outcome.passages[UUID(int=2)].started_at is None
    assert outcome.passages[UUID(int=2)].waited == outcome.ends == 10


def test_the_same_jobs_go_the_same_way_twice() -> None:
    jobs = [job(number, number % 7, 5 + number % 11, gpus=1 + number % 3) for number in range(1, 60)]
    start = pool(node("a"), node("b"))
    assert simulate(start, jobs, first_come) == simulate(start, reversed(jobs), first_come)


def test_a_policy_that_goes_round_in_circles_is_stopped() -> None:
    def policy(snapshot: Snapshot) -> tuple[Decision, ...]:
        if snapshot.holdings:
            return (Shrink(snapshot.holdings[0].workload_id, 4, UUID(int=2)),)
        return first_come(snapshot)

    with pytest.raises(RuntimeError, match="decided 1001 times"):
        simulate(pool(), [job(1, 0, 10, gpus=4), job(2, 5, 10, gpus=4)], policy)


def test_a_job_without_its_queue_is_refused() -> None:
    with pytest.raises(ValueError, match="no queue"):
        simulate(pool(), [job(1, 0, 10, queue=UUID(int=77))], first_come)
