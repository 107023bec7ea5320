"""A project's queue and its quotas."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, TypedDict, Unpack
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from apps.access.models import Project
from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import NotFound, Unavailable
from apps.common.events import emit
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.services.changes import between_check, change_save, changed, refuse, weight_check
from apps.quotas.services.locks import pool_locked
from apps.quotas.states import Resource

CAPS: Final = ("running_most", "gpus_per_run_most", "run_seconds_most")
CAP_MOST: Final = (1 << 31) - 1
_PLACE: Final = "SELECT id, pool_id FROM quotas_queue WHERE project_id = %s ORDER BY id LIMIT 1"


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


def queue_ensure(project: Project) -> Queue:
    """The project's queue in its pool; made when it is not there: guaranteed nothing, free to use all that is idle.

    Raises:
        Unavailable: no pool has been discovered yet.
    """
    known: Queue | None = Queue.objects.filter(project=project).order_by("id").first()
    return known if known is not None else _queue_make(project)


def queue_place(project: Project) -> tuple[UUID, UUID]:
    """The ids of the queue that `queue_ensure` finds or makes, and of its pool. One statement where it is there."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [project.pk])
        known: tuple[UUID, UUID] | None = cursor.fetchone()
    if known is not None:
        return known
    queue = queue_ensure(project)
    return queue.pk, queue.pool_id


@transaction.atomic
def _queue_make(project: Project) -> Queue:
    pool = pool_default(project)
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
        emit("pool.changed", locked, noun="pool")
        queues.send(queues.ADMIT, locked.pk)
    return current
