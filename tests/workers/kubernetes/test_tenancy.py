"""What a project has on a cluster besides its jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.workers.kubernetes.cases import NAMESPACE, SITE, TENANT
from workers.backends.kubernetes.site import ClusterSite, Fence, Peer
from workers.backends.kubernetes.tenancy import cluster_manifests, tenant_manifests

URL = "http://bedplate.example.com:8000"
LABELS = {
    "app.kubernetes.io/managed-by": "bedplate",
    "bedplate.io/installation": "0193f000-0000-7000-8000-000000000001",
    "bedplate.io/organisation": "acme",
    "bedplate.io/team": "risk",
    "bedplate.io/project": "credit-risk",
}
JOBS = {"matchExpressions": [{"key": "bedplate.io/attempt", "operator": "Exists"}]}
DNS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
API = [{"protocol": "TCP", "port": 8000}]
FENCE = Fence(cpu_millis=64_000, memory_bytes=1 << 40, devices={"nvidia.com/gpu": 8}, pods=100)


def inside(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": LABELS}


def policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": inside(name), "spec": spec}


def egress(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return policy(name, {"podSelector": JOBS, "policyTypes": ["Egress"], "egress": rules})


def rules(name: str, site: ClusterSite = SITE, api_url: str = URL) -> list[dict[str, Any]]:
    made = {each["metadata"]["name"]: each for each in tenant_manifests(TENANT, site, api_url=api_url)}
    found: list[dict[str, Any]] = made[name]["spec"].get("egress", made[name]["spec"].get("ingress"))
    return found


def test_a_project_has_a_namespace_that_lets_little_in_and_little_out() -> None:
    name_servers = [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": name}},
        }
        for name in ("kube-dns", "node-local-dns")
    ]
    cache = {"ipBlock": {"cidr": "169.254.20.10/32"}}
    everywhere = {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
    everywhere6 = {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::254/128"]}
    bedplate = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bedplate"}}}
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    assert tenant_manifests(TENANT, SITE, api_url=URL, fence=FENCE) == (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {**LABELS, **restricted}}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": inside("bedplate-job"),
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": inside("bedplate-defaults"),
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "default": {"memory": "512Mi"},
                        "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                    }
                ]
            },
        },
        policy("bedplate-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        egress(
            "bedplate-dns",
            [{"to": [peer], "ports": DNS} for peer in (*name_servers, cache)],
        ),
        egress(
            "bedplate-api",
            [
                {"to": [{"ipBlock": everywhere}], "ports": API},
                {"to": [{"ipBlock": everywhere6}], "ports": API},
            ],
        ),
        egress("bedplate-egress", []),
        policy(
            "bedplate-serving",
            {
                "podSelector": {
                    "matchExpressions": [{"key": "bedplate.io/kind", "operator": "In", "values": ["serving", "kserve"]}]
                },
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [bedplate], "ports": [{"protocol": "TCP", "port": 8080}]}],
            },
        ),
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": inside("bedplate-fence"),
            "spec": {
                "hard": {
                    "requests.cpu": "64000m",
                    "requests.memory": "1099511627776",
                    "limits.memory": "1099511627776",
                    "pods": "100",
                    "requests.nvidia.com/gpu": "8",
                }
            },
        },
    )


def test_a_fence_bounds_what_it_names() -> None:
    assert tenant_manifests(TENANT, SITE, fence=Fence())[-1]["spec"] == {"hard": {}}
    assert tenant_manifests(TENANT, SITE, fence=Fence(pods=0))[-1]["spec"] == {"hard": {"pods": "0"}}
    assert tenant_manifests(TENANT, SITE)[-1]["kind"] == "NetworkPolicy"


def test_a_namespace_of_somebody_else_is_not_made() -> None:
    made = tenant_manifests(TENANT, replace(SITE, makes_namespaces=False), api_url=URL)
    assert made == tenant_manifests(TENANT, SITE, api_url=URL)[1:]


@pytest.mark.parametrize(
    ("url", "port"),
    [("https://bedplate.example.com", 443), ("http://bedplate.example.com/", 80), ("https://10.0.0.7:8443", 8443)],
)
def test_the_control_plane_is_reached_at_the_port_of_its_address(url: str, port: int) -> None:
    assert [each["ports"] for each in rules("bedplate-api", api_url=url)] == [[{"protocol": "TCP", "port": port}]] * 2
    assert rules("bedplate-api", replace(SITE, api_url=url), "http://elsewhere:1") == rules("bedplate-api", api_url=url)


@pytest.mark.parametrize("host", ["web.control.svc", "web.control.svc.cluster.local"])
def test_a_service_of_the_cluster_is_reached_whatever_port_its_pods_listen_on(host: str) -> None:
    assert rules("bedplate-api", api_url=f"http://{host}") == [
        {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "control"}}}]}
    ]


def test_without_an_address_nothing_is_opened() -> None:
    assert rules("bedplate-api", api_url="") == []


def test_holes_are_as_an_administrator_says() -> None:
    site = replace(
        SITE,
        dns=(),
        api_egress=(Peer(cidr="10.0.0.0/8", excluding=("10.1.0.0/16",), ports=(8000, 443)),),
        job_egress=(Peer(), Peer(cidr="192.0.2.7/32")),
        gateways=(Peer(namespace="edge", pod_labels={"app": "gateway"}),),
        serve_port=9000,
    )
    assert rules("bedplate-dns", site) == []
    assert rules("bedplate-api", site) == [
        {
            "to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
            "ports": [{"protocol": "TCP", "port": 8000}, {"protocol": "TCP", "port": 443}],
        }
    ]
    assert rules("bedplate-egress", site) == [
        {"to": [{"namespaceSelector": {}}]},
        {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]},
    ]
    edge = {"matchLabels": {"kubernetes.io/metadata.name": "edge"}}
    assert rules("bedplate-serving", site) == [
        {
            "from": [{"namespaceSelector": edge, "podSelector": {"matchLabels": {"app": "gateway"}}}],
            "ports": [{"protocol": "TCP", "port": 9000}],
        }
    ]


def test_jobs_pull_images_as_their_account() -> None:
    account = tenant_manifests(TENANT, replace(SITE, image_pull_secrets=("pull",)))[1]
    assert account["imagePullSecrets"] == [{"name": "pull"}]


def test_pods_of_a_cluster_share_a_class_that_never_preempts() -> None:
    assert cluster_manifests(SITE) == (
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "bedplate", "labels": {"app.kubernetes.io/managed-by": "bedplate"}},
            "value": 0,
            "preemptionPolicy": "Never",
            "globalDefault": False,
            "description": "Jobs of Bedplate, which were admitted by it and never preempt.",
        },
    )
    assert cluster_manifests(replace(SITE, priority_class="")) == ()
