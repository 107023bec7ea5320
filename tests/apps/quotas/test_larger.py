"""What is larger than what has found no place is passed over without a look, unless it must be told something else."""

from __future__ import annotations

import gc
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.shapes import Failed, Size
from apps.quotas.scheduling.snapshot import (
    EXCEEDS_QUOTA,
    NO_MATCHING_FLAVOR,
    WAITING_FOR_CAPACITY,
    WAITING_FOR_QUOTA,
    Admit,
    Policy,
    Refuse,
    Snapshot,
    Wait,
)
from tests.apps.quotas.scheduling import big, cohort, gpus, held, node, sharing, snapshot, uid, wl

FULL = [held(1, "a", gpus=7, flavor="H200", on=[("node", range(7))], ends=20_000.0)]
"""One device of eight is left."""
QUIET = Policy(preemption=False)
BEHIND = "Waiting: behind earlier workloads of project a, which wait for room on the machines."


def decided(world: Snapshot) -> dict[int, object]:
    return {one.workload_id.int: one for one in cycle(world)}


def two(number: int, project: str = "a", devices: int = 2, **more: object) -> object:
    return wl(number, project, gpus=devices, flavor="H200", **more)  # type: ignore[arg-type]


def test_what_is_larger_waits_behind_and_what_is_smaller_starts():
    world = snapshot(
        [big(H200=8)], [sharing("a")], two(2), two(3, devices=4), two(4, cores=2), two(5, devices=1, limit=60),
        holdings=FULL, policy=QUIET,
    )  # fmt: skip
    found = decided(world)
    assert isinstance(found[2], Wait)
    assert found[2].start_at is not None
    assert found[3] == Wait(uid(3), WAITING_FOR_CAPACITY, BEHIND)
    assert found[4] == Wait(uid(4), WAITING_FOR_CAPACITY, BEHIND)
    assert isinstance(found[5], Admit)


def test_more_members_are_larger_and_fewer_are_not():
    few = wl(4, "a", cores=3, count=2)
    world = snapshot(
        [node(cores=8)], [sharing("a")], wl(2, "a", cores=3, count=3), wl(3, "a", cores=3, count=4), few, policy=QUIET,
        holdings=[held(1, "a", cores=1, on=[("node", ())], ends=20_000.0)],
    )  # fmt: skip
    found = decided(world)
    assert isinstance(found[2], Refuse), "three have no room even on an empty machine"
    assert isinstance(found[3], Refuse)
    assert isinstance(found[4], Admit)


def test_what_could_never_run_is_refused_all_the_same():
    world = snapshot([big(H200=8)], [sharing("a")], two(2), two(3, devices=9), holdings=FULL, policy=QUIET)
    refused = decided(world)[3]
    assert isinstance(refused, Refuse)
    assert refused.reason == NO_MATCHING_FLAVOR


def test_what_its_queue_never_lets_run_is_refused_all_the_same():
    strict = sharing("a", run_seconds_most=600)
    world = snapshot(
        [big(H200=8)], [strict], two(2, limit=600), two(3, limit=600), two(4, limit=900), two(5, devices=3, limit=900),
        holdings=FULL, policy=QUIET,
    )  # fmt: skip
    found = decided(world)
    assert isinstance(found[3], Wait)
    assert [found[number].reason for number in (4, 5)] == [EXCEEDS_QUOTA] * 2  # type: ignore[attr-defined]


def test_what_its_quota_does_not_allow_now_is_told_so():
    bounded = sharing("a", gpus(8, borrow=0), team="team")
    other = sharing("b", gpus(0), team="team")
    mine = [held(1, "a", gpus=6, flavor="H200", on=[("node", range(6))], ends=20_000.0)]
    world = snapshot(
        [big(H200=8), big("second", H200=4)], [bounded, other], two(2, "b", 5), two(3, "b", 6), two(4, "a", 1, cores=9),
        two(5, "a", 6), cohorts=[cohort("team")], policy=QUIET,
        holdings=[*mine, held(9, "b", gpus=2, flavor="H200", on=[("second", (0, 1))], ends=20_000.0)],
    )  # fmt: skip
    found = decided(world)
    assert [found[number].reason for number in (2, 3)] == [WAITING_FOR_CAPACITY] * 2  # type: ignore[attr-defined]
    assert found[5].reason == WAITING_FOR_QUOTA  # type: ignore[attr-defined]


SIZES = st.tuples(*[st.integers(0, 3)] * 3, st.integers(1, 3))
ENDS = st.sampled_from((-inf, 0.0, 5.0, 9.0))


@given(st.lists(st.tuples(SIZES, ENDS), max_size=12), SIZES, st.sampled_from((0.0, 5.0, 6.0, inf)))
def test_the_smallest_that_failed_stand_for_all(rows: list[tuple[Size, float]], size: Size, ends_at: float):
    failed = Failed()
    for row, after in rows:
        failed.add(row, after)
    expected = any(all(map(int.__le__, row, size)) and after < ends_at for row, after in rows)
    assert failed.covers(size, ends_at) == expected


@pytest.mark.parametrize("was_on", [True, False])
def test_memory_is_tidied_up_again_after_a_cycle(was_on: bool):
    looped = snapshot([], [], cohorts=[cohort("x", within="y"), cohort("y", within="x")])
    try:
        (gc.enable if was_on else gc.disable)()
        cycle(snapshot([node()], [sharing("a")], wl(1, "a")))
        assert gc.isenabled() is was_on
        with pytest.raises(ValueError, match="its own ancestor"):
            cycle(looped)
        assert gc.isenabled() is was_on
    finally:
        gc.enable()
