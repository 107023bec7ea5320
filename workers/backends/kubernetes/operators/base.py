"""What an operator's kind of object is to us: how one is made, stopped, resized, and what its status says. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import names, pod, pod_environment
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.seen_objects import Meta, Part, Pod
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts import environment
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import Spec

Manifest = dict[str, Any]


class Operated(Part, frozen=True):
    """An object of an operator's kind."""

    metadata: Meta = Meta()
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)

    def condition(self, *types: str) -> dict[str, Any] | None:
        """The first condition of these types that holds."""
        for found in self.status.get("conditions") or ():
            if found.get("type") in types and found.get("status") == "True":
                return dict(found)
        return None


@dataclass(frozen=True, slots=True)
class Made:
    """An object of an operator's kind, and what only it needs."""

    main: Manifest
    first: tuple[Manifest, ...] = ()
    """Must be there before it."""
    rest: tuple[Manifest, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the operator says of a job that has ended."""

    succeeded: bool
    reason: str
    detail: str = ""


class Operator(ABC):
    """One kind of object. Instances hold nothing."""

    kind: ClassVar[str]
    """What handles, labels and options call it."""
    resource: ClassVar[Resource]
    needs: ClassVar[tuple[Resource, ...]] = ()
    """Kinds that must be served besides its own."""
    serves: ClassVar[bool] = False

    @abstractmethod
    def made(self, spec: Spec, launch: LaunchContext, site: ClusterSite, metadata: Manifest) -> Made:
        """The object of an attempt. Raises LaunchRefused: this operator cannot run such a spec."""

    @abstractmethod
    def verdict(self, found: Operated) -> Verdict | None:
        """How it ended; None: it has not."""

    @abstractmethod
    def stopped(self) -> Manifest:
        """The merge patch that ends its pods and keeps the object."""

    def is_told(self, found: Operated) -> bool:
        """Whether its spec has what `stopped` asks for."""
        return bool(found.spec.get("suspend"))

    @abstractmethod
    def is_held(self, found: Operated) -> bool:
        """Whether what `stopped` asks for is so, as its controller says."""

    @abstractmethod
    def expected(self, found: Operated) -> int:
        """How many of its pods are members."""

    def rank(self, pod: Pod) -> int | None:
        """Which member a pod is; None: whichever follows."""
        text = pod.metadata.annotation(names.COMPLETION_INDEX) or pod.metadata.label(names.COMPLETION_INDEX)
        return int(text) if text.isdecimal() else 0

    def resized(self, count: int) -> Manifest:
        """The merge patch of another number of replicas.

        Raises:
            LaunchRefused: it has none.
        """
        raise LaunchRefused(f"A {self.resource.kind} cannot have {count} members from now on.")

    def object(self, metadata: Manifest, spec: Manifest) -> Manifest:
        return {
            "apiVersion": f"{self.resource.group}/{self.resource.version}",
            "kind": self.resource.kind,
            "metadata": metadata,
            "spec": spec,
        }


def template(
    kind: str,
    spec: Spec,
    launch: LaunchContext,
    site: ClusterSite,
    *,
    container: str = names.MAIN,
    variables: Mapping[str, str] | None = None,
) -> Manifest:
    """The pods of a member as everywhere, for an operator.

    Args:
        container: what the operator wants its container to be called.
        variables: set to these, whatever the pod would read from itself.
    """
    made = pod.template(spec, launch, site)
    made["metadata"] = {"labels": {**made["metadata"]["labels"], names.KIND: kind}}
    made["spec"]["containers"][0]["name"] = container
    for each in (*made["spec"]["initContainers"], *made["spec"]["containers"]):
        each["env"] = with_variables(each["env"], variables or {})
    return made


def with_variables(found: list[Manifest], variables: Mapping[str, str]) -> list[Manifest]:
    """The same with other values, and with those that were not there."""
    kept = [each for each in found if each["name"] not in variables]
    return [*kept, *({"name": name, "value": pod_environment.literal(text)} for name, text in variables.items())]


FIRST = {environment.RANK: "0"}
"""For a pod that carries no number and is the first of its job."""
