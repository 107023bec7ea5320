"""Figures of a simulation, computed by hand."""

from __future__ import annotations

from uuid import UUID

import pytest

from apps.quotas.scheduling.outcome import Outcome, Passage, Stint, Tenants, jain_index, max_min, spread
from apps.quotas.scheduling.snapshot import CohortView, QueueView

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
EQUAL = {A: 1.0, B: 1.0, C: 1.0}
FLAT = Tenants(QueueView(one, "", ()) for one in (A, B, C))
TEAM = UUID(int=8)


def stint(queue: UUID, held: bool, since: float, until: float, gpu_millis: int) -> Stint:
    return Stint(UUID(int=9), queue, held, since, until, gpu_millis)


def outcome(*stints: Stint, gpu_millis: int = 4000) -> Outcome:
    return Outcome(0, 100, gpu_millis, {}, stints, 0)


@pytest.mark.parametrize(
    ("wanted", "weights", "entitled"),
    [
        ({A: 10.0, B: 10.0}, EQUAL, {A: 6.0, B: 6.0}),
        ({A: 2.0, B: 10.0, C: 10.0}, EQUAL, {A: 2.0, B: 5.0, C: 5.0}),
        ({A: 2.0, B: 3.0}, EQUAL, {A: 2.0, B: 3.0}),
        ({A: 20.0, B: 20.0}, {A: 3.0, B: 1.0}, {A: 9.0, B: 3.0}),
        ({A: 20.0, B: 20.0}, {A: 0.0, B: 1.0}, {A: 0.0, B: 12.0}),
    ],
)
def test_max_min_shares_of_twelve(
    wanted: dict[UUID, float], weights: dict[UUID, float], entitled: dict[UUID, float]
) -> None:
    assert max_min(wanted, weights, 12.0) == pytest.approx(entitled)


@pytest.mark.parametrize(
    ("wanted", "entitled"),
    [
        ({A: 20.0, B: 20.0, C: 20.0}, {A: 3.0, B: 3.0, C: 6.0}),  # the team of A and B has as much as C
        ({A: 20.0, B: 1.0, C: 20.0}, {A: 5.0, B: 1.0, C: 6.0}),  # what B leaves is A's
        ({A: 20.0, B: 20.0, C: 2.0}, {A: 5.0, B: 5.0, C: 2.0}),
        ({A: 20.0}, {A: 12.0}),
    ],
)
def test_shares_of_twelve_in_a_tree(wanted: dict[UUID, float], entitled: dict[UUID, float]) -> None:
    queues = (QueueView(A, "", (), TEAM), QueueView(B, "", (), TEAM), QueueView(C, "", ()))
    assert Tenants(queues, (CohortView(TEAM, ""),)).entitled(wanted, 12.0) == pytest.approx(entitled)


@pytest.mark.parametrize(
    ("parts", "index"), [([1.0, 1.0, 1.0], 1.0), ([1.0, 0.0], 0.5), ([1.0, 0.0, 0.0, 0.0], 0.25), ([1.0, 2.0], 0.9)]
)
def test_index_of_shares(parts: list[float], index: float) -> None:
    assert jain_index(parts) == pytest.approx(index)


def test_jain_when_one_tenant_has_what_two_want() -> None:
    """First window: one holds all four, the other waits for four. Second: each holds two of the four it wants."""
    taken = outcome(
        stint(A, True, 0, 50, 4000),
        stint(B, False, 0, 50, 4000),
        *(stint(one, held, 50, 100, 2000) for one in (A, B) for held in (True, False)),
    )
    assert taken.jain(FLAT, 0, 50, 50) == pytest.approx(0.5)
    assert taken.jain(FLAT, 50, 100, 50) == pytest.approx(1.0)
    assert taken.jain(FLAT, 0, 100, 50) == pytest.approx(0.75)


def test_who_wants_little_and_has_it_is_served() -> None:
    assert outcome(stint(A, True, 0, 50, 500), stint(B, True, 0, 50, 3500)).jain(FLAT, 0, 50, 50) == pytest.approx(1)


def test_stints_are_cut_at_the_windows() -> None:
    amounts = spread([stint(A, True, 5, 25, 1000), stint(B, False, -5, 5, 2000)], 0, 10, 2)
    assert dict(amounts) == {A: [5000, 10000], B: [10000, 0]}


def test_utilisation_counts_what_is_held_in_the_span() -> None:
    one = outcome(stint(A, True, 0, 100, 2000), stint(B, False, 0, 100, 4000))
    assert one.utilisation(50, 100) == pytest.approx(0.5)
    assert one.utilisation(100, 150) == 0


def test_waits_leave_the_refused_out() -> None:
    passages = {UUID(int=n): Passage(UUID(int=n), A, 0, waited=float(n)) for n in range(1, 101)}
    passages[UUID(int=200)] = Passage(UUID(int=200), A, 0, waited=999, refused=True)
    done = Outcome(0, 100, 4000, passages, (), 0)
    assert (done.mean_wait(), done.wait_percentile(99), done.wait_percentile(100)) == (50.5, 99, 100)
