"""Small pools of every kind, for Hypothesis. Amounts are tiny, so that everything is scarce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from apps.quotas.scheduling.snapshot import (
    CPU_MILLIS,
    GPUS,
    MEMORY_BYTES,
    Ask,
    CohortView,
    Gpu,
    Limit,
    NodeView,
    Policy,
    QueueView,
)
from tests.apps.quotas.pool_world import World
from tests.apps.quotas.scheduling import queue_id, uid

KINDS = ["H200", "L4"]
PROJECTS = ["a", "b", "c"]
TEAMS = ["s", "t"]
few = st.integers(0, 3)
borrowed = st.sampled_from([None, None, None, 0, 1, 2])
lent = st.sampled_from([None, None, None, 0, 1])

gpu_limits = st.lists(
    st.builds(
        lambda kind, nominal, borrowing, lending, weight: Limit(
            GPUS,
            kind,
            nominal * 1000,
            borrowing and borrowing * 1000,
            None if lending is None else min(lending, nominal) * 1000,
            weight,
        ),
        *(st.sampled_from(["", "", *KINDS]), few, borrowed, lent, st.sampled_from([None, None, 0.0, 2.0])),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda limit: limit.flavor,
)
cores = st.builds(Limit, st.just(CPU_MILLIS), st.just(""), few, st.sampled_from([None, None, None, 4]), st.just(None))
memory = st.builds(Limit, st.just(MEMORY_BYTES), st.just(""), few, st.none(), st.just(None))
limits = st.builds(lambda gpus, cpu, bytes_: (*gpus, cpu, bytes_), gpu_limits, cores, memory)
weights = st.sampled_from([0.0, 1.0, 1.0, 2.5])

asks = st.builds(
    Ask,
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([1, 1, 1, 2, 0]),
    st.sampled_from(["H200", "", "L4"]),
    st.sampled_from([1000, 1000, 250, 600]),
    st.sampled_from(["", "", "", "", "node", "rack"]),
).map(
    lambda ask: ask._replace(
        flavor=ask.flavor if ask.gpus else "", gpu_millis=ask.gpu_millis if ask.gpus == 1 else 1000
    )
)
nodes = st.builds(
    lambda cpu, kinds, rack: NodeView("", cpu, 12, tuple(map(Gpu, range(len(kinds)), kinds)), True, rack),
    st.integers(5, 9),
    st.lists(st.sampled_from(["H200", "H200", "L4"]), min_size=1, max_size=4),
    st.sampled_from([{"rack": "1"}, {"rack": "2"}, {}]),
)
policies = st.builds(
    Policy,
    st.just(86_400.0),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0.0, 60.0]),
    st.just(500.0),
    st.sampled_from([0, 1]),
    st.sampled_from([0.0, 100.0]),
    st.just(True),
    st.sampled_from([True, True, False]),
)
queues = st.builds(
    lambda limits, team, weight, running, devices: QueueView(
        uid(0), "", limits, queue_id(team) if team else None, weight, running, devices
    ),
    limits,
    st.sampled_from(["", *TEAMS]),
    weights,
    st.sampled_from([None, None, None, 2]),
    st.sampled_from([None, None, None, 4]),
)


def world(
    nodes: Sequence[NodeView],
    queues: Sequence[QueueView],
    teams: Sequence[tuple[list[Limit], float]],
    inner: bool,
    policy: Policy,
) -> World:
    """A pool with two teams, `t` inside `s` or beside it."""
    cohorts = tuple(
        CohortView(
            queue_id(team),
            team,
            tuple(limits) if team == "s" else (),
            queue_id("s") if inner and team == "t" else None,
            weight,
        )
        for team, (limits, weight) in zip(TEAMS, teams, strict=True)
    )
    named = [replace(one, id=queue_id(p), project=p) for p, one in zip(PROJECTS, queues, strict=True)]
    machines = [replace(node, name=f"n{number}") for number, node in enumerate(nodes)]
    return World({node.name: node for node in machines}, {one.id: one for one in named}, cohorts, policy)


pools = st.builds(
    world,
    st.lists(nodes, min_size=1, max_size=3),
    st.tuples(*[queues] * 3),
    st.tuples(*[st.tuples(gpu_limits, weights)] * 2),
    st.booleans(),
    policies,
)
