"""The lock of a pool: admission and every change of what shares it take the pool's row first."""

from __future__ import annotations

from uuid import UUID

from apps.common.errors import NotFound
from apps.quotas.models import ResourcePool


def pool_locked(pool_id: UUID) -> ResourcePool:
    """The pool as it is now, locked until the end of the transaction, so that one cycle sees all of a change or none.

    Raises:
        NotFound: there is none.
    """
    pool = ResourcePool.objects.select_for_update(no_key=True).filter(pk=pool_id).first()
    if pool is None:
        raise NotFound(f"There is no pool {pool_id}.")
    return pool
