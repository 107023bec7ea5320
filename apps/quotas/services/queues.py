"""A project's queue and its quotas."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from apps.access.models import Project
from apps.common import queues
from apps.common.audit import Actor, record
from apps.common.errors import Invalid, Unavailable
from apps.quotas.models import Node, Queue, Quota, ResourcePool
from apps.quotas.states import Resource

NOMINAL_MOST = 1 << 60


def pool_default(project: Project) -> ResourcePool:
    """The pool in which a project's work runs: the first of the installation's backend that it may use.

    Raises:
        Unavailable: none has been discovered yet.
    """
    pools = ResourcePool.objects.filter(backend=settings.BEDPLATE_BACKEND, nodes__isnull=False)
    own = pools.filter(organisation=project.organisation_id).order_by("name").first()
    pool = own or pools.filter(organisation=None).order_by("name").first()
    if pool is None:
        raise Unavailable("No machine is known yet. Run `manage.py discover`, or wait until it has run.")
    return pool


@transaction.atomic
def queue_ensure(project: Project) -> Queue:
    """The project's queue in its pool; made, with the pool's whole capacity as quota, when it is not there.

    Raises:
        Unavailable: no pool has been discovered yet.
    """
    known: Queue | None = Queue.objects.filter(project=project).order_by("id").first()
    if known is not None:
        return known
    pool = pool_default(project)
    queue: Queue
    queue, made = Queue.objects.get_or_create(project=project, pool=pool)
    if made:
        whole = pool_capacity(pool.pk)
        Quota.objects.bulk_create(
            Quota(queue=queue, resource=resource, nominal=amount, borrowing_limit=0)
            for resource, amount in whole.items()
        )
    return queue


def queues_ensure(projects: Iterable[Project]) -> None:
    """Queues for projects that have none; nothing happens while no pool is known."""
    with suppress(Unavailable):  # a list of queues is empty until there is a machine
        for project in projects:
            queue_ensure(project)


def pool_capacity(pool_id: UUID) -> dict[str, int]:
    """All that the nodes of a pool have together, per resource. Two queries."""
    nodes = Node.objects.filter(pool=pool_id)
    total = nodes.aggregate(cpu=Sum("cpu_millis"), memory=Sum("memory_bytes"))
    gpus = sum(len(found) for found in nodes.values_list("gpus", flat=True))
    return {Resource.CPU_MILLIS: total["cpu"] or 0, Resource.MEMORY_BYTES: total["memory"] or 0, Resource.GPUS: gpus}


def quota_check(resource: str, flavor: str, nominal: int) -> None:
    """Raise Invalid for an unknown resource, a flavor of something that has none, or not a sensible amount."""
    if resource not in Resource.values:
        raise Invalid(f"resource: {resource!r} is not one of {', '.join(Resource.values)}")
    if flavor and resource != Resource.GPUS:
        raise Invalid(f"flavor: {resource} has no flavors")
    if not 0 <= nominal <= NOMINAL_MOST:
        raise Invalid(f"nominal: {nominal} is not between 0 and {NOMINAL_MOST}")


@transaction.atomic
def quota_set(queue: Queue, resource: str, flavor: str, nominal: int, *, actor: Actor) -> Quota:
    """Set how much of a resource the queue may hold. What is admitted already stays, even above it.

    Raises:
        Invalid: as `quota_check`.
    """
    quota_check(resource, flavor, nominal)
    old = Quota.objects.select_for_update().filter(queue=queue, resource=resource, flavor=flavor).first()
    quota, _ = Quota.objects.update_or_create(
        queue=queue,
        resource=resource,
        flavor=flavor,
        defaults={"nominal": nominal},
        create_defaults={"nominal": nominal, "borrowing_limit": 0},
    )
    detail = {"resource": resource, "flavor": flavor, "nominal": nominal, "was": old.nominal if old else None}
    record(actor, "quota.set", quota, project_id=queue.project_id, detail=detail)
    queues.send(queues.ADMIT, queue.pool_id)
    return quota
