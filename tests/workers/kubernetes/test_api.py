"""Asking an API server that is slow, busy, cut off or restarted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import PODS as POD_KIND
from tests.support.kubernetes.kinds import SECRETS as SECRET_KIND
from tests.support.kubernetes.server import KubernetesServer
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.pace import TokenBucket, pause_seconds
from workers.backends.kubernetes.refusal import Refusal, Unreachable
from workers.backends.kubernetes.resources import JOBS, NAMESPACES, PODS, SECRETS
from workers.backends.kubernetes.seen_objects import Pod
from workers.backends.kubernetes.transport import Transport


def secret(name: str = "one", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "stringData": {"token": "t", **data},
    }


def pod(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"all": "of-them"}},
        "spec": {"containers": [{"name": "main", "image": "i"}]},
    }


class Pauses:
    """Waits of nobody, counted."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def patient(cluster: KubernetesServer, pauses: Pauses) -> Iterator[Api]:
    """An API whose waits take no time."""
    transport = Transport(connection_from_kubeconfig(cluster.kubeconfig()), pause=pauses)
    yield Api(transport)
    transport.close()


class TestRepeating:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_what_is_wrong_for_a_while_is_asked_again(
        self, patient: Api, cluster: KubernetesServer, status: int
    ) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", status=status, times=3))
        assert patient.items(PODS, Pod, "default")[0] == []
        assert cluster.faults.counts()[("list", "pods")] == 4

    def test_the_server_says_when(self, patient: Api, cluster: KubernetesServer, pauses: Pauses) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", status=429, retry_after=2))
        patient.items(PODS, Pod, "default")
        assert [round(each, 3) for each in pauses.seconds] == [2.0]

    @pytest.mark.parametrize("drop", ["before", "after", "half"])
    def test_so_is_an_answer_that_was_cut_off(self, patient: Api, cluster: KubernetesServer, drop: str) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", drop=drop, times=2))
        assert patient.items(PODS, Pod, "default")[0] == []

    def test_the_time_of_a_verb_is_the_end_of_it(self, api: Api, cluster: KubernetesServer) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", status=503, times=None))
        began = time.monotonic()
        with pytest.raises(Unreachable) as error:
            api.within(0.5).items(PODS, Pod, "default")
        assert time.monotonic() - began < 1.0
        assert str(error.value).startswith(f"{cluster.url} is not well (status 503).")

    def test_a_wait_that_is_too_long_is_not_begun(self, api: Api, cluster: KubernetesServer) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", status=429, retry_after=60))
        began = time.monotonic()
        with pytest.raises(Unreachable, match="has too much to do"):
            api.within(5).items(PODS, Pod, "default")
        assert time.monotonic() - began < 1.0

    def test_a_server_that_comes_back_is_found_again(self, patient: Api, cluster: KubernetesServer) -> None:
        patient.items(PODS, Pod, "default")
        cluster.drop_connections()
        assert patient.items(PODS, Pod, "default")[0] == []

    def test_a_no_is_not_repeated(self, patient: Api, cluster: KubernetesServer) -> None:
        with pytest.raises(Refusal) as refusal:
            patient.create(SECRETS, secret("Not a name"))
        assert (refusal.value.status, refusal.value.reason) == (422, "Invalid")
        assert cluster.faults.counts()[("create", "secrets")] == 1

    def test_silence_is_a_time_out(self, api: Api, cluster: KubernetesServer) -> None:
        cluster.faults.add(Fault(verb="list", resource="pods", hang_seconds=3, times=None))
        with pytest.raises(Unreachable, match="did not answer in time"):
            api.within(0.5).items(PODS, Pod, "default")


class TestCreating:
    def test_once(self, patient: Api) -> None:
        made, new = patient.create(SECRETS, secret())
        again, second = patient.create(SECRETS, secret())
        assert (new, second) == (True, False)
        assert made["metadata"]["uid"] == again["metadata"]["uid"]

    @pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "half"}, {"drop": "before"}, {"status": 500}])
    def test_after_no_answer_it_looks_first(
        self, patient: Api, cluster: KubernetesServer, fault: dict[str, Any]
    ) -> None:
        cluster.faults.add(Fault(verb="create", resource="secrets", **fault))
        made, _ = patient.create(SECRETS, secret())
        found = cluster.all(SECRET_KIND, "default")
        assert [each["metadata"]["uid"] for each in found] == [made["metadata"]["uid"]]
        acted = fault.get("drop") in ("after", "half")
        counts = cluster.faults.counts()
        assert (counts[("create", "secrets")], counts[("get", "secrets")]) == (1 if acted else 2, 1)

    def test_after_429_it_need_not_look(self, patient: Api, cluster: KubernetesServer) -> None:
        cluster.faults.add(Fault(verb="create", resource="secrets", status=429))
        assert patient.create(SECRETS, secret())[1] is True
        assert cluster.faults.counts()[("get", "secrets")] == 0

    def test_a_look_that_fails_is_repeated_too(self, patient: Api, cluster: KubernetesServer) -> None:
        cluster.faults.add(Fault(verb="create", resource="secrets", drop="after"))
        cluster.faults.add(Fault(verb="get", resource="secrets", status=500, times=2))
        assert patient.create(SECRETS, secret())[1] is False

    def test_applying_is_the_same_however_often(self, patient: Api, cluster: KubernetesServer) -> None:
        for drop in ("after", "half"):
            cluster.faults.add(Fault(verb="patch", resource="secrets", drop=drop))
        first = patient.apply(SECRETS, secret(), "bedplate")
        second = patient.apply(SECRETS, secret(), "bedplate")
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


class TestDeleting:
    def test_by_uid_only(self, patient: Api) -> None:
        made, _ = patient.create(SECRETS, secret())
        assert patient.delete(SECRETS, "default", "one", uid="another") is False
        assert patient.find(SECRETS, "default", "one") is not None
        assert patient.delete(SECRETS, "default", "one", uid=made["metadata"]["uid"]) is True
        assert patient.delete(SECRETS, "default", "one", uid=made["metadata"]["uid"]) is False

    def test_an_answer_that_does_not_come(self, patient: Api, cluster: KubernetesServer) -> None:
        made, _ = patient.create(SECRETS, secret())
        cluster.faults.add(Fault(verb="delete", resource="secrets", drop="after"))
        assert patient.delete(SECRETS, "default", "one", uid=made["metadata"]["uid"]) is False
        assert patient.find(SECRETS, "default", "one") is None


class TestListing:
    def test_in_pages(self, api: Api, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("workers.backends.kubernetes.api.PAGE", 3)
        for number in range(8):
            api.create(PODS, pod(f"pod-{number}"))
        found, version = api.items(PODS, Pod, labels="all=of-them")
        assert [each.metadata.name for each in found] == [f"pod-{number}" for number in range(8)]
        assert cluster.faults.counts()[("list", "pods")] == 3
        assert int(version) > 0

    def test_a_list_whose_version_is_gone_is_begun_again(
        self, api: Api, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.backends.kubernetes.api.PAGE", 3)
        for number in range(5):
            api.create(PODS, pod(f"pod-{number}"))
        asked: list[str] = []
        once = Transport.once

        def compacting(self: Transport, method: str, path: str, query: Any = None, *rest: Any) -> Any:
            asked.append((query or {}).get("continue", ""))
            if len(asked) == 2:
                cluster.namespace("later")  # the version of the first page is not the newest any more
                cluster.store.compact()
            return once(self, method, path, query, *rest)

        monkeypatch.setattr(Transport, "once", compacting)
        found, _ = api.items(PODS, Pod, labels="all=of-them")
        assert [each.metadata.name for each in found] == [f"pod-{number}" for number in range(5)]
        assert [bool(token) for token in asked] == [False, True, False, True]


class TestPace:
    def test_a_bucket_lets_its_rate_through(self) -> None:
        now = 0.0
        waits: list[float] = []

        def wait(seconds: float) -> None:
            nonlocal now
            waits.append(seconds)
            now += seconds

        bucket = TokenBucket(10, 2, clock=lambda: now, pause=wait)
        assert [bucket.take(1) for _ in range(4)] == [True] * 4
        assert waits == pytest.approx([0.1, 0.1])
        assert bucket.take(0.05) is False
        now += 10
        assert [bucket.take(0) for _ in range(3)] == [True, True, False]

    @pytest.mark.parametrize(("rate", "at_once"), [(100.0, 10), (50.0, 5), (1.0, 1)])
    def test_after_a_rest_hardly_more_than_the_rate_is_let_through(self, rate: float, at_once: int) -> None:
        bucket = TokenBucket(rate, clock=lambda: 0.0)
        assert [bucket.take(0) for _ in range(at_once + 1)] == [True] * at_once + [False]

    def test_pauses_grow_and_are_spread(self) -> None:
        for tries in range(1, 12):
            longest = min(0.1 * 2 ** (tries - 1), 3.0)
            assert all(longest / 2 <= pause_seconds(tries) <= longest for _ in range(20))
        assert pause_seconds(1, "7") == 7.0
        assert pause_seconds(1, "soon") < 0.11


class TestClock:
    def test_it_is_the_servers(self, api: Api, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> None:
        cluster.clock.skew = -86_400.0
        made, _ = api.create(SECRETS, secret())
        assert api.clock.age(made["metadata"]["creationTimestamp"]) < 3
        assert api.clock.age(None) == 0.0
        assert api.clock.age("2099-01-01T00:00:00Z") == 0.0


def test_reviews_need_no_right(cluster: KubernetesServer) -> None:
    token = cluster.token("nobody", rules=[{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}])
    api = Api.of(connection_from_kubeconfig(cluster.kubeconfig(token)))
    may: Callable[[str], bool] = lambda verb: api.review({"group": "batch", "resource": "jobs", "verb": verb})  # noqa: E731
    assert (may("get"), may("create")) == (True, False)
    with pytest.raises(Refusal) as refusal:
        api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
    assert refusal.value.forbidden
    assert not refusal.value.terminating
    assert api.find(JOBS, "default", "none") is None
    assert cluster.all(POD_KIND) == []
    api.transport.close()
