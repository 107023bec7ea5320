"""What Bedplate does on a cluster, verb by verb: all that its account needs, and nothing else. Pure.

The roles of the chart, the check of a cluster and the documents are held against this list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from workers.backends.kubernetes.operators import kueue_mirror
from workers.backends.kubernetes.operators.choice import operators_of
from workers.backends.kubernetes.operators.crds import KUEUE_VERSIONS, workloads
from workers.backends.kubernetes.resources import (
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    EVENTS,
    JOBS,
    LIMIT_RANGES,
    NAMESPACES,
    NETWORK_POLICIES,
    NODES,
    PODS,
    PRIORITY_CLASSES,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from workers.backends.kubernetes.site import ClusterSite

JOB, WATCH, FENCES, SPACES, MACHINES = "jobs", "watch", "fences", "namespaces", "machines"
"""Parts: running jobs, being told of news, what a project's namespace has, making namespaces, seeing nodes."""
QUOTAS = "quotas"
"""Another: a second fence of each project behind our own quotas. Jobs run without it too."""
OPERATED = "operators"
"""A part that only some clusters have."""
MEASURES = "measures"
"""Another: reading what an exporter says of GPUs."""


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one kind of objects."""

    group: str
    resource: str
    """With its subresource: `pods/log`."""
    verb: str
    part: str
    cluster_wide: bool = False
    """It is about objects that are in no namespace: a Role cannot give it."""
    namespace: str = ""
    """The only one where it is needed; empty: where the jobs are."""

    @property
    def text(self) -> str:
        """`create jobs.batch`."""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


def _rights(part: str, resource: Resource, *verbs: str, subresource: str = "") -> tuple[Right, ...]:
    name = f"{resource.name}/{subresource}" if subresource else resource.name
    return tuple(Right(resource.group, name, verb, part, not resource.namespaced) for verb in verbs)


RIGHTS: Final[tuple[Right, ...]] = (
    *_rights(JOB, JOBS, "create", "get", "list", "patch", "delete"),
    *_rights(JOB, DEPLOYMENTS, "create", "get", "list", "patch", "delete"),
    *_rights(JOB, PODS, "list", "delete"),
    *_rights(JOB, PODS, "get", subresource="log"),
    *_rights(JOB, EVENTS, "list"),
    *_rights(JOB, SECRETS, "create", "patch"),
    *_rights(JOB, SERVICES, "create", "patch"),
    *_rights(JOB, DISRUPTION_BUDGETS, "create", "patch"),
    *_rights(JOB, NETWORK_POLICIES, "create", "patch"),
    *_rights(WATCH, JOBS, "watch"),
    *_rights(WATCH, DEPLOYMENTS, "watch"),
    *_rights(WATCH, PODS, "watch"),
    *_rights(FENCES, SERVICE_ACCOUNTS, "create", "patch"),
    *_rights(FENCES, LIMIT_RANGES, "create", "patch"),
    *_rights(QUOTAS, RESOURCE_QUOTAS, "create", "patch"),
    *_rights(SPACES, NAMESPACES, "create", "patch"),
    *_rights(SPACES, PRIORITY_CLASSES, "create", "patch"),
    *_rights(MACHINES, NODES, "list"),
)
"""What is applied needs `create` besides `patch`. Secrets are never read back, and nothing is ever run inside a pod."""


def needed(*, makes_namespaces: bool) -> tuple[Right, ...]:
    """Those of an installation; where an administrator makes the namespaces, it needs none to make them."""
    return tuple(right for right in RIGHTS if makes_namespaces or right.part != SPACES)


def of_operators(site: ClusterSite) -> tuple[Right, ...]:
    """What it takes besides to have others' operators run things, where a cluster's options ask for it."""
    found: list[Right] = []
    for operator in operators_of(site):
        found += _rights(OPERATED, operator.resource, "create", "get", "list", "patch", "delete")
        for needed in operator.needs:
            found += _rights(OPERATED, needed, "create", "patch")
    if site.operators.queue:
        newest = KUEUE_VERSIONS[0]
        found += _rights(OPERATED, workloads(newest), "list", "patch")
        found += _rights(OPERATED, kueue_mirror.local_queues(newest), "create", "patch")
        for kind in kueue_mirror.kinds(newest):
            found += _rights(OPERATED, kind, "create", "patch", "list", "delete")
    return tuple(found)


def of_dcgm(site: ClusterSite) -> tuple[Right, ...]:
    """What it takes to read the exporter of GPU figures, in its namespace alone, where the options name one."""
    if site.dcgm is None:
        return ()
    found = (*_rights(MEASURES, PODS, "list"), *_rights(MEASURES, PODS, "get", subresource="proxy"))
    return tuple(replace(right, namespace=site.dcgm.namespace) for right in found)
