"""Jobs that Kueue admits as well, on a cluster where a test plays its part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.kubernetes.kinds import JOBS, PODS, Kind
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.cases import ATTEMPT, NAME, NAMESPACE, SITE, WORKLOAD, job, launch
from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import resources
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.manifests import manifests_of
from workers.backends.kubernetes.site import Operators
from workers.contracts.launch import JobHandle
from workers.contracts.observation import Observation, Phase

QUEUED = replace(SITE, operators=Operators(queue="bedplate"), api_url="https://bedplate.example.com")
WORKLOADS = Kind("kueue.x-k8s.io", "v1beta2", "workloads", "Workload", custom=True, subresources=("status",))
LOCAL_QUEUES = Kind("kueue.x-k8s.io", "v1beta2", "localqueues", "LocalQueue", custom=True)
HANDLE = JobHandle(
    "kubernetes/lab", {"attempt_id": ATTEMPT, "workload_id": WORKLOAD, "namespace": NAMESPACE, "kind": "job"}
)
LAUNCH = launch(nodes=("node-1",))


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer() as server:
        server.register(WORKLOADS)
        server.register(LOCAL_QUEUES)
        yield server


@pytest.fixture
def backend(cluster: KubernetesServer) -> Iterator[KubernetesBackend]:
    made = KubernetesBackend("kubernetes/lab", connection_from_kubeconfig(cluster.kubeconfig()), QUEUED)
    yield made
    made.close()


def tell(cluster: KubernetesServer, *conditions: tuple[str, str, str, str], **status: Any) -> None:
    """What Kueue says of the job: type, status, reason and message of each condition."""
    names = ("type", "status", "reason", "message")
    uid = cluster.get(JOBS, NAME, NAMESPACE)["metadata"]["uid"]
    workload = {
        "metadata": {"name": "job-1", "labels": {"kueue.x-k8s.io/job-uid": uid}},
        "spec": {"active": True},
        "status": {"conditions": [dict(zip(names, each, strict=True)) for each in conditions], **status},
    }
    with cluster.store.lock:
        cluster.store.remove(WORKLOADS, "job-1", NAMESPACE)
        cluster.cluster.add(WORKLOADS, workload, NAMESPACE)


def suspend(cluster: KubernetesServer, held: bool) -> None:
    api = Api.of(connection_from_kubeconfig(cluster.kubeconfig()))
    api.merge(resources.JOBS, NAMESPACE, NAME, {"spec": {"suspend": held}})
    api.transport.close()
    cluster.settle()


def seen(backend: KubernetesBackend) -> Observation:
    return backend.observe([HANDLE])[0]


def test_a_job_is_made_held_back_and_with_the_label_of_its_queue() -> None:
    plain = manifests_of(job(), launch(), SITE).main
    made = manifests_of(job(), launch(), replace(SITE, operators=Operators(queue="bedplate"))).main
    assert made["metadata"]["labels"].pop("kueue.x-k8s.io/queue-name") == "bedplate"
    assert made["spec"].pop("suspend") is True
    assert made == plain


def test_a_cluster_without_kueue_is_named_what_it_lacks() -> None:
    with KubernetesServer() as server:
        backend = KubernetesBackend("kubernetes/lab", connection_from_kubeconfig(server.kubeconfig()), QUEUED)
        with pytest.raises(LaunchRefused, match=r"no CustomResourceDefinition workloads\.kueue\.x-k8s\.io in version"):
            backend.submit(job(), LAUNCH)
        assert server.all(JOBS) == []
        backend.close()


def test_why_a_job_waits_is_said_in_the_words_of_kueue(cluster: KubernetesServer, backend: KubernetesBackend) -> None:
    backend.submit(job(), LAUNCH)
    cluster.settle()
    assert (seen(backend).phase, seen(backend).reason) == (Phase.PENDING, "")
    (queue,) = cluster.all(LOCAL_QUEUES, NAMESPACE)
    assert (queue["metadata"]["name"], queue["spec"]) == ("bedplate", {"clusterQueue": "bedplate-queue-credit-risk"})
    tell(cluster, ("QuotaReserved", "False", "Pending", "insufficient unused quota for cpu"))
    found = seen(backend)
    assert (found.phase, found.reason) == (Phase.PENDING, "waiting_for_quota")
    assert found.detail.endswith("insufficient unused quota for cpu")
    tell(
        cluster,
        ("QuotaReserved", "True", "QuotaReserved", "Quota reserved in ClusterQueue main"),
        admissionChecks=[{"name": "machines", "state": "Pending", "message": "a machine was ordered"}],
    )
    found = seen(backend)
    assert (found.phase, found.reason) == (Phase.PENDING, "no_capacity")
    assert found.detail.endswith("machines: a machine was ordered")
    tell(cluster, admissionChecks=[{"name": "machines", "state": "Rejected", "message": "there are none"}])
    found = seen(backend)
    assert (found.phase, found.reason) == (Phase.PENDING, "launch_error")
    assert found.detail.endswith("there are none")


def test_a_job_that_is_let_go_runs(cluster: KubernetesServer, backend: KubernetesBackend) -> None:
    backend.submit(job(), LAUNCH)
    cluster.settle()
    tell(cluster, ("QuotaReserved", "True", "", ""), ("Admitted", "True", "Admitted", ""))
    suspend(cluster, False)
    assert seen(backend).phase is Phase.RUNNING


def test_a_job_whose_place_was_taken_away_is_lost_as_evicted(
    cluster: KubernetesServer, backend: KubernetesBackend
) -> None:
    backend.submit(job(), LAUNCH)
    suspend(cluster, False)
    assert seen(backend).phase is Phase.RUNNING
    tell(
        cluster,
        ("Evicted", "True", "Preempted", "Preempted to accommodate a workload"),
        ("Preempted", "True", "InClusterQueue", "Preempted by another of higher priority"),
    )
    suspend(cluster, True)
    cluster.advance(60)
    assert seen(backend).phase in (Phase.STOPPING, Phase.LOST)
    cluster.advance(60)
    found = seen(backend)
    assert (found.phase, found.reason) == (Phase.LOST, "evicted")
    assert found.detail.endswith("Preempted by another of higher priority")
    assert cluster.get(WORKLOADS, "job-1", NAMESPACE)["spec"]["active"] is False


def test_a_job_that_is_stopped_leaves_the_queue(cluster: KubernetesServer, backend: KubernetesBackend) -> None:
    backend.submit(job(), LAUNCH)
    tell(cluster, ("QuotaReserved", "False", "Pending", "full"))
    backend.stop(HANDLE, 1)
    cluster.advance(5)
    assert cluster.get(WORKLOADS, "job-1", NAMESPACE)["spec"]["active"] is False
    assert cluster.get(JOBS, NAME, NAMESPACE)["spec"]["suspend"] is True
    assert seen(backend).phase is Phase.FAILED
    assert cluster.all(PODS, NAMESPACE) == []
