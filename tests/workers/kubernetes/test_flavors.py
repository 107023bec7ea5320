"""Flavors on a cluster: GPUs, slices of GPUs, Fargate, and which nodes take their pods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.workers.kubernetes.cases import SITE, job, labels, launch, server
from workers.backends.kubernetes.flavors import device_resource, mig_resource
from workers.backends.kubernetes.manifests import manifests_of
from workers.backends.kubernetes.site import ClusterSite, FlavorSite, Toleration
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import Resources, Spec


def pod(spec: Spec, context: LaunchContext | None = None, site: ClusterSite = SITE) -> dict[str, Any]:
    found: dict[str, Any] = manifests_of(spec, context or launch(), site).main["spec"]["template"]
    return found


@pytest.mark.parametrize(
    ("flavor", "resource"),
    [
        ("mig-1g.10gb", "nvidia.com/mig-1g.10gb"),
        ("1g.10gb", "nvidia.com/mig-1g.10gb"),
        ("NVIDIA-A100-SXM4-80GB-MIG-3g.40gb", "nvidia.com/mig-3g.40gb"),
        ("h200 MIG 1g.18gb+me", "nvidia.com/mig-1g.18gb.me"),
        ("7G.80GB", "nvidia.com/mig-7g.80gb"),
        ("NVIDIA-A100-SXM4-80GB", ""),
        ("H200", ""),
        ("", ""),
        ("0g.10gb", ""),
        ("a1g.10gb", ""),
        ("1g.10gbit", ""),
    ],
)
def test_slices_are_known_by_the_name_of_their_flavor(flavor: str, resource: str) -> None:
    assert mig_resource(flavor) == resource
    assert device_resource(flavor, SITE) == (resource or "nvidia.com/gpu")


def test_a_site_may_call_its_devices_otherwise() -> None:
    site = replace(SITE, flavors={"mig-1g.10gb": FlavorSite(resource="nvidia.com/gpu.shared")})
    resources = Resources(1000, 1 << 30, gpus=1, flavor="mig-1g.10gb")
    limits = pod(job(resources=resources), site=site)["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "1073741824", "nvidia.com/gpu.shared": "1"}


def test_amounts_of_nothing_are_not_said() -> None:
    container = pod(job(resources=Resources(0, 0)))["spec"]["containers"][0]
    assert container["resources"] == {"requests": {"cpu": "0m"}}
    volumes = pod(job(resources=Resources(0, 0)), site=replace(SITE, scratch_bytes=0))["spec"]["volumes"]
    assert volumes[2:] == [
        {"name": "work", "emptyDir": {}},
        {"name": "state", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
    ]


def test_pods_of_fargate_go_where_their_labels_lead() -> None:
    made = pod(job(resources=Resources(1000, 1 << 30, flavor="serverless")), launch(count=2, nodes=("fargate",) * 2))
    assert made["metadata"]["labels"] == {"compute": "fargate", **labels("job")}
    assert "affinity" not in made["spec"]
    assert "topologySpreadConstraints" not in made["spec"]
    assert "nodeSelector" not in made["spec"]


def test_labels_of_a_flavor_never_say_whose_a_pod_is() -> None:
    site = replace(SITE, flavors={"": FlavorSite(pod_labels={"bedplate.io/attempt": "another", "a": "b"})})
    assert pod(job(), site=site)["metadata"]["labels"] == {"a": "b", **labels("job")}


def test_tolerations_are_of_the_site_and_of_the_flavor() -> None:
    everywhere = Toleration(effect="NoSchedule")
    site = replace(SITE, tolerations=(everywhere, everywhere))
    assert pod(job(), site=site)["spec"]["tolerations"] == [{"operator": "Exists", "effect": "NoSchedule"}]
    assert "tolerations" not in pod(job())["spec"]


def test_members_in_unequal_numbers_are_not_spread() -> None:
    assert "topologySpreadConstraints" not in pod(job(), launch(count=3, nodes=("n1", "n1", "n2")))["spec"]
    assert len(pod(job(), launch(count=4, nodes=("n1", "n1", "n2", "n2")))["spec"]["topologySpreadConstraints"]) == 1
    assert "topologySpreadConstraints" not in pod(job(), launch(count=2, nodes=("n1", "n1")))["spec"]


def test_without_chosen_nodes_the_cluster_chooses() -> None:
    assert "affinity" not in pod(job(), launch(nodes=()))["spec"]
    assert "affinity" not in pod(server(), launch(nodes=()))["spec"]


def test_a_site_says_how_images_are_pulled() -> None:
    made = pod(job(), site=replace(SITE, image_pull_policy="Always", image_pull_secrets=("a", "b")))["spec"]
    assert [each["imagePullPolicy"] for each in (*made["initContainers"], *made["containers"])] == ["Always", "Always"]
    assert made["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert "priorityClassName" not in pod(job(), site=replace(SITE, priority_class=""))["spec"]


def test_a_site_has_its_own_address_of_the_control_plane_and_variables_of_its_own() -> None:
    site = replace(SITE, api_url="http://web.bedplate.svc", environment={"PROXY": "a", "LANG": "C"})
    made = pod(job(environment={"PROXY": "b"}), site=site)["spec"]["containers"][0]["env"]
    values = {each["name"]: each.get("value") for each in made}
    assert (values["BEDPLATE_JOB_API_URL"], values["PROXY"], values["LANG"]) == ("http://web.bedplate.svc", "b", "C")


def test_an_image_of_the_users_keeps_its_own_search_path() -> None:
    theirs = pod(job(image="python", environment={"PYTHONPATH": "/app"}))["spec"]["containers"][0]
    ours = pod(job(environment={"PYTHONPATH": "/app"}))["spec"]["containers"][0]
    paths = [each["value"] for made in (theirs, ours) for each in made["env"] if each["name"] == "PYTHONPATH"]
    assert paths == ["/app", "/opt/bedplate/app:/app"]
    assert not [
        each for each in pod(job(image="python"))["spec"]["containers"][0]["env"] if each["name"] == "PYTHONPATH"
    ]
