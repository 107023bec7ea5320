"""Many quotas of a pool at once: all of them or none, and only if nobody has changed one of them meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.access.models import ApprovalRequest, User
from apps.common.audit import Actor
from apps.common.errors import NotFound, StaleState
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.services.approvals import change
from apps.quotas.services.locks import pool_locked
from apps.quotas.services.quotas import quota_set


class Limit(NamedTuple):
    """A limit or a weight: what who changes it has seen, and what it is to be; None: no limit, or no own weight."""

    was: float | None
    wanted: float | None


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """One cell of the grid."""

    owner_id: UUID
    """A queue, or a cohort."""
    resource: str
    flavor: str
    was: int | None
    """What who changes it has seen; None: there was no quota."""
    nominal: int
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """By the names of `quotas.QuotaLimits`; where there was no quota, what was does not matter."""

    @property
    def key(self) -> tuple[UUID, str, str]:
        return self.owner_id, self.resource, self.flavor

    @property
    def wanted(self) -> dict[str, Any]:
        """Of the limits what each is to be."""
        return {name: limit.wanted for name, limit in self.limits.items()}


@transaction.atomic
def quotas_save(pool: ResourcePool, changes: Sequence[QuotaChange], *, actor: Actor) -> list[Quota]:
    """Set these quotas, each audited. What is admitted already stays, even above its quota.

    The pool's row is held meanwhile, as admission does, so that one cycle sees all of them or none.

    Raises:
        NotFound: a queue or a cohort is not one of this pool.
        StaleState: somebody changed some of them meanwhile; `fields` names them as `<owner's id> <resource> <flavor>`.
        Invalid: as `quota_set`.
    """
    owners = _fresh(pool, changes)
    return [
        quota_set(owners[one.owner_id], one.resource, one.flavor, one.nominal, actor=actor, **one.wanted)
        for one in changes
    ]


@transaction.atomic
def quotas_ask(pool: ResourcePool, changes: Sequence[QuotaChange], *, user: User) -> list[ApprovalRequest]:
    """Ask for these quotas where a second person decides them: one request each, or none; raises as `quotas_save`."""
    owners = _fresh(pool, changes)
    done = [
        change(
            "quota.set",
            {
                "cohort" if isinstance(owners[one.owner_id], Cohort) else "queue": str(one.owner_id),
                "resource": one.resource,
                "flavor": one.flavor,
                "nominal": one.nominal,
                **one.wanted,
            },
            user=user,
        )
        for one in changes
    ]
    return [one.asked for one in done if one.asked is not None]


def _fresh(pool: ResourcePool, changes: Sequence[QuotaChange]) -> dict[UUID, Queue | Cohort]:
    """Whose quotas these are, with the pool locked; raises when one is not as it was seen."""
    pool_locked(pool.pk)
    named = {one.owner_id for one in changes}
    known: dict[UUID, Queue | Cohort] = {}
    for queue in Queue.objects.select_related("project", "pool").filter(pool=pool, pk__in=named):
        known[queue.pk] = queue
    for cohort in Cohort.objects.select_related("pool").filter(pool=pool, pk__in=named):
        known[cohort.pk] = cohort
    missing = sorted(named - set(known))
    if missing:
        raise NotFound(f"There is no queue or cohort {missing[0]} in {pool.name}.")
    rows = Quota.objects.select_for_update().filter(Q(queue__in=known) | Q(cohort__in=known)).order_by("pk")
    now = {(row.queue_id or row.cohort_id, row.resource, row.flavor): row for row in rows}
    stale = [one for one in changes if _is_stale(one, now.get(one.key))]
    if stale:
        shown = {
            f"{one.owner_id} {one.resource} {one.flavor}".rstrip(): [str(row.nominal) if row else ""]
            for one in stale
            for row in [now.get(one.key)]
        }
        raise StaleState("Somebody else changed some of these quotas meanwhile.", fields=shown)
    return known


def _is_stale(change: QuotaChange, row: Quota | None) -> bool:
    if row is None or change.was is None:
        return (row.nominal if row else None) != change.was
    return row.nominal != change.was or any(getattr(row, name) != limit.was for name, limit in change.limits.items())
