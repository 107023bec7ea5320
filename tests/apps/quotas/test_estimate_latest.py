"""When the first of a queue start at the latest, by hand."""

from __future__ import annotations

import pytest

from apps.quotas.scheduling.estimate import estimates
from apps.quotas.scheduling.estimate_bands import ALL, Calibration
from apps.quotas.scheduling.estimate_durations import Durations
from apps.quotas.scheduling.estimate_latest import FIRST_MOST, SLACK_SECONDS, latest
from apps.quotas.scheduling.snapshot import Policy, Waiting
from tests.apps.quotas.scheduling import NOW, START, held, node, queue, sharing, snapshot, uid, wl

RECLAIM = Policy().reclaim_after_seconds + Policy().min_run_seconds


def world(*waiting: Waiting, policy: Policy | None = None) -> dict[int, float]:
    """One of a queue of one core runs for 600 s more at most; workload numbers → seconds."""
    running = held(1, cores=1, ends=NOW + 600)
    found = latest(snapshot([node()], [queue(cores=1)], *waiting, holdings=[running], policy=policy))
    return {one.int: seconds for one, seconds in found.items()}


def test_one_after_the_other_takes_the_place_of_what_ends_by_its_limit() -> None:
    assert world(wl(2, limit=300), wl(3, limit=50), wl(4)) == {
        2: 600 + SLACK_SECONDS,
        3: 600 + 300 + 2 * SLACK_SECONDS,
        4: 600 + 350 + 3 * SLACK_SECONDS,
    }


def test_nothing_is_known_after_one_that_has_no_limit() -> None:
    assert list(world(wl(2), wl(3, limit=50))) == [2]


def test_nothing_is_known_of_gangs_and_of_what_is_more_than_guaranteed() -> None:
    assert world(wl(2, count=2)) == {}
    assert world(wl(2, cores=2)) == {}


def test_nothing_is_known_where_nothing_is_taken_back() -> None:
    assert world(wl(2), policy=Policy(preemption=False)) == {}


def test_what_others_have_borrowed_comes_back_after_the_time_that_they_may_run() -> None:
    lender, borrower = queue(cores=1), sharing("speech")
    lent = snapshot([node(cores=1)], [lender, borrower], wl(2), holdings=[held(1, "speech")])
    assert latest(lent) == {uid(2): SLACK_SECONDS + RECLAIM}


def test_only_the_first_of_a_line_are_looked_at() -> None:
    assert len(world(*(wl(number, limit=1) for number in range(2, 100)))) == FIRST_MOST


def test_a_band_does_not_end_later_than_the_start_is_certain() -> None:
    errors = [3.0] * 40
    late = Calibration({ALL: errors, "1s": errors, "2s": errors})
    here = snapshot([node()], [queue(cores=1)], wl(2), wl(3), holdings=[held(1, ends=NOW + 600)])
    found = estimates(here, Durations([]), late, {uid(2): 500.0, uid(3): 500.0})
    first, second = found[uid(2)], found[uid(3)]
    assert first.start_at == first.high == START + NOW + 600 + SLACK_SECONDS
    assert first.low <= first.start_at
    assert second.start_at == pytest.approx(START + NOW + (500 + 20) * 2.718281828459045**3 - 20)
