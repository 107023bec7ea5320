"""The referee of a simulation finds what a broken policy does, whatever that policy believes."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.outcome import Outcome
from apps.quotas.scheduling.simulate import simulate
from apps.quotas.scheduling.snapshot import GPUS, Admit, Assignment, CohortView, Decision, Grow, Limit, Snapshot
from tests.apps.quotas.simulating import ONE, TWO, first_come, job, node, pool, queue

TEAM = UUID(int=50)


def given(start: Snapshot, jobs: list[Job], *decisions: Decision) -> Outcome:
    """All of it decided in the first cycle."""
    return simulate(start, jobs, lambda snapshot: decisions if snapshot.at == 0 else ())


def admit(number: int, *places: tuple[str, int], kind: str = "H200") -> Admit:
    return Admit(UUID(int=number), kind, tuple(Assignment(name, (index,)) for name, index in places))


def test_nothing_is_found_when_all_is_right() -> None:
    start = pool(node("a"), node("b"), queues=(queue(1, 4), queue(2, 4)))
    jobs = [job(number, number, 20, members=1 + number % 4, queue=(ONE, TWO)[number % 2]) for number in range(1, 30)]
    assert simulate(start, jobs, first_come).wrongs == {}


QUEUES = (queue(1, 1, borrowing=1), queue(2, 3, lending=1))


@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        ([(ONE, 2)], 0),
        ([(ONE, 3)], 1),  # one is guaranteed and one may be borrowed
        ([(TWO, 4)], 0),
        ([(TWO, 2), (ONE, 2)], 0),
        ([(ONE, 2), (TWO, 2)], 0),
    ],
)
def test_a_queue_beyond_what_it_may_borrow(held: list[tuple[UUID, int]], wrong: int) -> None:
    start = pool(queues=QUEUES)
    jobs = [job(number, 0, 10, members=count, queue=which) for number, (which, count) in enumerate(held, 1)]
    assert simulate(start, jobs, first_come).wrongs.get("quota", 0) == wrong


def test_what_is_not_lent_is_not_taken() -> None:
    """Of the three that are the second's, one is lent: the first may hold 1 + 1 of the four."""
    start = pool(queues=(queue(1, 1), queue(2, 3, lending=1)))
    assert simulate(start, [job(1, 0, 10, members=2)], first_come).wrongs == {}
    assert simulate(start, [job(1, 0, 10, members=3)], first_come).wrongs == {"quota": 1}


def test_a_cohort_bounds_what_is_below_it_together() -> None:
    """Two queues of one each in a team that may borrow one: three together, whoever holds them."""
    team = CohortView(TEAM, "team", (Limit(GPUS, "", 2000, 1000),))
    start = pool(queues=(queue(1, 1, parent=TEAM), queue(2, 1, parent=TEAM)), cohorts=(team,))
    jobs = [job(1, 0, 10, members=2), job(2, 0, 10, queue=TWO)]
    assert simulate(start, jobs, first_come).wrongs == {}
    assert simulate(start, [*jobs, job(3, 0, 10)], first_come).wrongs == {"quota": 1}


def test_a_kind_and_a_resource_without_a_limit_are_not_to_be_used() -> None:
    only = replace(queue(1, 4), limits=queue(1, 4).limits[:2])
    assert simulate(pool(queues=(only,)), [job(1, 0, 10)], first_come).wrongs == {"quota": 1}


def test_caps_of_a_queue() -> None:
    capped = queue(1, 4, running_most=1)
    assert simulate(pool(queues=(capped,)), [job(1, 0, 10), job(2, 0, 10)], first_come).wrongs == {"quota": 1}
    narrow = replace(queue(1, 4), gpus_per_run_most=2)
    assert simulate(pool(queues=(narrow,)), [job(1, 0, 10, members=3)], first_come).wrongs == {"quota": 1}
    brief = replace(queue(1, 4), run_seconds_most=60)
    assert simulate(pool(queues=(brief,)), [job(1, 0, 10)], first_come).wrongs == {"quota": 1}


def test_half_a_gang_is_found() -> None:
    assert given(pool(), [job(1, 0, 10, members=3)], admit(1, ("a", 0), ("a", 1))).wrongs == {"gang": 1}
    assert given(pool(), [job(1, 0, 10)], admit(1, ("a", 0), ("a", 1))).wrongs == {"gang": 1}


def test_members_that_must_be_together() -> None:
    start = pool(node("a", rack="r1"), node("b", rack="r1"), node("c", rack="r2"), queues=(queue(1, 12),))
    gang = job(1, 0, 10, members=2)
    same, near = (replace(gang, ask=gang.ask._replace(topology=label)) for label in ("node", "rack"))
    together, apart, far = (admit(1, ("a", 0), other) for other in (("a", 1), ("b", 1), ("c", 1)))
    assert [given(start, [same], one).wrongs for one in (together, apart)] == [{}, {"gang": 1}]
    assert [given(start, [near], one).wrongs for one in (together, apart, far)] == [{}, {}, {"gang": 1}]


def test_a_device_is_not_given_twice_and_shared_up_to_the_whole() -> None:
    two = [job(1, 0, 10), job(2, 0, 10)]
    assert given(pool(), two, admit(1, ("a", 0)), admit(2, ("a", 0))).wrongs == {"capacity": 1}
    shared = [replace(one, ask=one.ask._replace(gpu_millis=500)) for one in [*two, job(3, 0, 10)]]
    places = [admit(number, ("a", 0)) for number in (1, 2, 3)]
    assert given(pool(), shared[:2], *places[:2]).wrongs == {}
    assert given(pool(), shared, *places).wrongs == {"capacity": 1}


@pytest.mark.parametrize(
    "decision",
    [
        admit(1, ("a", 9)),
        admit(1, ("elsewhere", 0)),
        admit(1, ("broken", 0)),
        admit(1, ("a", 0), kind="P100"),
        admit(7, ("a", 0)),
        Admit(UUID(int=1), "H200", (Assignment("a", (0, 1)),)),
        Grow(UUID(int=1), (Assignment("a", (0,)),)),
    ],
)
def test_places_that_do_not_exist(decision: Decision) -> None:
    start = pool(node("a"), replace(node("broken"), ready=False))
    assert given(start, [job(1, 0, 10)], decision).wrongs == {"capacity": 1}


def test_cores_are_counted() -> None:
    greedy = [replace(one, ask=one.ask._replace(cpu_millis=40_000)) for one in (job(1, 0, 10), job(2, 0, 10))]
    assert given(pool(node("a"), node("b")), greedy, admit(1, ("a", 0)), admit(2, ("a", 1))).wrongs == {"capacity": 1}


def test_what_is_given_back_can_be_given_again() -> None:
    """The same two devices, a hundred times."""
    jobs = [job(number, 0, 10, members=2) for number in range(100)]
    assert simulate(pool(node(gpus=2), queues=(queue(1, 2, borrowing=0),)), jobs, first_come).wrongs == {}
