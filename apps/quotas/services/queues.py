"""A project's queue and its quotas."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, TypedDict, Unpack
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, When

from apps.access.models import Project
from apps.common.audit import Actor, record
from apps.common.errors import NotFound, Unavailable
from apps.common.events import emit
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.models.pool import REMOVED
from apps.quotas.services.changes import (
    between_check,
    change_save,
    changed,
    plain,
    pool_shared_anew,
    refuse,
    weight_check,
)
from apps.quotas.services.locks import pool_locked
from apps.quotas.states import Resource

CAPS: Final = ("running_most", "gpus_per_run_most", "run_seconds_most")
CAP_MOST: Final = (1 << 31) - 1
_PLACE: Final = """
SELECT q.id, q.pool_id FROM quotas_queue q JOIN quotas_resourcepool p ON p.id = q.pool_id
WHERE q.project_id = %(project)s AND p.backend <> 'removed' AND (
    q.is_main OR p.backend = %(backend)s OR NOT EXISTS (
        SELECT FROM quotas_resourcepool d JOIN quotas_node n ON n.pool_id = d.id
        WHERE d.backend = %(backend)s AND (d.organisation_id IS NULL OR d.organisation_id = %(organisation)s)
    )
)
ORDER BY q.is_main DESC, p.backend = %(backend)s DESC, q.id LIMIT 1
"""
_PLACE_IN: Final = """
SELECT q.id, q.pool_id FROM quotas_queue q JOIN quotas_resourcepool p ON p.id = q.pool_id
WHERE q.project_id = %s AND q.pool_id = %s AND p.backend <> 'removed'
"""


class QueueChanges(TypedDict, total=False):
    """What of a queue may be changed; a cap of None caps nothing."""

    cohort: Cohort | None
    weight: float
    running_most: int | None
    gpus_per_run_most: int | None
    run_seconds_most: int | None


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


def queue_ensure(project: Project, pool: ResourcePool | None = None) -> Queue:
    """The project's queue in a pool; made when it is not there: guaranteed nothing, free to use all that is idle.

    Args:
        pool: None: its main queue, else the one in a pool of the installation's backend, else any.

    Raises:
        Unavailable: no pool has been discovered yet.
        Invalid: the pool is not there for the project.
    """
    if pool is not None:
        return _queue_make(project, pool)
    known = _known(project)
    if known is not None and (known.is_main or known.pool.backend == settings.BEDPLATE_BACKEND):
        return known
    try:
        return _queue_make(project, pool_default(project))
    except Unavailable:
        if known is None:
            raise
        return known


def queue_place(project: Project, pool: ResourcePool | None = None) -> tuple[UUID, UUID]:
    """The ids of the queue that `queue_ensure` finds or makes, and of its pool. One statement where it is there."""
    with connection.cursor() as cursor:
        if pool is None:
            own = {"project": project.pk, "organisation": project.organisation_id}
            cursor.execute(_PLACE, {**own, "backend": settings.BEDPLATE_BACKEND})
        else:
            cursor.execute(_PLACE_IN, [project.pk, pool.pk])
        known: tuple[UUID, UUID] | None = cursor.fetchone()
    if known is not None:
        return known
    queue = queue_ensure(project, pool)
    return queue.pk, queue.pool_id


@transaction.atomic
def queue_open(*, project: Project, pool: ResourcePool, is_main: bool = False, actor: Actor) -> Queue:
    """Give a project a place in a pool, and let its work run there from now on if that is wanted. What was submitted
    before stays where it is. Repeating it changes nothing.

    Raises:
        Invalid: the pool is not there for the project.
    """
    queue = Queue.objects.get(pk=queue_ensure(project, pool).pk)
    was = Queue.objects.select_for_update().filter(project=project, is_main=True).first()
    if not is_main or was == queue:
        return queue
    Queue.objects.filter(project=project, is_main=True).update(is_main=False)
    queue.is_main = True
    queue.save(update_fields=["is_main"])
    detail = {"before": plain(was.pool) if was is not None else None, "after": plain(pool)}
    record(actor, "queue.made_main", queue, detail=detail)
    emit("pool.changed", pool, noun="pool")
    return queue


def _known(project: Project) -> Queue | None:
    rows = Queue.objects.select_related("pool").filter(project=project).exclude(pool__backend=REMOVED)
    is_own = Case(When(pool__backend=settings.BEDPLATE_BACKEND, then=0), default=1)
    found: Queue | None = rows.order_by("-is_main", is_own, "id").first()
    return found


@transaction.atomic
def _queue_make(project: Project, pool: ResourcePool) -> Queue:
    if pool.organisation_id not in (None, project.organisation_id):
        refuse("pool", f"{pool.name} is not for projects of {project.organisation.name}")
    if pool.backend == REMOVED:
        refuse("pool", f"{pool.name} has no machines: its cluster was removed")
    queue: Queue
    queue, made = Queue.objects.get_or_create(project=project, pool=pool)
    if made:
        Quota.objects.bulk_create(Quota(queue=queue, resource=resource, nominal=0) for resource in Resource.values)
    return queue


def queues_ensure(projects: Iterable[Project]) -> None:
    """Queues for projects that have none; nothing happens while no pool is known."""
    with suppress(Unavailable):  # a list of queues is empty until there is a machine
        for project in projects:
            queue_ensure(project)


@transaction.atomic
def queue_change(*, queue: Queue, actor: Actor, **changes: Unpack[QueueChanges]) -> Queue:
    """Change these of its columns. What is admitted already stays, also beyond a cap.

    Raises:
        NotFound: it is gone.
        Invalid: a cohort of another pool; no weight, or a cap that no workload keeps.
    """
    locked = pool_locked(queue.pool_id)
    rows = Queue.objects.select_related("project", "pool", "cohort")
    current: Queue | None = rows.filter(pk=queue.pk).first()
    if current is None:
        raise NotFound("This queue is gone.")
    was = changed(current, changes)
    weight_check(current.weight)
    for name in CAPS:
        between_check(name, getattr(current, name), 1, CAP_MOST)
    cohort = current.cohort
    if cohort is not None and not Cohort.objects.filter(pk=cohort.pk, pool=locked).exists():
        refuse("cohort", f"{cohort.name} is no cohort of {locked.name}")
    if change_save(current, was, action="queue.changed", actor=actor):
        pool_shared_anew(locked)
    return current
