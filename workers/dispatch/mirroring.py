"""How a pool is shared, told to whoever else admits work on its machines."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from uuid import UUID

from apps.quotas.models import Cohort, Node, Queue, Quota, ResourceFlavor, ResourcePool
from apps.quotas.states import Resource
from workers.backends.base import Backend, BackendUnavailable
from workers.backends.shares import COHORT, CPU, MEMORY, POOL, QUEUE, Amount, MirrorsQuotas, Share

log = logging.getLogger(__name__)

COMPUTE = {Resource.CPU_MILLIS: CPU, Resource.MEMORY_BYTES: MEMORY}


def quotas_mirror(pool: ResourcePool, backend: Backend) -> None:
    """Tell a backend how its pool is shared, if it has anybody to tell. What it cannot now is told the next time."""
    if not isinstance(backend, MirrorsQuotas):
        return
    try:
        backend.mirror(shares_of(pool), flavors_of(pool))
    except BackendUnavailable as error:
        log.warning("the quotas of %s are not mirrored yet: %s", pool.name, error)


def flavors_of(pool: ResourcePool) -> list[str]:
    """Its kinds of devices, whole ones only: parts of one are counted by nobody else."""
    rows = ResourceFlavor.objects.filter(pool=pool, share_of=None).order_by("name")
    return list(rows.values_list("name", flat=True))


def shares_of(pool: ResourcePool) -> list[Share]:
    """The tree by which it is shared: itself, its cohorts from above, its queues."""
    root = (POOL, pool.name)
    cohorts = list(Cohort.objects.filter(pool=pool).prefetch_related("quotas").order_by("name"))
    joined = ("cohort", "project", "project__organisation", "project__team")
    queues = Queue.objects.filter(pool=pool).select_related(*joined).prefetch_related("quotas")
    shares = [_pool(pool)]
    known: dict[UUID | None, tuple[str, str]] = {None: root}
    while waiting := [each for each in cohorts if each.pk not in known and each.parent_id in known]:
        for cohort in waiting:
            known[cohort.pk] = (COHORT, cohort.name)
            shares.append(_share(COHORT, cohort.name, known[cohort.parent_id], cohort.quotas.all(), cohort.weight))
    for queue in queues.order_by("project__name"):
        project, parent = queue.project, known[queue.cohort_id]
        labels = {"organisation": project.organisation.name, "team": project.team.name, "project": project.name}
        shares.append(_share(QUEUE, project.name, parent, queue.quotas.all(), queue.weight, labels))
    return shares


def _pool(pool: ResourcePool) -> Share:
    """What its machines have."""
    cpu = memory = 0
    devices: dict[str, int] = {}
    for node in Node.objects.filter(pool=pool, is_up=True):
        cpu, memory = cpu + node.cpu_millis, memory + node.memory_bytes
        for device in node.gpus:
            devices[device["flavor"]] = devices.get(device["flavor"], 0) + 1
    return Share(
        POOL,
        pool.name,
        compute={CPU: Amount(cpu), MEMORY: Amount(memory)},
        devices={flavor: Amount(count) for flavor, count in devices.items()},
    )


def _share(
    kind: str,
    name: str,
    parent: tuple[str, str],
    quotas: Iterable[Quota],
    weight: float,
    labels: Mapping[str, str] | None = None,
) -> Share:
    compute: dict[str, Amount] = {}
    devices: dict[str, Amount] = {}
    for quota in quotas:
        amount = Amount(quota.nominal, quota.borrowing_limit, quota.lending_limit)
        if quota.resource == Resource.GPUS:
            devices[quota.flavor] = amount
        else:
            compute[COMPUTE[Resource(quota.resource)]] = amount
    return Share(kind, name, parent, compute, devices, weight, labels or {})
