"""When what holds GPUs is idle: a table of cases by hand, and what holds for all."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.quotas.scheduling.idle import OFF, STOP, Idle, IdlePolicy, Known, Member, idle_of, may_be_idle

POLICY = IdlePolicy(threshold_ratio=0.1, warn_seconds=600, stop_seconds=300, grace_seconds=1000, action=STOP)
START = 10_000.0


def member(*phases: tuple[float, float, float], every: float = 5.0) -> Member:
    """Samples of phases (from, until, busy), so many seconds apart; seconds since its start."""
    samples = []
    for begin, end, busy in phases:
        at = begin
        while at < end:
            samples.append((START + at, busy))
            at += every
    return Member(samples, every)


WORKED = (0, 100, 0.9)
IDLE = (100, 2000, 0.0)

CASES = {
    "it works": ([member((0, 2000, 0.9))], 2000, None),
    "it has been idle since it worked": ([member(WORKED, IDLE)], 2000, 100),
    "at the threshold it works": ([member(WORKED, (100, 2000, 0.1))], 2000, None),
    "just below it does not": ([member(WORKED, (100, 2000, 0.099))], 2000, 100),
    "one busy sample begins it anew": ([member(WORKED, (100, 900, 0.0), (900, 905, 1.0), (905, 2000, 0.0))], 2000, 905),
    "a gap is no idleness: it counts from after it": ([member(WORKED, (100, 900, 0.0), (1000, 2000, 0.0))], 2000, 1000),
    "ninety seconds are no gap": ([member(WORKED, (100, 900, 0.0), (985, 2000, 0.0))], 2000, 100),
    "old samples say nothing of now": ([member(WORKED, (100, 1900, 0.0))], 2000, None),
    "a sample without figures says nothing": (
        [member(WORKED, (100, 900, 0.0), (900, 905, nan), (905, 2000, 0.0))],
        2000,
        905,
    ),
    "figures that stopped coming": ([member(WORKED, (100, 1500, 0.0), (1500, 2000, nan))], 2000, None),
    "no samples at all": ([Member(())], 2000, None),
    "no members at all": ([], 2000, None),
    "loading before the first use": ([member((0, 900, 0.0))], 900, None),
    "the grace ends some time": ([member((0, 2000, 0.0))], 2000, 1000),
    "who has worked has no grace any more": ([member((0, 5, 0.9), (5, 900, 0.0))], 900, 5),
    "one busy member makes the gang busy": ([member(WORKED, IDLE), member((0, 2000, 0.5))], 2000, None),
    "one of whom nothing is known keeps it, too": ([member(WORKED, IDLE), Member(())], 2000, None),
    "a gang is idle since its last one is": (
        [member(WORKED, IDLE), member((0, 700, 0.9), (700, 2000, 0.0))],
        2000,
        700,
    ),
    "one that has worked has ended the grace of all": (
        [member((0, 900, 0.0)), member((0, 5, 1.0), (5, 900, 0.0))],
        900,
        5,
    ),
    "samples that stand for many": ([member((0, 400, 0.9), (400, 8000, 0.0), every=80)], 8000, 400),
}


@pytest.mark.parametrize(("members", "now", "since"), CASES.values(), ids=CASES)
def test_since_when_it_is_idle(members: list[Member], now: float, since: float | None) -> None:
    found = idle_of(POLICY, members, now=START + now, started_at=START)
    assert (found.since - START if found else None) == since


def test_it_is_warned_first_and_stopped_so_long_after_the_warning() -> None:
    found = idle_of(POLICY, [member(WORKED, (100, 700, 0.0))], now=START + 700, started_at=START)
    assert found == Idle(START + 100, START + 700, None, None)
    assert found.must_warn(START + 700)
    assert not found.must_warn(START + 699.9)
    assert not found.must_stop(START + 9e9), "nobody is stopped who was not warned"
    known = Known(START + 100, START + 750)
    told = idle_of(POLICY, [member(WORKED, (100, 1000, 0.0))], now=START + 1000, started_at=START, known=known)
    assert told == Idle(START + 100, START + 700, START + 750, START + 1050)
    assert not told.must_warn(START + 1000)
    assert not told.must_stop(START + 1049.9)
    assert told.must_stop(START + 1050)


def test_a_policy_that_only_warns_stops_nobody() -> None:
    known = Known(START + 100, START + 750)
    found = idle_of(
        replace(POLICY, action="warn"), [member(WORKED, IDLE)], now=START + 2000, started_at=START, known=known
    )
    assert found is not None
    assert (found.warned_at, found.stop_at) == (START + 750, None)


def test_a_warning_of_an_earlier_idleness_counts_for_nothing() -> None:
    members = [member(WORKED, (100, 900, 0.0), (900, 905, 1.0), (905, 2000, 0.0))]
    found = idle_of(POLICY, members, now=START + 2000, started_at=START, known=Known(START + 100, START + 750))
    assert found == Idle(START + 905, START + 1505, None, None)


def test_what_is_known_stays_when_old_samples_become_one() -> None:
    """The first idle sample and a busy one have become one that looks busy: the idleness did not begin later."""
    known = Known(START + 320, START + 1000)
    found = idle_of(
        POLICY, [member((0, 480, 0.9), (480, 8000, 0.0), every=80)], now=START + 8000, started_at=START, known=known
    )
    assert found is not None
    assert (found.since, found.warned_at) == (START + 320, START + 1000)
    later = idle_of(
        POLICY, [member((0, 2400, 0.9), (2400, 8000, 0.0), every=80)], now=START + 8000, started_at=START, known=known
    )
    assert later is not None
    assert (later.since, later.warned_at) == (START + 2400, None)


def test_for_whom_it_holds() -> None:
    assert IdlePolicy().holds_for("job")
    assert not IdlePolicy().holds_for("serving")
    assert IdlePolicy(kinds=frozenset({"serving"})).holds_for("serving")
    assert not IdlePolicy(action=OFF).holds_for("job")


@pytest.mark.parametrize(
    ("last", "maybe"), [([0.0], True), ([0.0, 0.2], False), ([nan], False), ([0.0, nan], False), ([], False)]
)
def test_a_look_at_the_last_samples(last: list[float], maybe: bool) -> None:
    assert may_be_idle(POLICY, last) is maybe


busy = st.sampled_from([0.0, 0.05, 0.1, 0.9, nan])
series = st.lists(st.tuples(st.floats(1, 200), busy), min_size=1, max_size=40)


def made(steps: list[tuple[float, float]]) -> Member:
    at, samples = START, []
    for step, value in steps:
        at += step
        samples.append((at, value))
    return Member(samples)


@given(st.lists(series, min_size=1, max_size=4))
def test_whoever_is_idle_was_seen_idle_in_every_sample_since(gang: list[list[tuple[float, float]]]) -> None:
    members = [made(steps) for steps in gang]
    now = max(one.samples[-1][0] for one in members)
    found = idle_of(POLICY, members, now=now, started_at=START)
    if found is None:
        return
    assert START < found.since <= now
    for one in members:
        since = [sample for sample in one.samples if sample[0] >= found.since]
        times = [found.since, *(at for at, _ in since), now]
        assert all(value < POLICY.threshold_ratio for _, value in since)
        if since and found.since == since[0][0]:
            assert all(later - at <= one.gap_seconds for at, later in pairwise(times))


@given(st.lists(series, min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 39))
def test_one_more_busy_sample_never_makes_it_idle_for_longer(
    gang: list[list[tuple[float, float]]], which: int, place: int
) -> None:
    members = [made(steps) for steps in gang]
    now = max(one.samples[-1][0] for one in members)
    before = idle_of(POLICY, members, now=now, started_at=START - 5000)
    which %= len(members)
    samples = list(members[which].samples)
    samples[place % len(samples)] = (samples[place % len(samples)][0], 1.0)
    after = idle_of(
        POLICY, [*members[:which], Member(samples), *members[which + 1 :]], now=now, started_at=START - 5000
    )
    assert after is None or (before is not None and after.since >= before.since)
