"""Whatever goes wrong between us and a cluster, and on it: the last word is right, nothing runs twice or stays."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import DEPLOYMENTS, JOBS, NETWORKPOLICIES, PODS, SECRETS, SERVICES
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object
from tests.workers.backends.jobs import make_launch, shell
from tests.workers.kubernetes.harness import NODES, KubernetesHarness
from tests.workers.kubernetes.test_backend_observe import evict
from workers.backends.base import Backend, BackendUnavailable
from workers.backends.kubernetes import names
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import JOBS as JOB_RESOURCE
from workers.backends.kubernetes.resources import PODS as POD_RESOURCE
from workers.backends.kubernetes.seen_jobs import DELETED
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase
from workers.contracts.specs import JobSpec

NAMESPACE = "bedplate-acme-credit-risk"

FAULTS: dict[str, Callable[[random.Random], Fault]] = {
    "busy": lambda dice: Fault(status=429, times=dice.randint(1, 6)),
    "unwell": lambda dice: Fault(status=dice.choice([500, 502, 503, 504]), times=dice.randint(1, 4)),
    "dropped before": lambda dice: Fault(drop="before", times=dice.randint(1, 3)),
    "dropped after": lambda dice: Fault(drop="after", times=dice.randint(1, 3)),
    "half": lambda dice: Fault(drop="half", times=dice.randint(1, 3)),
    "a create that nobody hears of": lambda dice: Fault(verb="create", drop="after", times=dice.randint(1, 3)),
}
DISTURBANCES: dict[str, Callable[[World], None]] = {
    "connections are dropped": lambda world: world.cluster.drop_connections(),
    "old versions go": lambda world: world.cluster.store.compact(),
    "it is restored from a backup": lambda world: world.cluster.store.rewind(500),
    "time passes": lambda world: world.cluster.advance(3),
    "it settles": lambda world: world.cluster.settle(),
    "somebody deletes a pod": lambda world: world.meddle("pod"),
    "somebody evicts a pod": lambda world: world.meddle("evict"),
    "somebody deletes a job": lambda world: world.meddle("job"),
    "somebody suspends a job": lambda world: world.meddle("suspend"),
}

PLANS = {
    "succeeds": (Plan(seconds=2), (Phase.SUCCEEDED, "completed")),
    "fails": (Plan(seconds=2, exit_code=3), (Phase.FAILED, "exit_nonzero")),
    "out of memory": (Plan(seconds=1, exit_code=137, reason="OOMKilled"), (Phase.FAILED, "out_of_memory")),
    "goes on": (Plan(), None),
    "is stubborn": (Plan(term_exit=None), None),
}


@dataclass
class Run:
    """One job of the test."""

    spec: JobSpec
    launch: LaunchContext
    handle: JobHandle
    expected: tuple[Phase, str] | None
    stopped: bool = False
    tried: bool = False
    """Somebody has asked for it, whether or not there was an answer."""
    taken: bool = False
    never: bool = False
    """It was told to stop before anybody asked for it."""
    meddled: bool = False
    removed: bool = False
    ended: Observation | None = None


class World:
    """A cluster, two processes that look after it, and dice."""

    def __init__(self, cluster: KubernetesServer, seed: int) -> None:
        self.cluster, self.dice = cluster, random.Random(seed)
        self.harness = KubernetesHarness(cluster)
        self.backends: list[Backend] = [self.harness.quick(), self.harness.quick()]
        self.others = Api.of(self.harness.connection())
        self.runs: list[Run] = []

    def begin(self, plan: str) -> None:
        launch = make_launch(count=self.dice.choice([1, 1, 2]))
        behaves, expected = PLANS[plan]
        labels = {names.ATTEMPT: launch.attempt_id}
        self.cluster.plan(behaves, labels=labels)
        for again in (1, 2, 3):  # the control plane lets each rank begin once
            self.cluster.plan(Plan(seconds=0, exit_code=85), labels=labels, container="prepare", attempt=again)
        spec = shell("true")
        self.runs.append(Run(spec, launch, self.harness.backend.handle_for(spec, launch), expected))

    def one(self) -> Backend:
        return self.dice.choice(self.backends)

    def step(self) -> None:
        run = self.dice.choice(self.runs)
        acts = [self.submit, self.submit, self.look, self.look, self.look_at_all, self.stop, self.restart]
        act = self.dice.choice(acts)
        with suppress(BackendUnavailable):
            act(run)

    def submit(self, run: Run) -> None:
        if run.ended is None and not run.meddled:  # nobody asks again for what was taken once
            run.tried = True
            self.one().submit(run.spec, run.launch)
            run.taken = True

    def look(self, run: Run) -> None:
        self.judge(run, self.one().observe([run.handle])[0])

    def look_at_all(self, _: Run) -> None:
        for run, seen in zip(self.runs, self.one().observe([run.handle for run in self.runs]), strict=True):
            self.judge(run, seen)

    def stop(self, run: Run) -> None:
        if self.dice.random() < 0.3:
            run.stopped = True
            self.one().stop(run.handle, self.dice.choice([0, 2, 10]))
            run.never = run.never or not run.tried

    def meddle(self, how: str) -> None:
        """What others do to a job of ours that was acknowledged."""
        run = self.dice.choice(self.runs)
        name = names.object_name(run.launch.attempt_id)
        if not run.taken or run.never or not any(job["metadata"]["name"] == name for job in self.cluster.all(JOBS)):
            return
        with suppress(BackendUnavailable):
            self.judge(run, self.harness.backend.observe([run.handle])[0])
        run.meddled = True
        with suppress(Refusal):  # it has just gone by itself
            if how == "job":
                run.removed = True
                policy = {"propagationPolicy": self.dice.choice(["Background", "Foreground", "Orphan"])}
                self.others.transport.repeated("DELETE", JOB_RESOURCE.path(NAMESPACE, name), policy)
            elif how == "suspend":
                self.others.merge(JOB_RESOURCE, NAMESPACE, name, {"spec": {"suspend": True}})
            elif pods := self.pods(run):
                pod = self.dice.choice(pods)
                if how == "evict":
                    evict(self.others, pod)
                else:
                    self.others.delete(POD_RESOURCE, NAMESPACE, pod["metadata"]["name"], uid=pod["metadata"]["uid"])

    def pods(self, run: Run) -> list[Object]:
        found = self.cluster.all(PODS, NAMESPACE)
        return [pod for pod in found if pod["metadata"]["labels"].get(names.ATTEMPT) == run.launch.attempt_id]

    def restart(self, _: Run) -> None:
        self.backends[self.dice.randrange(2)] = self.harness.quick()

    def judge(self, run: Run, seen: Observation) -> None:
        """What is said at any moment is never wrong."""
        if run.ended is not None:
            forgotten = run.removed and (seen.phase is Phase.NOT_FOUND or seen.reason == DELETED)  # by who never saw it
            assert forgotten or seen.phase is run.ended.phase, f"{run.ended} was taken back: {seen}"
        if seen.phase in ENDED and seen.phase is not Phase.NOT_FOUND:
            assert not self.alive(run), f"it is said to have ended, and lives: {seen}"
            run.ended = seen
        if seen.phase is Phase.RUNNING:
            assert run.launch.attempt_id in self.harness.started_attempts()

    def alive(self, run: Run) -> list[str]:
        """Pods of it with a container that runs."""
        return [
            pod["metadata"]["name"]
            for pod in self.pods(run)
            if any("running" in status["state"] for status in pod["status"].get("containerStatuses") or ())
        ]

    def finish(self, run: Run) -> None:
        """All is well again: what was begun comes to its end."""
        backend = self.harness.backend
        if run.stopped:
            self.tell(run)
        if run.never or not (run.stopped or run.taken):  # a submit that comes late starts nothing
            backend.submit(run.spec, run.launch)
        for _ in range(60):
            self.cluster.advance(2)
            seen = backend.observe([run.handle])[0]
            self.judge(run, seen)
            if seen.phase in ENDED:
                break
            if run.expected is None and not run.stopped and seen.phase is Phase.RUNNING:
                run.stopped = True
                self.tell(run)
        assert seen.phase in ENDED, seen
        assert self.alive(run) == []
        if not run.stopped and not run.meddled:
            assert (seen.phase, seen.reason) == run.expected

    def tell(self, run: Run) -> None:
        """To stop, until it is acknowledged."""
        for _ in range(60):
            with suppress(BackendUnavailable):
                return self.harness.backend.stop(run.handle, 2)
            self.cluster.advance(2)
        raise AssertionError("the stop was never acknowledged")

    def close(self) -> None:
        """Nothing ran twice, and nothing is left."""
        for run in self.runs:
            starts = self.harness.starts(run.launch)
            assert starts <= run.launch.count
            if run.never:
                assert starts == 0
            if not run.stopped and not run.meddled:
                assert starts == run.launch.count
        for _ in range(5):
            self.harness.backend.sweep([], older_than_seconds=0)
            self.cluster.advance(10)
        for kind in (JOBS, DEPLOYMENTS, PODS, SECRETS, SERVICES, NETWORKPOLICIES):
            left = [each["metadata"]["name"] for each in self.cluster.all(kind) if "bp-" in each["metadata"]["name"]]
            assert left == []
        self.others.transport.close()
        self.harness.close()


EVENTS = ["step"] * 24 + [*FAULTS, *DISTURBANCES]


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_of_faults_the_last_word_is_right(seed: int) -> None:
    dice = random.Random(seed)
    with KubernetesServer(NODES) as cluster:
        cluster.clock.skew = dice.choice([0.0, 7200.0, -7200.0])
        world = World(cluster, seed)
        for plan in dice.choices(sorted(PLANS), k=dice.randint(1, 3)):
            world.begin(plan)
        for event in dice.choices(EVENTS, k=45):
            if event in FAULTS:
                cluster.faults.add(FAULTS[event](world.dice))
            elif event in DISTURBANCES:
                DISTURBANCES[event](world)
            else:
                world.step()
        cluster.faults.clear()
        for run in world.runs:
            world.finish(run)
        world.close()


@pytest.mark.parametrize("share", [0.2])
def test_of_many_submits_none_is_lost(cluster: KubernetesServer, share: float) -> None:
    """A fifth of all answers is 429, 500, dropped, or comes never after the server acted."""
    dice = random.Random(20)
    harness = KubernetesHarness(cluster)
    launches = [make_launch() for _ in range(40)]
    kinds = [{"status": 429}, {"status": 500}, {"drop": "before"}, {"drop": "after"}, {"drop": "half"}]
    for launch in launches:
        for verb, resource in (("create", "jobs"), ("patch", "secrets"), ("get", "jobs")):
            if dice.random() < share:
                cluster.faults.add(Fault(verb=verb, resource=resource, **dice.choice(kinds)))
        harness.backend.submit(harness.running(launch), launch)
    cluster.faults.clear()
    cluster.settle()
    handles = [harness.backend.handle_for(shell("true"), launch) for launch in launches]
    assert {seen.phase for seen in harness.backend.observe(handles)} == {Phase.RUNNING}
    assert [harness.starts(launch) for launch in launches] == [1] * len(launches)
    harness.close()
