"""What holds for every admission cycle, whatever the pool looks like."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.messages import SAID, parts_of
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Admit, Preempt, Refuse, Snapshot, Wait, Waiting
from tests.apps.quotas.pool_strategies import PROJECTS, asks, pools
from tests.apps.quotas.pool_world import World, check
from tests.apps.quotas.scheduling import queue_id, uid

T = TypeVar("T")
UNHURRIED = settings(max_examples=40, deadline=None)
waiting = st.lists(
    st.builds(
        lambda project, ask, age, least, more, priority, preempts, limit: Waiting(
            *(uid(0), queue_id(project), ask, 999_900.0 - age, least, least + more, priority, preempts, limit)
        ),
        *(st.sampled_from(PROJECTS), asks, st.integers(0, 3), st.integers(1, 3), st.integers(0, 2)),
        *(st.integers(0, 2), st.booleans(), st.sampled_from([50.0, 500.0, float("inf")])),
    ),
    max_size=14,
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Pools in which what is held was admitted by cycles before, and some of it is being taken back."""
    pool: World = draw(pools)
    rows = [replace(one, workload_id=uid(number)) for number, one in enumerate(draw(waiting), 1)]
    cut = draw(st.integers(0, len(rows)))
    for one in rows[:cut]:
        pool.submit(one)
    pool.decide()
    pool.go_on(draw(st.sampled_from([0.0, 100.0, 400.0])))
    for one in rows[cut:]:
        pool.submit(one)
    if draw(st.booleans()):
        pool.decide()
    lost = draw(st.sampled_from([None, *sorted(pool.nodes)]))
    if lost is not None:
        pool.nodes[lost] = replace(pool.nodes[lost], ready=False)
    return pool.snapshot()


@given(snapshots())
@UNHURRIED
def test_limits_machines_and_gangs_hold_and_nothing_waits_that_fits(snapshot: Snapshot) -> None:
    check(snapshot, cycle(snapshot))


@given(snapshots())
@UNHURRIED
def test_whoever_is_not_admitted_is_told_why_in_sentences_of_the_closed_list(snapshot: Snapshot) -> None:
    told = [one.detail for one in cycle(snapshot) if isinstance(one, Wait | Refuse | Preempt)]
    assert [detail for detail in told if not detail or SAID in {part.code for part in parts_of(detail)}] == []


@given(snapshots(), st.randoms(use_true_random=False))
@UNHURRIED
def test_the_order_of_reading_the_pool_changes_nothing(snapshot: Snapshot, random: Random) -> None:
    def shuffled(rows: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(sorted(rows, key=lambda _: random.random()))

    other = replace(
        snapshot,
        nodes=shuffled(snapshot.nodes),
        queues=shuffled(snapshot.queues),
        cohorts=shuffled(snapshot.cohorts),
        holdings=shuffled(snapshot.holdings),
        waiting=shuffled(snapshot.waiting),
    )
    assert cycle(other) == cycle(snapshot)


@given(snapshots())
@UNHURRIED
def test_nobody_is_overtaken_by_the_like_of_the_own_queue(snapshot: Snapshot) -> None:
    """Who asks for the same, of the same class, for as long."""
    decisions = {one.workload_id: one for one in cycle(snapshot) if isinstance(one, Admit | Wait | Refuse)}
    lines: dict[object, list[Waiting]] = {}
    for one in sorted(snapshot.waiting, key=lambda each: (each.created_at, each.workload_id)):
        if not one.nominated:
            alike = (one.queue_id, one.ask, one.count_min, one.count_max, one.priority, one.preempts, one.limit_seconds)
            lines.setdefault(alike, []).append(one)
    for line in lines.values():
        kinds = [type(decisions[one.workload_id]) for one in line]
        assert Admit not in kinds[kinds.index(Wait) if Wait in kinds else len(kinds) :]


@given(snapshots())
@UNHURRIED
def test_refused_is_what_could_not_run_in_an_empty_pool(snapshot: Snapshot) -> None:
    decisions = {one.workload_id: one for one in cycle(snapshot) if isinstance(one, Admit | Wait | Refuse)}
    empty = replace(snapshot, nodes=tuple(replace(node, ready=True) for node in snapshot.nodes), holdings=())
    for one in snapshot.waiting:
        alone = cycle(replace(empty, waiting=(replace(one, nominated=(), nominated_flavor=""),)))
        if isinstance(decisions[one.workload_id], Refuse):
            assert [type(each) for each in alone] == [Refuse]
        elif isinstance(decisions[one.workload_id], Admit):
            assert [type(each) for each in alone] == [Admit]
        else:
            assert [type(each) for each in alone] in ([Admit], [Refuse])
