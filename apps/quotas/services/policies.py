"""How a pool is shared: half-life, ageing, preemption."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from django.db import transaction

from apps.access.models import User
from apps.common import queues
from apps.common.audit import Actor
from apps.common.events import emit
from apps.quotas.models import ResourcePool
from apps.quotas.services.changes import between_check, change_save, changed, refuse
from apps.quotas.services.locks import pool_locked

YEAR_SECONDS: Final = 366 * 86_400
BOUNDS: Final = {
    "half_life_seconds": (60, YEAR_SECONDS),
    "entry_penalty_seconds": (0, 86_400),
    "ageing_seconds": (60, YEAR_SECONDS),
    "ageing_points": (0, 1000),
    "min_run_seconds": (0, 30 * 86_400),
    "reclaim_after_seconds": (0, 86_400),
    "preemption_grace_seconds": (0, 3600),
}
"""Least and most of each number."""


class PolicyChanges(TypedDict, total=False):
    """What of a pool may be changed; the rest is discovered."""

    half_life_seconds: int
    entry_penalty_seconds: int
    ageing_seconds: int
    ageing_points: int
    min_run_seconds: int
    reclaim_after_seconds: int
    preemption: bool
    preemption_grace_seconds: int
    backfill: bool
    changes_need_approval: bool


@transaction.atomic
def pool_policy_change(*, pool: ResourcePool, actor: Actor, **changes: Unpack[PolicyChanges]) -> ResourcePool:
    """Share the pool by other rules from the next cycle on.

    Raises:
        NotFound: it is gone.
        Invalid: a number out of its bounds; approval wanted where nobody could give it.
    """
    current = pool_locked(pool.pk)
    was = changed(current, changes)
    for name, (least, most) in BOUNDS.items():
        between_check(name, getattr(current, name), least, most)
    if was.get("changes_need_approval") is False and _administrators() < 2:
        refuse("changes_need_approval", "there is no second administrator of the installation who could decide")
    if change_save(current, was, action="resource_pool.changed", actor=actor):
        emit("pool.changed", current, noun="pool")
        queues.send(queues.ADMIT, current.pk)
    return current


def _administrators() -> int:
    return User.objects.filter(is_superuser=True, is_active=True).count()
