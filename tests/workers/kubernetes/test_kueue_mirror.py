"""The quotas of a pool as Kueue's objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.cases import NAMESPACE, SITE, TENANT
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.operators.kueue_mirror import kinds, local_queue, local_queues, mirrored
from workers.backends.kubernetes.site import FlavorSite, Operators
from workers.backends.shares import Amount, Share

LABELS = {
    "app.kubernetes.io/managed-by": "bedplate",
    "bedplate.io/installation": "0193f000-0000-7000-8000-000000000001",
}
FLAVORS = ("H200", "A100", "mig-1g.10gb")
LABELLED = replace(SITE, flavors={"H200": FlavorSite(node_labels={"nvidia.com/gpu.product": "NVIDIA-H200"})})
SHARES = (
    Share(
        "pool", "lab", None, {"cpu": Amount(64_000), "memory": Amount(1 << 40)}, {"A100": Amount(8), "H200": Amount(8)}
    ),
    Share("cohort", "research", ("pool", "lab"), {}, {"H200": Amount(6, borrowing_limit=4, lending_limit=0)}, 2.5),
    Share("queue", "credit-risk", ("cohort", "research"), {"cpu": Amount(1500, lending_limit=500)}, {"": Amount(2)}),
)


def resource(name: str, nominal: str, **limits: str) -> dict[str, Any]:
    return {"name": name, "nominalQuota": nominal, **limits}


def groups(cpu: dict[str, Any], memory: dict[str, Any], *devices: dict[str, Any]) -> list[dict[str, Any]]:
    h200, a100, mig = devices
    return [
        {
            "coveredResources": ["cpu", "memory"],
            "flavors": [{"name": "bedplate-compute", "resources": [cpu, memory]}],
        },
        {
            "coveredResources": ["nvidia.com/gpu"],
            "flavors": [{"name": H200, "resources": [h200]}, {"name": A100, "resources": [a100]}],
        },
        {"coveredResources": ["nvidia.com/mig-1g.10gb"], "flavors": [{"name": MIG, "resources": [mig]}]},
    ]


H200, A100, MIG = (
    "bedplate-flavor-h200-x231a102c138b",
    "bedplate-flavor-a100-x53e2adff8278",
    "bedplate-flavor-mig-1g-10gb-x89381025cd26",
)


def made(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": f"kueue.x-k8s.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("version", "cohort"), [("v1beta2", "cohortName"), ("v1beta1", "cohort")])
def test_a_pool_is_mirrored_as_a_tree(version: str, cohort: str) -> None:
    """What a cohort guarantees includes its children's; what Kueue's guarantees does not."""
    gpu, mig = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"
    owned = {"bedplate.io/project": "credit-risk", "bedplate.io/installation": LABELS["bedplate.io/installation"]}
    nothing = {"borrowingLimit": "0", "lendingLimit": "0"}
    queue = {
        cohort: "bedplate-cohort-research",
        "namespaceSelector": {"matchLabels": owned},
        "queueingStrategy": "BestEffortFIFO",
        "preemption": {"withinClusterQueue": "Never", "reclaimWithinCohort": "Never"},
        "resourceGroups": groups(
            resource("cpu", "1500m", lendingLimit="500m"),
            resource("memory", "0", **nothing),
            *(resource(name, "0") for name in (gpu, gpu, mig)),
        ),
        "fairSharing": {"weight": "1000m"},
    }
    research = groups(
        resource("cpu", "0m"),
        resource("memory", "0"),
        resource(gpu, "6", borrowingLimit="4", lendingLimit="0"),
        resource(gpu, "0"),
        resource(mig, "0"),
    )
    root = groups(
        resource("cpu", "64000m"),
        resource("memory", "1099511627776"),
        resource(gpu, "2"),
        resource(gpu, "8"),
        resource(mig, "0"),
    )
    assert mirrored(SHARES, FLAVORS, LABELLED, version) == [
        made(version, "ResourceFlavor", "bedplate-compute", {}),
        made(version, "ResourceFlavor", H200, {"nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-H200"}}),
        made(version, "ResourceFlavor", A100, {}),
        made(version, "ResourceFlavor", MIG, {}),
        made(version, "Cohort", "bedplate-pool-lab", {"resourceGroups": root, "fairSharing": {"weight": "1000m"}}),
        made(
            version,
            "Cohort",
            "bedplate-cohort-research",
            {
                "parentName": "bedplate-pool-lab",
                "resourceGroups": research,
                "fairSharing": {"weight": "2500m"},
            },
        ),
        made(version, "ClusterQueue", "bedplate-queue-credit-risk", queue),
    ]


def test_the_root_lends_to_nobody_and_borrows_from_nobody() -> None:
    root = Share("pool", "lab", None, {"cpu": Amount(1, borrowing_limit=1, lending_limit=1)})
    found = mirrored((root,), (), SITE, "v1beta2")[-1]["spec"]["resourceGroups"]
    assert found[0]["flavors"][0]["resources"][0] == {"name": "cpu", "nominalQuota": "1m"}


def test_a_quota_of_any_device_is_that_of_the_only_kind() -> None:
    queue = Share("queue", "credit-risk", ("pool", "lab"), {}, {"": Amount(2, borrowing_limit=1)})
    found = mirrored((SHARES[0], queue), ("H200",), SITE, "v1beta2")[-1]["spec"]["resourceGroups"]
    assert found[1]["flavors"][0]["resources"] == [resource("nvidia.com/gpu", "2", borrowingLimit="1")]


def test_a_queue_may_not_use_what_it_has_no_quota_of() -> None:
    queue = Share("queue", "credit-risk", ("pool", "lab"))
    found = mirrored((SHARES[0], queue), ("H200",), SITE, "v1beta2")[-1]["spec"]["resourceGroups"]
    nothing = resource("nvidia.com/gpu", "0", borrowingLimit="0", lendingLimit="0")
    assert found[1]["flavors"][0]["resources"] == [nothing]


def test_a_project_has_a_queue_in_its_namespace() -> None:
    site = replace(SITE, operators=Operators(queue="gate"))
    assert local_queue(TENANT, site, "v1beta2") == {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "LocalQueue",
        "metadata": {
            "name": "gate",
            "namespace": NAMESPACE,
            "labels": {
                **LABELS,
                "bedplate.io/organisation": "acme",
                "bedplate.io/team": "risk",
                "bedplate.io/project": "credit-risk",
            },
        },
        "spec": {"clusterQueue": "bedplate-queue-credit-risk"},
    }


def test_what_is_shared_no_more_is_taken_away() -> None:
    with KubernetesServer() as server:
        for each in (*kinds("v1beta2"), local_queues("v1beta2")):
            server.register(Kind(each.group, each.version, each.name, each.kind, each.namespaced, custom=True))
        server.register(Kind("kueue.x-k8s.io", "v1beta2", "workloads", "Workload", custom=True))
        site = replace(SITE, operators=Operators(queue="gate"))
        backend = KubernetesBackend("kubernetes/lab", connection_from_kubeconfig(server.kubeconfig()), site)
        stranger = {"metadata": {"name": "theirs"}, "spec": {}}
        queues = Kind("kueue.x-k8s.io", "v1beta2", "clusterqueues", "ClusterQueue", False, custom=True)
        with server.store.lock:
            server.cluster.add(queues, stranger)
        backend.mirror(SHARES, FLAVORS)
        assert names_of(server, queues) == ["bedplate-queue-credit-risk", "theirs"]
        backend.mirror(SHARES[:2], FLAVORS)
        assert names_of(server, queues) == ["theirs"]
        backend.close()


def names_of(server: KubernetesServer, kind: Kind) -> list[str]:
    return sorted(each["metadata"]["name"] for each in server.all(kind))


def test_where_nobody_else_admits_nothing_is_told() -> None:
    with KubernetesServer() as server:
        for site in (SITE, replace(SITE, operators=Operators(queue="gate"))):
            backend = KubernetesBackend("kubernetes/lab", connection_from_kubeconfig(server.kubeconfig()), site)
            backend.mirror(SHARES, FLAVORS)
            backend.close()
        assert [asked for asked in server.faults.requests if "clusterqueues" in str(asked)] == []
