"""One cluster as one process works with it: what all verbs of the backend share."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import msgspec

from workers.backends.base import BackendUnavailable, Unsupported
from workers.backends.kubernetes import names
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.memory import Memory
from workers.backends.kubernetes.operators import crds, installed
from workers.backends.kubernetes.operators.base import Operated, Operator
from workers.backends.kubernetes.operators.choice import OPERATORS
from workers.backends.kubernetes.operators.kueue import Workload
from workers.backends.kubernetes.operators.seen import as_own, ranked
from workers.backends.kubernetes.refusal import Refusal, Unreachable
from workers.backends.kubernetes.resources import DEPLOYMENTS, JOBS, NODES, PODS, Resource
from workers.backends.kubernetes.seen_objects import Condition, Deployment, Job, Meta, Part, Pod, read
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import JobHandle

SILENT_SECONDS: Final = 5.0
"""For so long it is believed what was heard of a node."""

T = TypeVar("T")


class NodeStatus(Part, frozen=True):
    conditions: tuple[Condition, ...] | None = None


class NodeHealth(Part, frozen=True):
    """Of a node only whether the cluster hears of it."""

    metadata: Meta = Meta()
    status: NodeStatus = NodeStatus()


@dataclass(frozen=True, slots=True)
class Where:
    """What a handle says."""

    attempt_id: str
    namespace: str
    kind: str
    workload_id: str = ""

    @property
    def name(self) -> str:
        return names.object_name(self.attempt_id)

    @property
    def operator(self) -> Operator | None:
        """Whose kind of object it is; None: the cluster's own."""
        return OPERATORS.get(self.kind)

    @property
    def resource(self) -> Resource:
        if self.operator is not None:
            return self.operator.resource
        return DEPLOYMENTS if self.kind == "serving" else JOBS


@dataclass(slots=True)
class Place:
    """A cluster, the installation's part of it, and what this process remembers of that."""

    name: str
    """Of the backend."""
    api: Api
    site: ClusterSite
    memory: Memory = field(default_factory=Memory)
    namespaces: dict[str, float] = field(default_factory=dict)
    """Where this process has made, or found, everything that a project needs, and when, by the monotonic clock."""
    told: set[str] = field(default_factory=set)
    """Which fences this process has said are not as it would have them."""
    wide: bool = True
    """Whether this account may list objects of all namespaces at once, as far as it is known."""
    _nodes: dict[str, tuple[float, bool]] = field(default_factory=dict)
    _served: dict[str, str] = field(default_factory=dict)
    """Which version of others' kinds the cluster has, as far as it was asked and had one."""

    def within(self, seconds: float) -> Place:
        """The same, with so much time for what is asked."""
        return replace(self, api=self.api.within(seconds))

    def where(self, handle: JobHandle) -> Where:
        """Raises Unsupported: this is no job of this backend."""
        if handle.backend != self.name:
            raise Unsupported(f"This is a job of the backend {handle.backend!r}, not of {self.name!r}.")
        try:
            data = handle.data
            return Where(data["attempt_id"], data["namespace"], data["kind"], data["workload_id"])
        except KeyError as error:
            raise Unsupported(f"The handle does not say its {error.args[0]}.") from None

    def main(self, where: Where) -> Job | Deployment | None:
        """The Job or Deployment; None where there is none of ours."""
        found = self.api.find(where.resource, where.namespace, where.name)
        return self.ours(found, where) if found is not None else None

    def ours(self, found: dict[str, Any], where: Where) -> Job | Deployment | None:
        """An object as it is read here; None for a stranger's."""
        if not names.is_ours((found.get("metadata") or {}).get("labels"), self.site, where.attempt_id):
            return None
        try:
            if where.operator is not None:
                return as_own(where.operator, read(Operated, found))
            seen: Job | Deployment = read(Deployment if where.kind == "serving" else Job, found)
        except msgspec.ValidationError as error:
            raise Unreachable(f"{where.resource.kind} {where.name} cannot be read: {error}", "server") from error
        return seen

    def pods(self, where: Where) -> list[Pod]:
        """The pods of one attempt."""
        labels = f"{names.ATTEMPT}={where.attempt_id},{names.installation_selector(self.site)}"
        found = self.api.items(PODS, Pod, where.namespace, labels=labels)[0]
        return found if where.operator is None else ranked(where.operator, found)

    def all_of(self, resource: Resource, item: type[T], namespaces: Iterable[str]) -> list[T]:
        """All of this installation, in all namespaces.

        Args:
            namespaces: where to look instead if this account may not ask for all at once.
        """
        labels = names.installation_selector(self.site)
        if self.wide:
            try:
                return self.api.items(resource, item, labels=labels)[0]
            except Refusal as refusal:
                if not refusal.forbidden:
                    raise
                self.wide = False
        found: list[T] = []
        for namespace in sorted({*namespaces, *self.namespaces}):
            found += self.api.items(resource, item, namespace, labels=labels)[0]
        return found

    def serves(self, resource: Resource) -> bool:
        """Whether the cluster has a kind of an operator's."""
        name = crds.crd(resource)
        if not self._served.get(name) and installed.is_served(self.api, resource):
            self._served[name] = resource.version
        return bool(self._served.get(name))

    def queue_version(self) -> str:
        """The version of Kueue's API; empty where the cluster has none."""
        if not self._served.get(crds.KUEUE_GROUP):
            self._served[crds.KUEUE_GROUP] = installed.kueue_version(self.api)
        return self._served[crds.KUEUE_GROUP]

    def queued(self, namespace: str) -> dict[str, list[Workload]]:
        """What Kueue says of the jobs of a namespace, by the uid of the Job."""
        found: dict[str, list[Workload]] = {}
        version = self.queue_version()
        for workload in self.api.items(crds.workloads(version), Workload, namespace)[0] if version else ():
            found.setdefault(workload.job_uid, []).append(workload)
        return found

    def silent(self, node: str) -> bool:
        """Whether the cluster hears nothing of a node, so that nobody knows what lives there.

        A node that is not part of the cluster any more is not silent: whoever removed it says that it is gone.
        """
        known = self._nodes.get(node)
        if known is not None and time.monotonic() - known[0] < SILENT_SECONDS:
            return known[1]
        try:
            found = self.api.items(NODES, NodeHealth, fields=f"metadata.name={node}")[0]
        except Refusal as refusal:
            if refusal.forbidden:  # it may not look at nodes: then nothing is known of them
                return False
            raise
        states = [each.status for one in found for each in one.status.conditions or () if each.type == "Ready"]
        self._nodes[node] = (time.monotonic(), "Unknown" in states)
        return "Unknown" in states


def away(refusal: Refusal) -> BackendUnavailable:
    """A no where only rights can be the reason: somebody must mend that, and no job is to blame."""
    return BackendUnavailable(f"The cluster refuses it: {refusal}")
