"""Forecasts of starts by hand, running times from history, and bands that hold as often as they say."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random

import numpy as np
import pytest

from apps.quotas.scheduling import estimate_line
from apps.quotas.scheduling.estimate import drawn, estimates, forecast, kind_of
from apps.quotas.scheduling.estimate_bands import (
    ALL,
    Band,
    Calibration,
    Levels,
    Stream,
    bucket_of,
    corrected,
    error_of,
    with_open,
)
from apps.quotas.scheduling.estimate_durations import Durations, Kind, Span
from apps.quotas.scheduling.estimate_line import Forward, stranded
from tests.apps.quotas.scheduling import NOW, START, ask, big, gpus, held, node, queue_id, sharing, snapshot, uid, wl

HOUR = 3600.0
OLD = Kind(queue_id("vision"), ask(gpus=1), 1)


def history(*seconds: float, limit: float = HOUR, kind: Kind = OLD, ended: bool = True) -> list[Span]:
    return [Span(kind, limit, one, ended) for one in seconds]


def left(
    durations: Durations, *, limit: float = HOUR, age: float = 0.0, chance: float = 0.5, kind: Kind = OLD
) -> float:
    found = durations.left([kind], np.array([limit]), np.array([age]), np.array([chance]))
    return float(found[0])


def test_work_runs_as_long_of_its_limit_as_like_work_did() -> None:
    known = Durations(history(*[900.0] * 200))
    assert left(known) == pytest.approx(900, rel=0.1)
    assert left(known, limit=2 * HOUR) == pytest.approx(1800, rel=0.1)


def test_work_without_a_limit_runs_as_long_as_like_work_did() -> None:
    known = Durations(history(*[500.0] * 200, limit=inf))
    assert left(known, limit=inf) == pytest.approx(500, rel=0.2)


def test_work_that_has_run_longer_than_most_runs_on_as_the_others_did() -> None:
    known = Durations(history(*[360.0] * 300, *[1800.0] * 100))
    assert left(known, age=600.0) == pytest.approx(1200, rel=0.15)


def test_what_still_runs_counts_as_having_run_so_long() -> None:
    """Ten ended after a minute; a hundred run since half an hour: most work is long."""
    known = Durations([*history(*[60.0] * 10), *history(*[1800.0] * 100, ended=False)])
    assert left(known) > 1500
    assert left(Durations(history(*[60.0] * 10))) < 100


def test_a_kind_of_which_nothing_is_known_is_like_its_queue_and_the_queue_like_the_pool() -> None:
    other = Kind(queue_id("vision"), ask(gpus=8), 4)
    stranger = Kind(queue_id("speech"), ask(gpus=1), 1)
    known = Durations([*history(*[1800.0] * 300), *history(*[120.0] * 300, kind=stranger)])
    assert left(known, kind=other) == pytest.approx(1800, rel=0.25)
    assert 120 < left(known, kind=Kind(queue_id("text"), ask(gpus=1), 1)) < 1900


def test_nothing_known_is_a_guess_between_nothing_and_the_limit() -> None:
    assert 0 < left(Durations()) <= HOUR


Case = tuple[str, Callable[[], dict[int, float]], dict[int, float]]


def starts(given: object, seconds: dict[int, float], ends: dict[int, float]) -> dict[int, float]:
    """Workload → seconds from now until it starts."""
    found = Forward(
        given,  # type: ignore[arg-type]
        {uid(number): one for number, one in seconds.items()},
        {uid(number): START + NOW + one for number, one in ends.items()},
        stranded(given),  # type: ignore[arg-type]
    ).run()
    return {one.int: round(at - START - NOW, 6) for one, at in found.items()}


def full(*waiting: object, **more: object) -> object:
    """Two devices, both held: by 101 and 102."""
    holdings = [held(101 + n, gpus=1, flavor="H200", on=[("node", (n,))]) for n in (0, 1)]
    return snapshot([big(H200=2)], [sharing("vision", gpus(2))], *waiting, holdings=holdings, **more)  # type: ignore[arg-type]


def test_each_waits_for_the_next_device() -> None:
    given = full(wl(1, gpus=1), wl(2, gpus=1), wl(3, gpus=1))
    assert starts(given, {1: 50, 2: 50, 3: 50}, {101: 100, 102: 200}) == {1: 100, 2: 150, 3: 200}


def test_a_gang_waits_for_all_its_members_and_others_pass_it() -> None:
    given = full(wl(1, gpus=1, count=2), wl(2, gpus=1))
    assert starts(given, {1: 50, 2: 300}, {101: 100, 102: 200}) == {2: 100, 1: 400}


def test_devices_whose_cores_are_taken_are_not_waited_for_as_if_they_were_free() -> None:
    """Two devices of x are free, and none of its cores; y's is the first that can be had. What wants fewer cores than
    one is not held up."""
    holdings = [held(101, cores=7.5, on=[("x", ())]), held(102, gpus=1, flavor="H200", on=[("y", (0,))])]
    given = snapshot(
        [node("x", cores=8, H200=2), node("y", cores=8, H200=1)],
        [sharing("vision", gpus(3))],
        wl(1, cores=1, gpus=1),
        wl(2, cores=0.5, gpus=1),
        holdings=holdings,
    )
    assert starts(given, {1: 50, 2: 50}, {101: 500, 102: 100}) == {1: 100, 2: 0}


def test_who_is_guaranteed_comes_before_who_borrows() -> None:
    queues = [sharing("vision", gpus(0)), sharing("speech", gpus(1))]
    holding = held(101, "text", gpus=1, flavor="H200", on=[("node", (0,))])
    given = snapshot(
        [big(H200=1)], [*queues, sharing("text", gpus(0))], wl(1, gpus=1), wl(2, "speech", gpus=1), holdings=[holding]
    )
    assert starts(given, {1: 10, 2: 10}, {101: 100}) == {2: 100, 1: 110}


def test_what_its_quota_never_lets_start_has_no_start() -> None:
    queues = [sharing("vision", gpus(1, borrow=0))]
    holding = held(101, gpus=1, flavor="H200", on=[("node", (0,))])
    given = snapshot([big(H200=4)], queues, wl(1, gpus=1), wl(2, gpus=2), holdings=[holding])
    assert starts(given, {1: 10, 2: 10}, {101: 100}) == {1: 100}


def test_a_line_too_long_to_follow_goes_on_at_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followed are the first two: one more starts every hundred seconds."""
    monkeypatch.setattr(estimate_line, "WORK_MOST", 6)
    holding = held(101, gpus=1, flavor="H200", on=[("node", (0,))])
    waiting = [wl(number, gpus=1) for number in range(1, 6)]
    given = snapshot([big(H200=1)], [sharing("vision", gpus(1))], *waiting, holdings=[holding])
    found = starts(given, dict.fromkeys(range(1, 6), 100.0), {101: 100})
    assert found[1] == 100
    assert [found[number + 1] - found[number] for number in range(1, 5)] == [pytest.approx(100)] * 4


def test_nothing_in_the_snapshot_but_what_is_declared_decides() -> None:
    """The forecast reads a snapshot and the past: the same ones give the same forecast, and no job is among them."""
    given = full(wl(1, gpus=1, limit=HOUR), wl(2, gpus=1, limit=HOUR))
    known = Durations(history(*[900.0] * 100))
    assert forecast(given, known) == forecast(given, known)  # type: ignore[arg-type]
    seconds, ends = drawn(given, known)  # type: ignore[arg-type]
    assert set(seconds) == {uid(1), uid(2)}
    assert set(ends) == {uid(101), uid(102)}
    assert kind_of(wl(1, gpus=1)) == OLD


def test_an_estimate_is_corrected_by_past_errors_of_its_bucket() -> None:
    given = full(wl(1, gpus=1, limit=HOUR))
    waits = {uid(1): 100.0}
    bucket = bucket_of(100.0, 1)
    late = Calibration({bucket: [0.5] * 50, ALL: [0.5] * 50})
    found = estimates(given, Durations(), late, waits)[uid(1)]  # type: ignore[arg-type]
    assert found.start_at - found.made_at == pytest.approx(corrected(100.0, 0.5))
    assert found.low <= found.start_at <= found.high
    assert error_of(100.0, corrected(100.0, 0.7)) == pytest.approx(0.7)


def test_buckets_are_by_distance_and_tell_gangs_apart() -> None:
    assert [bucket_of(seconds, 1) for seconds in (0, 60, 300, 1800, 7200)] == ["0s", "1s", "2s", "3s", "4s"]
    assert bucket_of(0, 2) == "0g"
    assert [bucket_of(60, 1, ahead) for ahead in (0, 9, 10, 39, 40)] == ["1s", "1s", "1sm", "1sm", "1sl"]


def coverage(errors: list[float], forecast_seconds: float = 600.0) -> float:
    """How often the band held, over the second half of a stream."""
    stream, inside = Stream(), []
    for error in errors:
        bucket = bucket_of(forecast_seconds, 1)
        band: Band = stream.calibration.band(bucket, forecast_seconds)
        wait = corrected(forecast_seconds, error)
        inside.append(band.low <= wait <= band.high)
        stream.settle(bucket, forecast_seconds, wait, band)
    half = inside[len(inside) // 2 :]
    return sum(half) / len(half)


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.5])
def test_a_band_holds_as_often_as_it_says(spread: float) -> None:
    random = Random(7)
    assert coverage([random.gauss(0.4, spread) for _ in range(3000)]) == pytest.approx(0.8, abs=0.03)


def test_a_band_holds_where_errors_are_lopsided_and_drift() -> None:
    random = Random(3)
    lopsided = [random.expovariate(1.0) * (1 + number / 3000) - 0.5 for number in range(3000)]
    assert coverage(lopsided) == pytest.approx(0.8, abs=0.04)


def test_a_band_recovers_when_errors_change_at_once() -> None:
    random = Random(5)
    sudden = [random.gauss(0, 0.2) for _ in range(1500)] + [random.gauss(1.0, 0.8) for _ in range(1500)]
    assert coverage(sudden) == pytest.approx(0.8, abs=0.05)


def test_levels_move_against_what_happened() -> None:
    start = Levels()
    assert start.learnt(before=1, after=0, count=1).low < start.low
    assert start.learnt(before=0, after=1, count=1).high > start.high
    inside = start.learnt(before=0, after=0, count=1)
    assert (inside.low > start.low, inside.high < start.high) == (True, True)
    assert start.learnt(before=1, after=1, count=10) == Levels(pytest.approx(0.1), pytest.approx(0.9))  # type: ignore[arg-type]


def test_before_anything_is_known_a_band_is_wide() -> None:
    for known in (Calibration(), with_open(Calibration(), [])):
        band = known.band("2s", 600.0)
        assert band.low < 300 < band.middle < 1200 < band.high
        assert band.middle == pytest.approx(corrected(600.0, 0.3))


def test_what_still_waits_longer_than_was_forecast_makes_bands_wider() -> None:
    """A hundred turned out as forecast; a hundred have waited ten times as long, and wait on."""
    known = Calibration({"1s": [0.0] * 100, ALL: [0.0] * 100})
    short = with_open(known, []).band("1s", 100.0)
    long = with_open(known, [("1s", 100.0, 1000.0)] * 100).band("1s", 100.0)
    assert short.high < 400
    assert long.high > 900
    assert short.middle == long.middle == pytest.approx(100.0)


def test_what_has_just_begun_to_wait_changes_little() -> None:
    known = Calibration({"1s": [0.0] * 30, ALL: [0.0] * 30})
    fresh = with_open(known, [("1s", 100.0, 0.0)] * 30)
    assert fresh.band("1s", 100.0).high == pytest.approx(with_open(known, []).band("1s", 100.0).high, rel=0.35)
