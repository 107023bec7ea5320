"""Several clusters at once: each is observed, launched on, swept and asked for its machines, whatever the others do."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.models import Cluster, Node, ResourcePool
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import Checked, cluster_change, cluster_checked, cluster_create
from apps.quotas.services.pulses import last_worked, look_of
from tests.support.clusters import Broken, FakeClusterBackend, make_cluster
from tests.support.factories.quotas import WorkloadFactory, make_queue
from tests.support.jobs import Sent, fresh
from tests.support.kubeconfigs import SERVER, TOKEN
from tests.workers.dispatch.driving import attempt_of_workload, launched
from workers.backends.base import BackendUnavailable, NodeFacts, Unsupported
from workers.backends.fake import FakeBackend
from workers.backends.kubernetes.check import ClusterCheck
from workers.backends.kubernetes.connection import connection_with_token
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Observation
from workers.dispatch import cluster_settings, clusters, registry
from workers.dispatch import observe as observing
from workers.dispatch.cluster_settings import cluster_look
from workers.dispatch.clusters import cluster_check, clusters_check_due
from workers.dispatch.inventory import inventory_refresh
from workers.dispatch.launch import launch_due
from workers.dispatch.observe import observe_clusters_due, observe_due
from workers.dispatch.registry import asking, backend_named, backends_here
from workers.dispatch.sweep import sweep

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgetful(fake: FakeBackend) -> Iterator[None]:
    """What this process knows of backends ends with the test."""
    yield
    for kept in (registry._of_clusters, registry._resting, registry._answered):
        kept.clear()


def _running(name: str, backend: type[FakeClusterBackend] = FakeClusterBackend) -> tuple[Any, Any]:
    cluster, made = make_cluster(name, backend)
    return launched(make_queue(cluster.pool)), made


def test_clusters_are_looked_at_apart_from_this_machine() -> None:
    workload, made = _running("gpu")
    assert observe_due() == 0
    assert made.calls["observe"] == 1, "asked once, whether it answers, before the launch"
    assert observe_clusters_due() == 1
    assert fresh(workload).state == "running"
    assert last_worked(look_of("kubernetes/gpu")) is not None


@pytest.mark.parametrize("error", [BackendUnavailable("away"), Unsupported("gone"), RuntimeError("a bug")])
def test_a_broken_cluster_keeps_no_other_waiting(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    (broken, _), (well, made) = _running("alpha"), _running("omega")
    again, _ = make_cluster("gamma")
    waiting = WorkloadFactory.create(queue=make_queue(again.pool), state="admitted")
    monkeypatch.setattr(Broken, "error", error)
    registry.backend_use(Broken("kubernetes/alpha"))
    assert observe_clusters_due() == 1
    assert (fresh(broken).state, fresh(well).state) == ("launching", "running")
    assert launch_due() == 1
    assert fresh(waiting).state == "launching"
    made.cluster.jobs["stray"] = made.cluster.jobs[str(attempt_of_workload(well).pk)]
    made.cluster.jobs["stray"].made_at -= 120
    assert sweep() == ["stray"]
    made.nodes.append(NodeFacts("omega-1", 4000, 1 << 30))
    inventory_refresh()
    assert Node.objects.filter(pool__name="omega").count() == 2
    assert last_worked(look_of("kubernetes/alpha")) is None


def test_a_cluster_that_says_nothing_is_left_to_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "ASK_SECONDS", 0.2)
    go = threading.Event()

    class Mute(FakeClusterBackend):
        def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
            if handles:
                go.wait(30)
            return super().observe(handles)

    (mute, _), (well, _) = _running("alpha", Mute), _running("omega")
    try:
        assert observe_clusters_due() == 1
    finally:
        go.set()
    assert (fresh(mute).state, fresh(well).state) == ("launching", "running")


def test_a_cluster_whose_silence_took_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cluster("gpu")
    monkeypatch.setattr(registry, "SLOW_SECONDS", 0.0)
    with pytest.raises(BackendUnavailable, match="silent"), asking("kubernetes/gpu"):
        raise BackendUnavailable("silent")
    with pytest.raises(BackendUnavailable, match="silent"), asking("kubernetes/gpu"):
        pytest.fail("it was asked again at once")
    registry.answered("kubernetes/gpu")
    with asking("kubernetes/gpu") as backend:
        assert backend.name == "kubernetes/gpu"
    with pytest.raises(BackendUnavailable), asking("fake"):
        raise BackendUnavailable("silent")
    with asking("fake") as backend:
        assert backend.name == "fake", "this machine is asked again at once"


def test_machines_of_clusters_are_kept_with_labels_and_taints() -> None:
    cluster, made = make_cluster("gpu")
    assert Node.objects.get().labels == {"rack": "r1"}
    made.nodes = [
        NodeFacts("gpu-0", 8000, 1 << 30, labels={"zone": "a"}, taints=("dedicated=ai:NoSchedule", "spot:NoExecute"))
    ]
    inventory_refresh()
    assert Node.objects.get().labels == {"zone": "a", "taint:dedicated": "ai:NoSchedule", "taint:spot": ":NoExecute"}
    assert backends_here() == ["fake", cluster.backend]


def test_fargate_has_a_place_for_each_pod_that_may_be() -> None:
    cluster, _ = make_cluster("gpu")
    Cluster.objects.filter(pk=cluster.pk).update(options={"flavors": {"": {"fargate": True}}, "fargate_pods": 2})
    inventory_refresh()
    rows = Node.objects.filter(ready=True).order_by("name").values_list("name", "cpu_millis", "memory_bytes")
    assert list(rows) == [("fargate-1", 16_000, 120 << 30), ("fargate-2", 16_000, 120 << 30), ("gpu-0", 8000, 64 << 30)]
    Cluster.objects.filter(pk=cluster.pk).update(options={"flavors": {"": {"fargate": True}}})
    inventory_refresh()
    assert Node.objects.filter(name__startswith="fargate-", ready=True).count() == 20


def test_what_nobody_knows_is_no_backend() -> None:
    with pytest.raises(Unsupported, match="There is no cluster nowhere"):
        backend_named("kubernetes/nowhere")


def test_the_grace_of_the_pool_goes_with_a_launch(settings: Any) -> None:
    settings.BEDPLATE_PREEMPTION_GRACE_SECONDS = 77
    cluster, made = make_cluster("gpu")
    queue = make_queue(cluster.pool)
    launched(queue)
    ResourcePool.objects.filter(pk=cluster.pool.pk).update(preemption_grace_seconds=200)
    launched(queue)
    assert [launch.grace_seconds for launch in made.launches] == [77, 200]


# What a backend is made of ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """In place of a real backend: what it was made of."""

    name: str
    cluster: Any


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get_backend", lambda name, home, cluster: Made(name, cluster))
    monkeypatch.setattr(
        registry, "cluster_settings", lambda row, environment: (row.server, row.revision, dict(environment))
    )


def test_a_backend_is_made_anew_when_its_cluster_was_changed(made: None, settings: Any) -> None:
    settings.BEDPLATE_DATA_RUNNER = "native"
    actor, token = Actor.system("test"), Credentials("token", server=SERVER, token=TOKEN)
    cluster = cluster_create(name="gpu", credentials=token, actor=actor)
    first = backend_named("kubernetes/gpu")
    assert first == Made("kubernetes/gpu", (SERVER, 1, {"BEDPLATE_DATA_RUNNER": "native"}))
    assert backend_named("kubernetes/gpu") is first
    cluster_checked(cluster.pk, Checked(True), revision=1)
    assert backend_named("kubernetes/gpu") is first, "a check changes nothing of it"
    cluster_change(cluster=cluster, requests_per_second=7, actor=actor)
    assert backend_named("kubernetes/gpu").cluster[1] == 2  # type: ignore[attr-defined]  # of the one in its place


# Checks -------------------------------------------------------------------------------------------------------------


def test_a_check_is_noted_and_a_cluster_that_is_well_says_its_machines(
    monkeypatch: pytest.MonkeyPatch, sent: Sent
) -> None:
    cluster, made = make_cluster("gpu")
    problem = {
        "code": "missing_permission",
        "detail": "Jobs cannot be made.",
        "params": {"verb": "create"},
        "blocking": True,
    }
    monkeypatch.setattr(clusters, "cluster_look", lambda row: Checked(False, "v1.36.2", [problem]))
    cluster_check(cluster.pk)
    seen = Cluster.objects.get()
    assert (seen.healthy, seen.version, seen.problems, made.calls["discover"]) == (False, "v1.36.2", [problem], 0)
    monkeypatch.setattr(clusters, "cluster_look", lambda row: Checked(True, "v1.36.2"))
    made.nodes.append(NodeFacts("gpu-1", 4000, 1 << 30))
    cluster_check(cluster.pk)
    seen = Cluster.objects.get()
    assert (seen.healthy, seen.problems, Node.objects.count()) == (True, [], 2)
    cluster.pk = cluster.pool.pk
    cluster_check(cluster.pk)  # of none: nothing happens


def test_credentials_that_cannot_be_opened_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(row: Cluster) -> Checked:
        raise BackendUnavailable("gpu: The key k1 is not in the key file.")

    cluster, _ = make_cluster("gpu")
    monkeypatch.setattr(clusters, "cluster_look", locked)
    cluster_check(cluster.pk)
    [problem] = Cluster.objects.get().problems
    assert problem == {
        "code": "credentials",
        "detail": "gpu: The key k1 is not in the key file.",
        "params": {},
        "blocking": True,
    }


def test_which_checks_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    now = clock.db_now()

    def look(row: Cluster) -> Checked:
        asked.append(row.name)
        return Checked(True)

    monkeypatch.setattr(clusters, "cluster_look", look)
    for name, ago in {"new": None, "ill": 60, "old": 301, "well": 60}.items():
        cluster, _ = make_cluster(name)
        if ago is not None:
            at = now - timedelta(seconds=ago)
            Cluster.objects.filter(pk=cluster.pk).update(healthy=name != "ill", checked_at=at, healthy_at=at)
    assert clusters_check_due() == 3
    assert asked == ["new", "old", "ill"]


def test_credentials_for_a_backend_that_this_process_cannot_use() -> None:
    cluster, _ = make_cluster("gpu")
    cluster.key_id, cluster.kind = "gone", "token"
    with pytest.raises(BackendUnavailable, match="gpu: The key gone is not in the key file"):
        cluster_settings.cluster_settings(cluster, environment={})


def test_a_bucket_that_no_job_may_connect_to_is_warned_of(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    cluster, _ = make_cluster("gpu")
    monkeypatch.setattr(cluster_settings, "_connection", lambda _: connection_with_token(SERVER, "", TOKEN))
    monkeypatch.setattr(cluster_settings, "check_cluster", lambda *_, **__: ClusterCheck("v1.36.2"))
    assert cluster_look(cluster).problems == []
    settings.BEDPLATE_STORAGE_URL = "s3://acme"
    found = cluster_look(cluster)
    assert [(one["code"], one["blocking"]) for one in found.problems] == [("no_store_egress", False)]
    assert "say in job_egress where the object store is reached" in found.problems[0]["detail"]
    assert found.healthy
    cluster.options = {"job_egress": [{"cidr": "192.0.2.0/24", "ports": [443]}]}
    assert cluster_look(cluster).problems == []
