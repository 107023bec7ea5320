"""What an administrator says of a cluster, as manifests read it."""

from __future__ import annotations

from typing import Any

import pytest

from workers.backends.kubernetes.options import site_from_options
from workers.backends.kubernetes.site import ClusterSite, Dcgm, FlavorSite, Peer, Toleration
from workers.contracts.cluster_options import OptionsRefused

NAMED: dict[str, Any] = {"installation": "one", "cluster": "lab", "runtime_image": "runtime:1"}


def test_no_options_is_the_usual_site() -> None:
    assert site_from_options({}, **NAMED) == ClusterSite(**NAMED)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, Dcgm("gpu-operator", "app=nvidia-dcgm-exporter", 9400)),
        ({"namespace": "mon", "labels": "a=b,example.org/c=", "port": 80}, Dcgm("mon", "a=b,example.org/c=", 80)),
    ],
)
def test_an_exporter_of_gpu_figures(asked: dict[str, Any], found: Dcgm) -> None:
    assert site_from_options({"dcgm": asked}, **NAMED).dcgm == found


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (None, "dcgm"),
        ({"namespace": ""}, "dcgm.namespace"),
        ({"namespace": "a/b"}, "dcgm.namespace"),
        ({"labels": "app"}, "dcgm.labels"),
        ({"labels": "a=b,"}, "dcgm.labels"),
        ({"labels": "a=b&limit=1"}, "dcgm.labels"),
        ({"port": 0}, "dcgm.port"),
        ({"path": "/metrics"}, "dcgm.path"),
    ],
)
def test_an_exporter_that_cannot_be_one_is_refused(asked: Any, path: str) -> None:
    with pytest.raises(OptionsRefused) as refused:
        site_from_options({"dcgm": asked}, **NAMED)
    assert refused.value.path == path


def test_options_become_a_site() -> None:
    options = {
        "image_pull_secrets": ["pull"],
        "image_policy": ["ghcr.io/acme"],
        "image_pull_policy": "Always",
        "environment": {"PROXY": "http://proxy:3128"},
        "priority_class": "",
        "flavors": {
            "": {"fargate": True, "pod_labels": {"compute": "fargate"}},
            "H200": {
                "resource": "nvidia.com/gpu",
                "tolerations": [
                    {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoExecute", "seconds": 5}
                ],
                "node_labels": {"gpu": "h200"},
                "runtime_class": "nvidia",
            },
        },
        "tolerations": [{"key": "spot"}],
        "scratch_bytes": 0,
        "shared_memory_bytes": 1024,
        "serve_port": 9000,
        "rendezvous_port": 9001,
        "dns": [{"namespace": "openshift-dns", "ports": [5353]}],
        "api_egress": [{"cidr": "10.0.0.0/8", "excluding": ["10.1.0.0/16"]}],
        "job_egress": [{"cidr": "192.0.2.0/24"}],
        "gateways": [{"namespace": "edge", "pod_labels": {"app": "gateway"}}],
    }
    assert site_from_options(options, **NAMED, namespace_prefix="ml", api_url="http://api", makes_namespaces=False) == (
        ClusterSite(
            **NAMED,
            namespace_prefix="ml",
            api_url="http://api",
            makes_namespaces=False,
            image_pull_secrets=("pull",),
            image_policy=("ghcr.io/acme",),
            image_pull_policy="Always",
            environment={"PROXY": "http://proxy:3128"},
            priority_class="",
            flavors={
                "": FlavorSite(fargate=True, pod_labels={"compute": "fargate"}),
                "H200": FlavorSite(
                    resource="nvidia.com/gpu",
                    tolerations=(Toleration("gpu", "Equal", "yes", "NoExecute", 5),),
                    node_labels={"gpu": "h200"},
                    runtime_class="nvidia",
                ),
            },
            tolerations=(Toleration("spot"),),
            scratch_bytes=0,
            shared_memory_bytes=1024,
            serve_port=9000,
            rendezvous_port=9001,
            dns=(Peer(namespace="openshift-dns", ports=(5353,)),),
            api_egress=(Peer(cidr="10.0.0.0/8", excluding=("10.1.0.0/16",)),),
            job_egress=(Peer(cidr="192.0.2.0/24"),),
            gateways=(Peer(namespace="edge", pod_labels={"app": "gateway"}),),
        )
    )


@pytest.mark.parametrize(
    "name", ["hostNetwork", "host_path", "privileged", "service_account", "pod", "security_context"]
)
def test_what_would_open_the_machine_is_no_option(name: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        site_from_options({name: True}, **NAMED)
    with pytest.raises(ValueError, match="is not known"):
        site_from_options({"flavors": {"": {name: True}}}, **NAMED)
