"""Whether work may bring a container image: where it would run, and which images are taken there."""

from __future__ import annotations

from apps.access.models import Project
from apps.common.errors import Invalid
from apps.quotas.models import Cluster, ResourcePool
from apps.quotas.services.queues import queue_place
from workers.contracts.images import BadImage, image_check
from workers.contracts.launch import CLUSTER_PREFIX


def container_check(project: Project, pool: ResourcePool | None, image: str) -> None:
    """Refuse an image that cannot run where the project's work goes. At most three queries.

    Args:
        pool: None: where the project's work runs.

    Raises:
        Invalid: it is no name of an image, its registry is not allowed there, or no containers run there.
        Unavailable: no pool has been discovered yet.
    """
    policy: tuple[str, ...] = ()
    backend = pool.backend if pool is not None else _backend_of(project)
    try:
        image_check(image, policy)
        if not backend.startswith(CLUSTER_PREFIX):
            raise BadImage(
                f"The pool of this run starts processes on its machines ({backend}) and cannot run containers. Choose a"
                " pool of a Kubernetes cluster, or submit the code as a source bundle."
            )
        cluster = Cluster.objects.filter(name=backend.removeprefix(CLUSTER_PREFIX)).only("options").first()
        image_check(image, tuple(cluster.options.get("image_policy", ())) if cluster is not None else ())
    except BadImage as error:
        raise Invalid(f"image: {error}", fields={"image": [str(error)]}) from error


def _backend_of(project: Project) -> str:
    _, pool_id = queue_place(project)
    return str(ResourcePool.objects.values_list("backend", flat=True).get(pk=pool_id))
