"""The kinds of objects that the fake server knows: the built-in ones, and those that a test registers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One resource of the API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    custom: bool = False
    """Of a CustomResourceDefinition: no strategic merge, no validation beyond names."""
    status_reset: bool = True
    """The status of a POST or PUT of the object itself is ignored."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it: `jobs.batch`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        """As the store names it: versions of a group share their objects."""
        return self.qualified

    @property
    def generation(self) -> bool:
        """Whether its objects count the changes of their spec."""
        return self.custom or self.plural in _WITH_GENERATION


_WITH_GENERATION = {
    "pods", "jobs", "deployments", "replicasets", "poddisruptionbudgets", "networkpolicies", "priorityclasses",
    "cronjobs", "endpointslices",
}  # fmt: skip

PODS = Kind("", "v1", "pods", "Pod", subresources=("log", "status", "eviction", "binding", "proxy"))
JOBS = Kind("batch", "v1", "jobs", "Job", subresources=("status",))
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment", subresources=("status", "scale"))
REPLICASETS = Kind("apps", "v1", "replicasets", "ReplicaSet", subresources=("status", "scale"))
EVENTS = Kind("", "v1", "events", "Event")
NODES = Kind("", "v1", "nodes", "Node", namespaced=False, subresources=("status",))
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False, subresources=("status", "finalize"))
SECRETS = Kind("", "v1", "secrets", "Secret")
CONFIGMAPS = Kind("", "v1", "configmaps", "ConfigMap")
SERVICES = Kind("", "v1", "services", "Service", subresources=("status",))
SERVICEACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", subresources=("token",))
QUOTAS = Kind("", "v1", "resourcequotas", "ResourceQuota", subresources=("status",))
LIMITRANGES = Kind("", "v1", "limitranges", "LimitRange")
NETWORKPOLICIES = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
BUDGETS = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", subresources=("status",))
PRIORITYCLASSES = Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
RUNTIMECLASSES = Kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
ENDPOINTSLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints")
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", subresources=("status",))
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease")
ROLES = Kind("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLEBINDINGS = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTERROLES = Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTERROLEBINDINGS = Kind(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
CRDS = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
    subresources=("status",),
)  # fmt: skip
SELF_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_RULES_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
SELF_REVIEWS = Kind("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
TOKEN_REVIEWS = Kind("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)

BUILT_IN = (
    PODS, JOBS, DEPLOYMENTS, REPLICASETS, EVENTS, NODES, NAMESPACES, SECRETS, CONFIGMAPS, SERVICES, SERVICEACCOUNTS,
    QUOTAS, LIMITRANGES, NETWORKPOLICIES, BUDGETS, PRIORITYCLASSES, RUNTIMECLASSES, ENDPOINTSLICES, ENDPOINTS, CLAIMS,
    LEASES, ROLES, ROLEBINDINGS, CLUSTERROLES, CLUSTERROLEBINDINGS, CRDS,
)  # fmt: skip
REVIEWS = (SELF_ACCESS_REVIEWS, SELF_RULES_REVIEWS, SELF_REVIEWS, TOKEN_REVIEWS)


class Kinds:
    """Which kinds there are now; a test or a CustomResourceDefinition adds some."""

    def __init__(self, kinds: Iterable[Kind] = (*BUILT_IN, *REVIEWS)) -> None:
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: Kind) -> None:
        self._by_path[(kind.group, kind.version, kind.plural)] = kind
        self._by_kind[(kind.group, kind.kind)] = kind

    def remove(self, kind: Kind) -> None:
        self._by_path.pop((kind.group, kind.version, kind.plural), None)
        self._by_kind.pop((kind.group, kind.kind), None)

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, kind: str) -> Kind | None:
        return self._by_kind.get((api_version.rpartition("/")[0], kind))

    def all(self) -> list[Kind]:
        return list(self._by_path.values())
