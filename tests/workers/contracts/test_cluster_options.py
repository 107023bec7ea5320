"""What an administrator may say of a cluster beyond how to connect."""

from __future__ import annotations

from typing import Any

import pytest

from workers.contracts.cluster_options import OptionsRefused, options_checked

GOOD: dict[str, Any] = {
    "image_pull_secrets": ["registry"],
    "image_policy": ["ghcr.io/acme", "registry.example:5000"],
    "image_pull_policy": "IfNotPresent",
    "environment": {"HTTPS_PROXY": "http://proxy:3128"},
    "priority_class": "bedplate",
    "flavors": {
        "H200": {
            "resource": "nvidia.com/gpu",
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "node_labels": {"node.kubernetes.io/instance-type": "p5.48xlarge"},
            "runtime_class": "nvidia",
        },
        "": {"fargate": True, "pod_labels": {"compute": "fargate"}},
    },
    "tolerations": [{"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute", "seconds": 60}],
    "scratch_bytes": 1 << 30,
    "api_egress": [{"cidr": "10.0.0.0/8", "ports": [8000], "excluding": ["10.1.0.0/16"]}],
    "gateways": [{"namespace": "bedplate", "pod_labels": {"app": "gateway"}}],
}


def test_what_is_right_stays_as_it_is() -> None:
    assert options_checked(GOOD) == GOOD
    assert options_checked({}) == {}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ([], ""),
        ({"imagepolicy": []}, "imagepolicy"),
        ({"image_policy": "ghcr.io"}, "image_policy"),
        ({"image_policy": ["GHCR.io"]}, "image_policy.0"),
        ({"image_policy": ["a"] * 101}, "image_policy"),
        ({"image_pull_policy": "Sometimes"}, "image_pull_policy"),
        ({"environment": {"1A": "x"}}, "environment.1A"),
        ({"environment": {"A": 1}}, "environment.A"),
        ({"flavors": {"H200": {"resource": "no spaces"}}}, "flavors.H200.resource"),
        ({"flavors": {"H200": {"fargate": "yes"}}}, "flavors.H200.fargate"),
        ({"flavors": {"H200": {"node_labels": {"a": "b c"}}}}, "flavors.H200.node_labels.a"),
        ({"tolerations": [{"operator": "Equal", "value": "x"}]}, "tolerations.0.key"),
        ({"tolerations": [{"key": "a", "value": "x"}]}, "tolerations.0.value"),
        ({"tolerations": [{"key": "a", "effect": "NoSchedule", "seconds": 5}]}, "tolerations.0.seconds"),
        ({"scratch_bytes": True}, "scratch_bytes"),
        ({"scratch_bytes": -1}, "scratch_bytes"),
        ({"serve_port": 80}, "serve_port"),
        ({"dns": [{"cidr": "10.0.0.1/8"}]}, "dns.0.cidr"),
        ({"dns": [{"cidr": "10.0.0.0/8", "namespace": "kube-system"}]}, "dns.0"),
        ({"dns": [{"namespace": "kube-system", "excluding": ["10.0.0.0/8"]}]}, "dns.0.excluding"),
        ({"dns": [{"namespace": "a\nb"}]}, "dns.0.namespace"),
        ({"gateways": {}}, "gateways"),
    ],
)
def test_what_is_wrong_is_named(options: Any, path: str) -> None:
    with pytest.raises(OptionsRefused) as refused:
        options_checked(options)
    assert refused.value.path == path
