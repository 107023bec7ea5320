"""What holds for every admission cycle, whatever the pool looks like."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.messages import SAID, parts_of
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.fit import Books, needed
from apps.quotas.scheduling.snapshot import (
    Admit,
    Ask,
    Decision,
    Gpu,
    Grow,
    Holding,
    Limit,
    NodeView,
    QueueView,
    Refuse,
    Snapshot,
    Wait,
    Waiting,
)
from tests.apps.quotas.scheduling import START, queue_id, uid

KINDS = ["H200", "L4"]
PROJECTS = ["a", "b", "c"]

asks = st.builds(Ask, st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.sampled_from(["", *KINDS])).map(
    lambda ask: ask if ask.gpus else replace(ask, flavor="")
)

nodes = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.lists(st.sampled_from(KINDS), max_size=4), st.booleans()),
    max_size=4,
).map(
    lambda rows: tuple(
        NodeView(f"node-{n}", cpu, memory, tuple(map(Gpu, range(len(kinds)), kinds)), ready)
        for n, (cpu, memory, kinds, ready) in enumerate(rows)
    )
)

limits = st.lists(
    st.tuples(
        st.sampled_from([("cpu_millis", ""), ("memory_bytes", ""), ("gpus", ""), ("gpus", "H200"), ("gpus", "L4")]),
        st.integers(0, 12),
    ),
    max_size=5,
    unique_by=lambda row: row[0],
).map(lambda rows: tuple(Limit(resource, kind, nominal) for (resource, kind), nominal in rows))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Pools in which what is held was admitted by cycles before, so that the beginning is a possible one."""
    queues = tuple(QueueView(queue_id(project), project, draw(limits)) for project in PROJECTS)
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(PROJECTS), asks, st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)),
            max_size=12,
        )
    )
    waiting = [
        Waiting(uid(n), queue_id(project), ask, START, least, least + more, priority)
        for n, (project, ask, least, more, priority) in enumerate(rows)
    ]
    cut = draw(st.integers(0, len(waiting)))
    before = Snapshot(draw(nodes), queues, (), tuple(waiting[:cut]))
    by_id = {one.workload_id: one for one in waiting}
    holdings = tuple(
        Holding(
            d.workload_id,
            by_id[d.workload_id].queue_id,
            by_id[d.workload_id].ask,
            d.flavor,
            d.assignments,
            len(d.assignments) + draw(st.integers(0, 2)),
        )
        for d in cycle(before)
        if isinstance(d, Admit)
    )
    changed = tuple(replace(node, ready=draw(st.booleans())) for node in before.nodes)
    return Snapshot(changed, queues, holdings, tuple(waiting[cut:]))


def given_out(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> list[Holding]:
    """Everything held once the decisions are carried out."""
    after = {holding.workload_id: holding for holding in snapshot.holdings}
    waiting = {one.workload_id: one for one in snapshot.waiting}
    for decision in decisions:
        if isinstance(decision, Grow):
            after[decision.workload_id] = replace(after[decision.workload_id], assignments=decision.assignments)
        if isinstance(decision, Admit):
            one = waiting[decision.workload_id]
            after[one.workload_id] = Holding(
                one.workload_id, one.queue_id, one.ask, decision.flavor, decision.assignments
            )
    return list(after.values())


def held(holdings: list[Holding], queue: UUID, limit: Limit) -> int:
    return sum(needed(h.ask, limit, h.flavor) * len(h.assignments) for h in holdings if h.queue_id == queue)


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_everything_that_waits_or_wants_to_grow_gets_exactly_one_decision(snapshot: Snapshot) -> None:
    expected = [h.workload_id for h in snapshot.holdings if h.wanted > len(h.assignments)]
    expected += [one.workload_id for one in snapshot.waiting]
    assert Counter(d.workload_id for d in cycle(snapshot)) == Counter(expected)


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_whoever_is_not_admitted_is_told_why_in_sentences_of_the_closed_list(snapshot: Snapshot) -> None:
    told = [decision.detail for decision in cycle(snapshot) if isinstance(decision, Wait | Refuse)]
    assert [detail for detail in told if not detail or SAID in {part.code for part in parts_of(detail)}] == []


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_no_quota_is_exceeded(snapshot: Snapshot) -> None:
    after = given_out(snapshot, cycle(snapshot))
    for queue in snapshot.queues:
        for limit in queue.limits:
            before = held(list(snapshot.holdings), queue.id, limit)
            assert held(after, queue.id, limit) <= max(limit.nominal, before)
    for decision in cycle(snapshot):
        if isinstance(decision, Admit):
            one = next(w for w in snapshot.waiting if w.workload_id == decision.workload_id)
            own = next(queue for queue in snapshot.queues if queue.id == one.queue_id)
            allowed = {limit.resource for limit in own.limits if limit.flavor in ("", decision.flavor)}
            assert {"cpu_millis", "memory_bytes"} | ({"gpus"} if one.ask.gpus else set()) <= allowed


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_no_machine_is_overfilled_and_no_gpu_given_twice(snapshot: Snapshot) -> None:
    after = given_out(snapshot, cycle(snapshot))
    devices = [(place.node, index) for holding in after for place in holding.assignments for index in place.devices]
    assert len(devices) == len(set(devices))
    for node in snapshot.nodes:
        on = [h.ask for h in after for place in h.assignments if place.node == node.name]
        assert sum(ask.cpu_millis for ask in on) <= node.cpu_millis
        assert sum(ask.memory_bytes for ask in on) <= node.memory_bytes


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_who_starts_starts_whole_on_ready_machines_with_the_right_gpus(snapshot: Snapshot) -> None:
    ready = {node.name: node for node in snapshot.nodes if node.ready}
    waiting = {one.workload_id: one for one in snapshot.waiting}
    for decision in cycle(snapshot):
        if not isinstance(decision, Admit):
            continue
        one = waiting[decision.workload_id]
        assert one.count_min <= len(decision.assignments) <= one.count_max
        assert one.ask.flavor in ("", decision.flavor)
        for place in decision.assignments:
            kinds = {gpu.index: gpu.flavor for gpu in ready[place.node].gpus}
            assert [kinds[index] for index in place.devices] == [decision.flavor] * one.ask.gpus


@given(snapshots(), st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_the_order_of_reading_the_pool_changes_nothing(snapshot: Snapshot, random: object) -> None:
    def shuffled(rows: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(sorted(rows, key=lambda _: random.random()))  # type: ignore[attr-defined]

    other = Snapshot(
        *(
            shuffled(rows)
            for rows in (  # type: ignore[arg-type]
                snapshot.nodes,
                snapshot.queues,
                snapshot.holdings,
                snapshot.waiting,
            )
        )
    )
    assert cycle(other) == cycle(snapshot)


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_nobody_is_overtaken_in_their_own_queue(snapshot: Snapshot) -> None:
    decisions = {d.workload_id: d for d in cycle(snapshot)}
    for queue in snapshot.queues:
        own = sorted((one for one in snapshot.waiting if one.queue_id == queue.id), key=lambda one: one.rank)
        kinds = [type(decisions[one.workload_id]) for one in own]
        waits = kinds.index(Wait) if Wait in kinds else len(kinds)
        assert Admit not in kinds[waits:]


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_who_is_first_and_waits_does_not_fit(snapshot: Snapshot) -> None:
    """Nothing idles for no reason: the first of a queue that waits lacks quota or room in what is left."""
    decisions = {d.workload_id: d for d in cycle(snapshot)}
    after = Books(replace(snapshot, holdings=tuple(given_out(snapshot, cycle(snapshot))), waiting=()))
    for one in snapshot.waiting:
        decision = decisions[one.workload_id]
        if isinstance(decision, Wait) and decision.detail.endswith("first in queue."):
            for kind in after.options(one.ask):
                quota = after.members_by_quota(one.queue_id, one.ask, kind)
                assert min(quota, after.members_by_capacity(one.ask, kind)) < one.count_min


@given(snapshots())
@settings(max_examples=120, deadline=None)
def test_refused_is_what_could_not_run_in_an_empty_pool(snapshot: Snapshot) -> None:
    decisions = {d.workload_id: d for d in cycle(snapshot)}
    empty = replace(snapshot, nodes=tuple(replace(node, ready=True) for node in snapshot.nodes), holdings=())
    for one in snapshot.waiting:
        alone = cycle(replace(empty, waiting=(one,)))
        refused = isinstance(decisions[one.workload_id], Refuse)
        assert isinstance(alone[0], Admit) == (not refused and bool(snapshot.nodes))
