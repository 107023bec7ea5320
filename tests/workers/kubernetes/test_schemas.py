"""Every manifest is what the published schemas of Kubernetes 1.30 to 1.37 say, and every quantity is a text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.manifest_schemas import VERSIONS, complaints, numbers_where_quantities_go
from tests.workers.kubernetes.cases import ATTEMPT, NAMESPACE, SITE, TENANT, WORKLOAD, job, launch, server
from workers.backends.kubernetes.manifests import manifests_of, never_started, owned_by
from workers.backends.kubernetes.site import ClusterSite, Fence, Peer, Toleration
from workers.backends.kubernetes.tenancy import cluster_manifests, tenant_manifests
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import Resources, Spec

FULL = replace(
    SITE,
    image_pull_secrets=("pull",),
    image_pull_policy="IfNotPresent",
    tolerations=(Toleration(), Toleration(key="spot", effect="NoSchedule")),
    job_egress=(Peer(), Peer(cidr="10.0.0.0/8", excluding=("10.1.0.0/16",), ports=(443,))),
)
FENCE = Fence(cpu_millis=64_000, memory_bytes=1 << 40, devices={"nvidia.com/mig-1g.10gb": 8}, pods=100)


def attempt(spec: Spec, context: LaunchContext, site: ClusterSite) -> list[dict[str, Any]]:
    made = manifests_of(spec, context, site)
    answer = {**made.main, "metadata": {**made.main["metadata"], "uid": "0193f000-3333-7000-8000-000000000001"}}
    return [made.main, *(owned_by(each, answer) for each in made.rest)]


def everything() -> list[dict[str, Any]]:
    handle = {"attempt_id": ATTEMPT, "workload_id": WORKLOAD, "namespace": NAMESPACE}
    slices = Resources(1000, 1 << 30, gpus=1, flavor="mig-1g.10gb")
    gpus = Resources(8000, 64 << 30, gpus=4, flavor="H200")
    return [
        *attempt(job(), launch(), SITE),
        *attempt(job(resources=gpus, time_limit_seconds=60), launch(count=2, nodes=("n1", "n2")), FULL),
        *attempt(job(resources=slices, image="python"), launch(secrets={"a": b"\0"}), FULL),
        *attempt(job(resources=Resources(1000, 0, flavor="serverless")), launch(), SITE),
        *attempt(server(), launch(count=3, nodes=("n1", "n2")), FULL),
        *tenant_manifests(TENANT, FULL, api_url="https://bedplate.example.com", fence=FENCE),
        *cluster_manifests(SITE),
        never_started({**handle, "kind": "job"}, SITE),
        never_started({**handle, "kind": "serving"}, SITE),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_what_the_schemas_say(version: str) -> None:
    assert [text for manifest in everything() for text in complaints(manifest, version)] == []


def test_a_schema_complains_of_what_it_does_not_know() -> None:
    made = manifests_of(job(), launch(), SITE).main
    made["spec"]["template"]["spec"]["hostNetworking"] = True
    assert "hostNetworking" in complaints(made, "1.36")[0]


def test_quantities_are_texts() -> None:
    assert [path for manifest in everything() for path in numbers_where_quantities_go(manifest)] == []
    assert list(numbers_where_quantities_go({"a": [{"limits": {"cpu": 1}, "sizeLimit": 5}]})) == [
        ".a.0.limits.cpu",
        ".a.0.sizeLimit",
    ]


def test_every_namespaced_object_says_whose_it_is() -> None:
    for manifest in everything():
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "bedplate"
        if manifest["kind"] != "PriorityClass":
            assert manifest["metadata"]["labels"]["bedplate.io/installation"] == SITE.installation
