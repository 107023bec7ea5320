"""A small pool through whatever happens: submits, ends, edits, lost machines, late victims, admissions undone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.quotas.scheduling.snapshot import Limit, NodeView, Policy, QueueView, Waiting
from tests.apps.quotas.pool_strategies import (
    PROJECTS,
    asks,
    gpu_limits,
    limits,
    nodes,
    policies,
    queues,
    weights,
    world,
)
from tests.apps.quotas.pool_world import World
from tests.apps.quotas.scheduling import queue_id, uid

submits = st.builds(
    lambda project, ask, least, more, priority, preempts, limit: Waiting(
        *(uid(0), queue_id(project), ask, 0.0, least, least + more, priority, preempts, limit)
    ),
    *(st.sampled_from(PROJECTS), asks, st.sampled_from([1, 1, 1, 2, 3]), st.sampled_from([0, 0, 1, 2])),
    *(st.integers(0, 2), st.booleans(), st.sampled_from([1000.0, 200.0, 400.0])),
)


class Pool(RuleBasedStateMachine):
    world: World
    number = 0

    @initialize(
        nodes=st.lists(nodes, min_size=1, max_size=3),
        queues=st.tuples(*[queues] * 3),
        teams=st.tuples(*[st.tuples(gpu_limits, weights)] * 2),
        inner=st.booleans(),
        policy=policies,
        first=st.lists(submits, min_size=3, max_size=6),
    )
    def build(
        self,
        nodes: list[NodeView],
        queues: tuple[QueueView, ...],
        teams: tuple[tuple[list[Limit], float], ...],
        inner: bool,
        policy: Policy,
        first: list[Waiting],
    ) -> None:
        """A pool that is in use already."""
        self.world = world(nodes, queues, teams, inner, policy)
        for asked in first:
            self._submit(asked, 4)
        self.world.decide()
        self.world.go_on(100.0)

    @rule(asked=submits, alike=st.integers(1, 4))
    def submit(self, asked: Waiting, alike: int) -> None:
        self._submit(asked, alike)
        self.world.decide()

    def _submit(self, asked: Waiting, alike: int) -> None:
        for _ in range(alike):
            self.number += 1
            self.world.submit(replace(asked, workload_id=uid(self.number), created_at=self.world.at))

    @rule(undone=st.sampled_from([set(), set(), {1}, {2, 3}]))
    def decide(self, undone: set[int]) -> None:
        self.world.decide(undone)

    @rule(seconds=st.sampled_from([1.0, 60.0, 300.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.world.go_on(seconds)

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def one_ends(self, data: st.DataObject) -> None:
        self.world.end(data.draw(st.sampled_from(sorted(self.world.running))))

    @precondition(lambda self: any(one.preempted_for for one in self.world.running.values()))
    @rule(data=st.data())
    def one_leaves(self, data: st.DataObject) -> None:
        going = sorted(number for number, one in self.world.running.items() if one.preempted_for)
        self.world.go(data.draw(st.sampled_from(going)))

    @precondition(lambda self: self.world.waiting)
    @rule(data=st.data())
    def one_is_cancelled(self, data: st.DataObject) -> None:
        del self.world.waiting[data.draw(st.sampled_from(sorted(self.world.waiting)))]

    @rule(project=st.sampled_from(PROJECTS), limits=limits)
    def a_quota_is_edited(self, project: str, limits: tuple[Limit, ...]) -> None:
        identity = queue_id(project)
        self.world.queues[identity] = replace(self.world.queues[identity], limits=limits)

    @rule(data=st.data(), ready=st.booleans())
    def a_node_is_lost_or_comes_back(self, data: st.DataObject, ready: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.nodes)))
        self.world.nodes[name] = replace(self.world.nodes[name], ready=ready)

    @invariant()
    def the_ledger_is_what_was_held(self) -> None:
        if hasattr(self, "world"):
            assert self.world.billed() == self.world.held_seconds

    def teardown(self) -> None:
        """Nothing new comes: decisions come to rest, and in the end all has started that was not refused."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.nodes = {name: replace(node, ready=True) for name, node in world.nodes.items()}
        for _ in range(4 * len(world.submitted) + 4):
            self._rests()
            if not world.waiting:
                break
            assert world.running, f"nothing runs, and these wait: {world.waiting}"
            world.go_on(min(one.ends_at for one in world.running.values()) - world.at)
        assert not world.waiting

    def _rests(self) -> None:
        """At one moment, who is told to leave leaving at once."""
        world = self.world
        for _ in range(3 * len(world.submitted) + 3):
            before = (dict(world.waiting), dict(world.running))
            world.decide()
            for number in [number for number, one in world.running.items() if one.preempted_for]:
                world.go(number)
            if (world.waiting, world.running) == before:
                return
        raise AssertionError("the cycles do not come to rest")


TestPool = Pool.TestCase
TestPool.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
