"""The kinds that others' operators add to a cluster, and whether they are there."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import Resource

MPI_JOBS: Final = Resource("kubeflow.org", "v2beta1", "mpijobs", "MPIJob")
TRAIN_JOBS: Final = Resource("trainer.kubeflow.org", "v1alpha1", "trainjobs", "TrainJob")
TRAINING_RUNTIMES: Final = Resource("trainer.kubeflow.org", "v1alpha1", "trainingruntimes", "TrainingRuntime")
RAY_JOBS: Final = Resource("ray.io", "v1", "rayjobs", "RayJob")
INFERENCE_SERVICES: Final = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
KUEUE_GROUP: Final = "kueue.x-k8s.io"
KUEUE_VERSIONS: Final = ("v1beta2", "v1beta1")
"""The newest first."""


def crd(resource: Resource) -> str:
    """What the CustomResourceDefinition of a kind is called: `trainjobs.trainer.kubeflow.org`."""
    return f"{resource.name}.{resource.group}"


def is_served(api: Api, resource: Resource) -> bool:
    """Whether a cluster has a kind, in that version. One request, which needs no right of its own."""
    try:
        found: dict[str, Any] = msgspec.json.decode(api.get(f"/apis/{resource.group}/{resource.version}"))
    except Refusal as refusal:
        if refusal.not_found:
            return False
        raise
    return any(each.get("name") == resource.name for each in found.get("resources") or ())


def must_be_served(api: Api, *resources: Resource) -> None:
    """
    Raises:
        LaunchRefused: the cluster lacks one of these kinds; the text names its CRD.
    """
    for resource in resources:
        if not is_served(api, resource):
            raise LaunchRefused(absent(resource))


def absent(resource: Resource) -> str:
    """A sentence for people."""
    return (
        f"The cluster has no CustomResourceDefinition {crd(resource)} in version {resource.version}. Install the"
        " operator that it belongs to, or let the cluster's options not ask for it."
    )


def kueue_version(api: Api) -> str:
    """The newest version of Kueue's API that the cluster has and that is known here; empty: none."""
    try:
        found: dict[str, Any] = msgspec.json.decode(api.get(f"/apis/{KUEUE_GROUP}"))
    except Refusal as refusal:
        if refusal.not_found:
            return ""
        raise
    there = {each.get("version") for each in found.get("versions") or ()}
    return next((version for version in KUEUE_VERSIONS if version in there), "")


def kueue(name: str, kind: str, version: str, *, namespaced: bool = False) -> Resource:
    """One of Kueue's kinds in a version of its API."""
    return Resource(KUEUE_GROUP, version, name, kind, namespaced)


def workloads(version: str) -> Resource:
    """What Kueue makes of each job in its queues."""
    return kueue("workloads", "Workload", version, namespaced=True)
