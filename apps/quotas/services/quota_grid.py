"""Many quotas of a pool at once: all of them or none, and only if nobody has changed one of them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.common.audit import Actor
from apps.common.errors import NotFound, StaleState
from apps.quotas.models import Queue, Quota, ResourcePool
from apps.quotas.services.quotas import quota_set


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """One cell of the grid."""

    queue_id: UUID
    resource: str
    flavor: str
    was: int | None
    """What who changes it has seen; None: there was no quota."""
    nominal: int

    @property
    def key(self) -> tuple[UUID, str, str]:
        return self.queue_id, self.resource, self.flavor


@transaction.atomic
def quotas_save(pool: ResourcePool, changes: Sequence[QuotaChange], *, actor: Actor) -> list[Quota]:
    """Set these quotas, each audited. What is admitted already stays, even above its quota.

    The pool's row is held meanwhile, as admission does, so that one cycle sees all of them or none.

    Raises:
        NotFound: a queue is not one of this pool.
        StaleState: somebody changed some of them meanwhile; `fields` names them as `<queue id> <resource> <flavor>`.
        Invalid: as `quota_set`.
    """
    ResourcePool.objects.select_for_update(no_key=True).get(pk=pool.pk)
    queues = Queue.objects.select_related("project", "pool").filter(pool=pool, pk__in={one.queue_id for one in changes})
    known = {queue.pk: queue for queue in queues}
    missing = [one for one in changes if one.queue_id not in known]
    if missing:
        raise NotFound(f"There is no queue {missing[0].queue_id} in {pool.name}.")
    rows = Quota.objects.select_for_update().filter(queue__in=list(known)).order_by("pk")
    now = {(row.queue_id, row.resource, row.flavor): row.nominal for row in rows}
    stale = [one for one in changes if now.get(one.key) != one.was]
    if stale:
        named = {f"{one.queue_id} {one.resource} {one.flavor}".rstrip(): [str(now.get(one.key, ""))] for one in stale}
        raise StaleState("Somebody else changed some of these quotas meanwhile.", fields=named)
    return [quota_set(known[one.queue_id], one.resource, one.flavor, one.nominal, actor=actor) for one in changes]
