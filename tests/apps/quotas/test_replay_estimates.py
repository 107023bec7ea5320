"""Estimates on a replay: they know nothing of what is to come, and are counted as they say."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.jobs import Job, Pace
from apps.quotas.scheduling.simulate import simulate
from bench.replay_estimates import Estimating, Figures, Guess, second_half
from tests.apps.quotas.simulating import job, pool


def jobs(*, later: float) -> list[Job]:
    """One a minute, of which two fit at a time; those from the eighth on run `later` times as long."""
    made = [job(100 + n, 60.0 * n, 200.0, gpus=2) for n in range(30)]
    return [
        replace(one, limit_seconds=2000.0, seconds=one.seconds * (later if number >= 8 else 1.0))
        for number, one in enumerate(made)
    ]


class Noting(Estimating):
    """Keeps every estimate as it was made."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.said: dict[UUID, tuple[float, float, float, float]] = {}

    def _settle(self, guess: Guess, at: float) -> None:
        one = guess.estimate
        self.said[one.workload_id] = (one.made_at, one.start_at, one.low, one.high)
        super()._settle(guess, at)


def played(*, later: float) -> Noting:
    noting = Noting()
    simulate(pool(), jobs(later=later), cycle, Pace(tick=5.0), noting)
    return noting


def test_what_is_yet_to_be_changes_no_estimate_made_before() -> None:
    """Jobs that run four times as long from the eighth on: no estimate made before one of them ended differs."""
    short, long = played(later=1.0), played(later=4.0)
    until = min(at for world in (short, long) for at in _ends(world))
    before = {one for one, said in short.said.items() if said[0] < until}
    assert len(before) >= 6
    assert {one: short.said[one] for one in before} == {one: long.said[one] for one in before}
    assert any(short.said[one] != long.said[one] for one in set(short.said) & set(long.said))


def _ends(world: Noting) -> list[float]:
    """When estimates of those that differ were made: before any of them began."""
    return [said[0] for one, said in world.said.items() if one.int >= 108]


def test_estimates_are_made_of_what_waits_and_settled_when_it_starts() -> None:
    world = played(later=1.0)
    assert world.open == {}
    assert len(world.figures.guesses) == len(world.said) > 10
    for guess, start in world.figures.guesses:
        assert guess.arrived_at <= guess.estimate.made_at <= start
        assert guess.usual >= guess.estimate.made_at
        assert guess.estimate.low <= guess.estimate.start_at <= guess.estimate.high


def test_the_figures_are_medians_and_the_part_of_the_bands_that_held() -> None:
    world = played(later=1.0)
    guesses = world.figures.guesses[:3]
    figures = Figures(guesses).said()
    errors = sorted(abs(guess.estimate.start_at - start) for guess, start in guesses)
    usual = sorted(abs(guess.usual - start) for guess, start in guesses)
    assert figures["estimates"] == 3
    assert figures["estimate_median_error"] == pytest.approx(errors[1], abs=0.1)
    assert figures["estimate_error_ratio"] == pytest.approx(errors[1] / usual[1], abs=0.01)
    assert Figures().said() == {"estimates": 0}


def test_the_second_half_begins_with_the_middle_job() -> None:
    assert second_half(jobs(later=1.0)) == 900.0
