"""Looking after work that leaves its GPUs idle."""

from __future__ import annotations

from uuid import UUID

from apps.quotas.services.idle import idle_due, idle_enforce
from workers.dispatch.batch import for_each
from workers.dispatch.observe import observe


def idle_watch() -> int:
    """Warn, stop or leave in peace what is due; returns how many were looked at."""
    return for_each(idle_due(), idle_act)


def idle_act(workload_id: UUID) -> None:
    """Look at its job first: what has ended meanwhile ends as it did."""
    observe(workload_id)
    idle_enforce(workload_id)
