"""The kinds that others' operators add to a cluster. Pure."""

from __future__ import annotations

from typing import Final

from workers.backends.kubernetes import resources
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


def absent(resource: Resource) -> str:
    """A sentence for people."""
    return (
        f"The cluster has no CustomResourceDefinition {crd(resource)} in version {resource.version}. Install the"
        " operator that it belongs to, or let the cluster's options not ask for it."
    )


def kueue(name: str, kind: str, version: str, *, namespaced: bool = False) -> Resource:
    """One of Kueue's kinds in a version of its API."""
    return Resource(KUEUE_GROUP, version, name, kind, namespaced)


def workloads(version: str) -> Resource:
    """What Kueue makes of each job in its queues."""
    return kueue("workloads", "Workload", version, namespaced=True)


def resource_of(manifest: dict[str, object]) -> Resource:
    """Where a manifest belongs, also one of these kinds. Raises KeyError: no kind that is used here."""
    known = (MPI_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, RAY_JOBS, INFERENCE_SERVICES)
    return next((each for each in known if each.of(manifest)), None) or resources.resource_of(manifest)
