"""The kinds of objects that are asked for, and where an API server has them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of objects."""

    group: str
    """Empty for the core group."""
    version: str
    name: str
    """Plural, as paths and roles have it."""
    kind: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Of all objects, those of one namespace, one object, or a part of one."""
        start = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = ["namespaces", namespace] if namespace and self.namespaced else []
        parts += [part for part in (self.name, name, *subresource.split("/")) if part]
        return "/".join([start, *(quote(part, safe="") for part in parts)])

    def of(self, manifest: dict[str, object]) -> bool:
        """Whether a manifest is of this kind."""
        version = f"{self.group}/{self.version}" if self.group else self.version
        return (manifest.get("apiVersion"), manifest.get("kind")) == (version, self.kind)


JOBS: Final = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
PODS: Final = Resource("", "v1", "pods", "Pod")
EVENTS: Final = Resource("", "v1", "events", "Event")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
SERVICES: Final = Resource("", "v1", "services", "Service")
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
LIMIT_RANGES: Final = Resource("", "v1", "limitranges", "LimitRange")
RESOURCE_QUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
NETWORK_POLICIES: Final = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
DISRUPTION_BUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
PRIORITY_CLASSES: Final = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)

ALL: Final = (
    JOBS,
    DEPLOYMENTS,
    PODS,
    EVENTS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    LIMIT_RANGES,
    RESOURCE_QUOTAS,
    NETWORK_POLICIES,
    DISRUPTION_BUDGETS,
    NAMESPACES,
    NODES,
    PRIORITY_CLASSES,
    ACCESS_REVIEWS,
)


def resource_of(manifest: dict[str, object]) -> Resource:
    """Where a manifest belongs. Raises KeyError: no kind that is used here."""
    for resource in ALL:
        if resource.of(manifest):
            return resource
    raise KeyError(f"{manifest.get('apiVersion')} {manifest.get('kind')}")
