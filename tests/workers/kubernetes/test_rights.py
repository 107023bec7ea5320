"""The account of an installation: it may do what it must, and each right of it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch, server, shell
from tests.workers.kubernetes.harness import NAME, NODES, SITE
from workers.backends.base import BackendError
from workers.backends.kubernetes import names, rights
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.connection import connection_from_kubeconfig, connection_with_token
from workers.backends.kubernetes.reflector import Reflector
from workers.backends.kubernetes.rights import Right
from workers.backends.shares import Amount, Share
from workers.contracts.launch import JobHandle


def rules(some: Sequence[Right]) -> list[dict[str, list[str]]]:
    return [{"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]} for each in some]


@pytest.fixture(scope="module")
def world() -> Iterator[KubernetesServer]:
    with KubernetesServer(NODES) as made:
        yield made


class Day:
    """All that an installation does on a cluster, in a namespace of its own. Refusals end a step, not the day."""

    def __init__(self, world: KubernetesServer, account: str, some: Sequence[Right]) -> None:
        self._world = world
        self._connection = connection_from_kubeconfig(world.kubeconfig(world.token(account, rules=rules(some))))
        site = replace(SITE, priority_class=f"{account}-class", installation=account)
        self._backend = KubernetesBackend(NAME, self._connection, site, patience_seconds=5)
        self._installation = account
        self._old_watches: set[int] = set()
        self._labels = {"organisation": "acme", "team": "risk", "project": account}
        self._steps: list[Callable[[], object]] = [self._jobs, self._fence, self._servers, self._sweep, self._watch]

    def refused(self) -> list[str]:
        """What the cluster refused for want of a right: `verb resource`."""
        before = len(self._world.faults.requests)
        for step in self._steps:
            with suppress(BackendError):
                step()
        self._backend.close()
        asked = self._world.faults.requests[before:]
        return sorted({f"{each.verb} {each.resource}" for each in asked if each.status == 403})

    def _jobs(self) -> None:
        handles = []
        for plan in (Plan(), Plan(pull_seconds=60, present=False)):
            launch = make_launch(count=2, labels=self._labels)
            self._world.plan(plan, labels={names.ATTEMPT: launch.attempt_id})
            handles.append(self._backend.submit(shell("true"), launch))
        self._world.settle()
        self._world.advance(5)
        self._each(handles, lambda handle: self._backend.observe([handle]))
        self._each(handles, self._backend.logs)
        self._each(handles, lambda handle: self._backend.stop(handle, 1))

    def _fence(self) -> None:
        amounts = {"cpu": Amount(64_000), "memory": Amount(1 << 40)}
        queue = Share("queue", self._installation, ("pool", "lab"), amounts, labels=self._labels)
        self._backend.mirror((Share("pool", "lab", None, amounts), queue), ())

    def _servers(self) -> None:
        launch = make_launch(labels=self._labels)
        handle = self._backend.submit(server(), launch)
        self._world.settle()
        for step in (lambda: self._backend.observe([handle]), lambda: self._backend.resize(handle, 2)):
            with suppress(BackendError):
                step()

    def _sweep(self) -> None:
        self._world.advance(60)
        for _ in range(2):
            with suppress(BackendError):
                self._backend.sweep([], older_than_seconds=0)
            self._world.advance(60)
        self._backend.discover()

    def _watch(self) -> None:
        self._old_watches = {id(watch) for watch in self._world.faults.watches}
        stop = threading.Event()
        thread = threading.Thread(
            target=Reflector(self._connection, self._installation, lambda _: None).run, args=(stop,)
        )
        thread.start()
        before = len(self._world.faults.requests)
        try:
            until(lambda: self._watched(before) >= {"jobs", "deployments", "pods"}, timeout_seconds=5)
        finally:
            stop.set()
            thread.join()

    def _watched(self, before: int) -> set[str]:
        """Kinds of which a watch was asked for, or refused, or whose list was refused."""
        asked = self._world.faults.requests[before:]
        opened = {watch.resource for watch in self._world.faults.watches if id(watch) not in self._old_watches}
        return opened | {each.resource for each in asked if each.status == 403}

    def _each(self, handles: Sequence[JobHandle], act: Callable[[JobHandle], object]) -> None:
        for handle in handles:
            with suppress(BackendError):
                act(handle)


def test_they_are_enough(world: KubernetesServer) -> None:
    assert Day(world, "all", rights.RIGHTS).refused() == []


@pytest.mark.parametrize("left_out", rights.RIGHTS, ids=lambda right: right.text.replace(" ", "-").replace("/", "-"))
def test_each_is_needed(world: KubernetesServer, left_out: Right) -> None:
    some = [right for right in rights.RIGHTS if right != left_out]
    account = f"without-{rights.RIGHTS.index(left_out)}"
    assert Day(world, account, some).refused() == [f"{left_out.verb} {left_out.resource}"] or (
        left_out.verb == "create" and f"patch {left_out.resource}" in Day(world, f"{account}-b", some).refused()
    )


def test_nothing_is_read_of_secrets_and_nothing_runs_inside_pods() -> None:
    held = {(right.resource, right.verb) for right in rights.RIGHTS}
    assert {verb for resource, verb in held if resource == "secrets"} == {"create", "patch"}
    assert not {resource for resource, _ in held} & {"pods/exec", "pods/attach", "roles", "rolebindings", "*"}
    assert "*" not in {verb for _, verb in held}
    assert len(held) == len(rights.RIGHTS)


class TestCheck:
    def test_a_cluster_where_all_is_well(self, world: KubernetesServer) -> None:
        text = world.kubeconfig(world.token("well", rules=rules(rights.RIGHTS)))
        found = check_cluster(connection_from_kubeconfig(text), SITE)
        assert (found.healthy, found.version, found.problems) == (True, "v1.36.2", ())

    def test_one_that_is_to_be_asked_little_is_not_taken_for_silent(self, world: KubernetesServer) -> None:
        text = world.kubeconfig(world.token("slow", rules=rules(rights.RIGHTS)))
        found = check_cluster(replace(connection_from_kubeconfig(text), requests_per_second=1.0), SITE)
        assert (found.healthy, found.problems) == (True, ())

    def test_each_right_that_is_missing_is_listed(self, world: KubernetesServer) -> None:
        some = [right for right in rights.RIGHTS if right.text not in ("delete pods", "get pods/log", "list nodes")]
        text = world.kubeconfig(world.token("less", rules=rules(some)))
        found = check_cluster(connection_from_kubeconfig(text), SITE)
        assert not found.healthy
        assert [problem.sentence for problem in found.problems] == [
            "The account may not delete pods in all namespaces.",
            "The account may not get pods/log in all namespaces.",
            "The account may not list nodes in the cluster.",
        ]
        assert found.problems[1].params == {
            **{"group": "", "resource": "pods/log", "verb": "get", "namespace": ""},
        }

    def test_without_a_second_fence_jobs_run_all_the_same(self, world: KubernetesServer) -> None:
        some = [right for right in rights.RIGHTS if right.part != rights.QUOTAS]
        found = check_cluster(
            connection_from_kubeconfig(world.kubeconfig(world.token("open", rules=rules(some)))), SITE
        )
        assert found.healthy
        assert {(one.params["resource"], one.blocking) for one in found.problems} == {("resourcequotas", False)}

    def test_where_others_make_namespaces_less_is_needed(self, world: KubernetesServer) -> None:
        some = [right for right in rights.RIGHTS if right.part != rights.SPACES]
        connection = connection_from_kubeconfig(world.kubeconfig(world.token("guest", rules=rules(some))))
        assert check_cluster(connection, replace(SITE, makes_namespaces=False)).healthy
        assert {problem.params["resource"] for problem in check_cluster(connection, SITE).problems} == {
            *("namespaces", "priorityclasses"),
        }

    def test_credentials_that_are_not_accepted(self, world: KubernetesServer) -> None:
        found = check_cluster(connection_with_token(world.url, world.ca_pem, "wrong"), SITE)
        assert [(problem.code, found.healthy) for problem in found.problems] == [("unauthorised", False)]

    def test_nobody_there(self) -> None:
        found = check_cluster(connection_with_token("https://127.0.0.1:9", "", "t"), SITE, timeout_seconds=0.3)
        assert [problem.code for problem in found.problems] == ["unreachable"]

    def test_another_authority(self, world: KubernetesServer) -> None:
        found = check_cluster(connection_with_token(world.url, "", "t"), SITE)
        assert [problem.code for problem in found.problems] == ["tls"]
