"""Which phase something is in and when that is too long: a table of cases, and what holds for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.quotas.scheduling.liveness import PHASES, Limits, Liveness, Signs, liveness_of, sentence

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
LIMITS = Limits(queued=100, launching=300, pulling=1800, running=600, overtime=60, quiet=60, silent=900)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def since(state: str, seconds: float, **signs: object) -> Signs:
    return Signs(state, ago(seconds), **signs)  # type: ignore[arg-type]


RUNS = {"state": "running", "state_at": ago(7200), "started_at": ago(7200)}

CASES: dict[str, tuple[Signs, Limits, Liveness | None]] = {
    "waits": (since("pending", 99), LIMITS, Liveness("queued", ago(99), ago(-1), "queued")),
    "waited too long": (since("pending", 101), LIMITS, Liveness("queued", ago(101), ago(1), "queued")),
    "may wait for ever": (since("pending", 9e6), Limits(), Liveness("queued", ago(9e6))),
    "the time it is put off does not count": (
        since("pending", 500, not_before=ago(40)),
        LIMITS,
        Liveness("queued", ago(500), ago(-60), "queued"),
    ),
    "put off long ago": (
        since("pending", 90, not_before=ago(1000)),
        LIMITS,
        Liveness("queued", ago(90), ago(-10), "queued"),
    ),
    "admitted": (since("admitted", 1e5), LIMITS, Liveness("launching", ago(1e5))),
    "launches": (since("launching", 299), LIMITS, Liveness("launching", ago(299), ago(-1), "launching")),
    "launched too long": (since("launching", 300), LIMITS, Liveness("launching", ago(300), NOW, "launching")),
    "pulls": (
        since("launching", 301, pulling=True),
        LIMITS,
        Liveness("pulling", ago(301), ago(-1499), "pulling"),
    ),
    "pulled too long": (
        since("launching", 1801, pulling=True),
        LIMITS,
        Liveness("pulling", ago(1801), ago(1), "pulling"),
    ),
    "has pulled for long and starts since": (
        since("launching", 1700, pulled_at=ago(200)),
        LIMITS,
        Liveness("launching", ago(1700), ago(-100), "launching"),
    ),
    "runs": (
        Signs(**RUNS, heard_at=ago(4), reachable_since=ago(9000)),
        Limits(),
        Liveness("running", ago(7200)),
    ),
    "runs within its time": (
        since("running", 30, started_at=ago(30), heard_at=ago(4), reachable_since=ago(9000)),
        LIMITS,
        Liveness("running", ago(30), ago(-630), "running"),
    ),
    "runs beyond its time and the grace of its backend": (
        Signs(**RUNS, heard_at=ago(4), reachable_since=ago(9000)),
        LIMITS,
        Liveness("running", ago(7200), ago(6540), "running"),
    ),
    "quiet for less than a minute": (
        Signs(**RUNS, heard_at=ago(59), reachable_since=ago(9000)),
        Limits(),
        Liveness("running", ago(7200)),
    ),
    "silent for a minute": (
        Signs(**RUNS, heard_at=ago(60), reachable_since=ago(9000)),
        Limits(),
        Liveness("silent", ago(60), ago(-840), "silent"),
    ),
    "silent for too long": (
        Signs(**RUNS, heard_at=ago(901), reachable_since=ago(9000)),
        Limits(),
        Liveness("silent", ago(901), ago(1), "silent"),
    ),
    "never heard since it started": (
        Signs(**RUNS, reachable_since=ago(9000)),
        Limits(),
        Liveness("silent", ago(7200), ago(6300), "silent"),
    ),
    "a word of before it started counts for nothing": (
        since("running", 70, started_at=ago(70), heard_at=ago(5000), reachable_since=ago(9000)),
        Limits(),
        Liveness("silent", ago(70), ago(-830), "silent"),
    ),
    "the API is away": (Signs(**RUNS, heard_at=ago(86400)), Limits(), Liveness("running", ago(7200))),
    "the API came back a moment ago": (
        Signs(**RUNS, heard_at=ago(7000), reachable_since=ago(59)),
        Limits(),
        Liveness("running", ago(7200)),
    ),
    "the API came back a while ago": (
        Signs(**RUNS, heard_at=ago(7000), reachable_since=ago(600)),
        Limits(),
        Liveness("silent", ago(7000), ago(-300), "silent"),
    ),
    "silent, and over its time first": (
        since("running", 500, started_at=ago(500), heard_at=ago(100), reachable_since=ago(9000)),
        LIMITS,
        Liveness("silent", ago(100), ago(-160), "running"),
    ),
    "silent, but its backend sees it well": (
        Signs(**RUNS, heard_at=ago(5000), reachable_since=ago(9000), attended=True),
        Limits(),
        Liveness("silent", ago(5000)),
    ),
    "may be silent for ever": (
        Signs(**RUNS, heard_at=ago(5000), reachable_since=ago(9000)),
        Limits(silent=0),
        Liveness("silent", ago(5000)),
    ),
    "stops": (since("stopping", 1e5), LIMITS, Liveness("stopping", ago(1e5))),
    "succeeded": (since("succeeded", 5), LIMITS, None),
    "failed": (since("failed", 5), LIMITS, None),
    "cancelled": (since("cancelled", 5), LIMITS, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_phase_and_its_limit(case: str) -> None:
    signs, limits, expected = CASES[case]
    assert liveness_of(signs, limits, NOW) == expected


def test_a_silence_is_told_with_its_beginning_and_its_end() -> None:
    told = "Silent: no heartbeat since 2026-05-05 11:59:00 UTC."
    assert sentence(Liveness("silent", ago(60))) == told
    end = " If it stays silent it is taken for lost at 2026-05-05 12:14:00 UTC."
    assert sentence(Liveness("silent", ago(60), ago(-840), "silent")) == told + end
    assert sentence(Liveness("silent", ago(60), ago(-840), "running")) == told
    node = "The node gpu-1 of member 0 does not answer."
    assert sentence(Liveness("silent", ago(60), ago(-840), "silent", node)) == f"{told}{end} {node}"
    assert sentence(Liveness("running", ago(60), ago(-840), "running")) == sentence(None) == ""


seconds_ago = st.floats(0, 1e6).map(ago)
maybe = st.none() | seconds_ago
signs_of_any = st.builds(
    Signs,
    state=st.sampled_from(["pending", "admitted", "launching", "running", "stopping", "succeeded"]),
    state_at=seconds_ago,
    not_before=maybe,
    pulling=st.booleans(),
    pulled_at=maybe,
    started_at=maybe,
    heard_at=maybe,
    reachable_since=maybe,
    attended=st.booleans(),
)
limits_of_any = st.builds(
    Limits,
    queued=st.integers(0, 10**6),
    launching=st.integers(1, 10**6),
    pulling=st.integers(1, 10**6),
    running=st.integers(0, 10**6),
    silent=st.integers(10, 10**6),
)


@given(signs_of_any, limits_of_any)
def test_every_answer_is_a_phase_that_began_and_a_limit_has_a_cause(signs: Signs, limits: Limits) -> None:
    found = liveness_of(signs, limits, NOW)
    if found is None:
        assert signs.state == "succeeded"
        return
    assert found.phase in PHASES
    assert found.since <= NOW
    assert (found.limit_at is None) == (found.cause == "")
    overtime = found.phase == "silent" and found.cause == "running"  # its time may have been up before it fell silent
    assert found.limit_at is None or overtime or found.limit_at > found.since


@given(signs_of_any, limits_of_any, st.integers(0, 10**6))
def test_an_outage_of_ours_of_any_length_ends_nothing_for_its_silence(
    signs: Signs, limits: Limits, outage: int
) -> None:
    """While it lasts, and for as long after it as a silence may last."""
    during = liveness_of(replace(signs, reachable_since=None), limits, NOW)
    assert during is None or during.cause != "silent"
    back = NOW + timedelta(seconds=outage)
    after = replace(signs, reachable_since=back)
    found = liveness_of(after, limits, back + timedelta(seconds=limits.silent - 1))
    assert found is None or found.cause != "silent" or not found.overdue(back + timedelta(seconds=limits.silent - 1))


@given(signs_of_any, limits_of_any, st.integers(1, 10**5))
def test_time_alone_never_takes_a_limit_back(signs: Signs, limits: Limits, later: int) -> None:
    found = liveness_of(signs, limits, NOW)
    if found is not None and found.overdue(NOW):
        then = NOW + timedelta(seconds=later)
        again = liveness_of(signs, limits, then)
        assert again is not None
        assert again.overdue(then)
