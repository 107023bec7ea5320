"""What a project has on a cluster besides its jobs: a namespace that lets little in and little out. Pure.

All of it is applied on the server's side as `names.MANAGER`, so that what others add to it stays.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from workers.backends.kubernetes import names
from workers.backends.kubernetes.site import METADATA_SERVICES, ClusterSite, Fence, Peer, Tenant

POD_SECURITY: Final = "pod-security.kubernetes.io"
STRICTEST: Final = "restricted"
DNS_PORT: Final = 53
FENCE: Final = "bedplate-fence"
EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_TCP: Final = ("TCP",)
_JOBS: Final[dict[str, Any]] = {"matchExpressions": [{"key": names.ATTEMPT, "operator": "Exists"}]}
_REPLICAS: Final[dict[str, Any]] = {
    "matchExpressions": [{"key": names.KIND, "operator": "In", "values": ["serving", "kserve"]}]
}


def cluster_manifests(site: ClusterSite) -> tuple[dict[str, Any], ...]:
    """What all namespaces of a cluster share: the class of pods that never push others out. Bedplate decides who makes
    way; a cluster that does so too would end jobs that nobody chose."""
    if not site.priority_class:
        return ()
    return (
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": site.priority_class, "labels": {names.MANAGED_BY: names.MANAGER}},
            "value": 0,
            "preemptionPolicy": "Never",
            "globalDefault": False,
            "description": "Jobs of Bedplate, which were admitted by it and never preempt.",
        },
    )


def tenant_manifests(
    tenant: Tenant, site: ClusterSite, *, api_url: str = "", fence: Fence | None = None
) -> tuple[dict[str, Any], ...]:
    """The namespace of a project and what belongs in it, in the order in which they are made.

    Args:
        api_url: `LaunchContext.api_url`, for a site that has none of its own.
        fence: upper bounds; None leaves a quota that is there as it is.
    """
    namespace = names.namespace_of(tenant, site)
    labels = names.owner_labels(tenant, site)
    policies = {
        "bedplate-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "bedplate-dns": _out(_rules(site.dns, DNS_PORT, ("UDP", "TCP"))),
        "bedplate-api": _out(_rules(site.api_egress or api_peers(site.api_url or api_url))),
        "bedplate-egress": _out(_rules(site.job_egress)),
        "bedplate-serving": _in(_rules(site.gateways, site.serve_port, side="from")),
    }
    inside = [
        _made("v1", "ServiceAccount", names.SERVICE_ACCOUNT, _account(site)),
        _made("v1", "LimitRange", "bedplate-defaults", {"spec": _defaults()}),
        *(_made("networking.k8s.io/v1", "NetworkPolicy", name, {"spec": each}) for name, each in policies.items()),
        *([fence_manifest(tenant, site, fence)] if fence else []),
    ]
    for each in inside:
        each["metadata"] |= {"namespace": namespace, "labels": labels}
    return (_namespace(namespace, labels), *inside) if site.makes_namespaces else tuple(inside)


def fence_manifest(tenant: Tenant, site: ClusterSite, fence: Fence) -> dict[str, Any]:
    """Upper bounds of a project's namespace."""
    made = _made("v1", "ResourceQuota", FENCE, {"spec": {"hard": _bounds(fence)}})
    place = {"namespace": names.namespace_of(tenant, site), "labels": names.owner_labels(tenant, site)}
    return {**made, "metadata": {**made["metadata"], **place}}


def _made(version: str, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def _namespace(name: str, labels: dict[str, str]) -> dict[str, Any]:
    security = {f"{POD_SECURITY}/{mode}": STRICTEST for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**labels, **security}},
    }


def _account(site: ClusterSite) -> dict[str, Any]:
    """Jobs run as an account that may do nothing, and without its token."""
    secrets = [{"name": name} for name in site.image_pull_secrets]
    return {"automountServiceAccountToken": False, **({"imagePullSecrets": secrets} if secrets else {})}


def _defaults() -> dict[str, Any]:
    """For containers that say nothing, which are not ours: a quota would refuse them."""
    return {
        "limits": [
            {
                "type": "Container",
                "default": {"memory": "512Mi"},
                "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
            }
        ]
    }


def _bounds(fence: Fence) -> dict[str, str]:
    bounds = {
        "requests.cpu": None if fence.cpu_millis is None else f"{fence.cpu_millis}m",
        "requests.memory": None if fence.memory_bytes is None else str(fence.memory_bytes),
        "limits.memory": None if fence.memory_bytes is None else str(fence.memory_bytes),
        "pods": None if fence.pods is None else str(fence.pods),
        **{f"requests.{name}": str(count) for name, count in fence.devices.items()},
    }
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _out(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"podSelector": _JOBS, "policyTypes": ["Egress"], "egress": rules}


def _in(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"podSelector": _REPLICAS, "policyTypes": ["Ingress"], "ingress": rules}


def _rules(
    peers: tuple[Peer, ...], port: int = 0, protocols: tuple[str, ...] = _TCP, side: str = "to"
) -> list[dict[str, Any]]:
    """A rule per peer; none lets nobody through."""
    found = []
    for peer in peers:
        numbers = peer.ports or ((port,) if port else ())
        ports = [{"protocol": protocol, "port": number} for number in numbers for protocol in protocols]
        found.append({side: [_peer(peer)], **({"ports": ports} if ports else {})})
    return found


def _peer(peer: Peer) -> dict[str, Any]:
    if peer.cidr:
        return {"ipBlock": {"cidr": peer.cidr, **({"except": list(peer.excluding)} if peer.excluding else {})}}
    named = {"matchLabels": {"kubernetes.io/metadata.name": peer.namespace}} if peer.namespace else {}
    pods = {"podSelector": {"matchLabels": dict(peer.pod_labels)}} if peer.pod_labels else {}
    return {"namespaceSelector": named, **pods}


def api_peers(url: str) -> tuple[Peer, ...]:
    """Where an address of the control plane may lead: the pods behind a Service of the cluster, whatever port they
    listen on, or else its port anywhere. A policy knows no names."""
    parts = urlsplit(url)
    if not parts.hostname:
        return ()
    words = parts.hostname.split(".")
    if len(words) > 2 and words[2] == "svc":
        return (Peer(namespace=words[1]),)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    closed = {cidr: tuple(each for each in METADATA_SERVICES if (":" in each) == (":" in cidr)) for cidr in EVERYWHERE}
    return tuple(Peer(cidr=cidr, ports=(port,), excluding=closed[cidr]) for cidr in EVERYWHERE)
