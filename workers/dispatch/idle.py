"""Looking after work that leaves its GPUs idle."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from apps.quotas.services.idle import idle_due, idle_enforce
from workers.dispatch.batch import for_each
from workers.dispatch.observe import observe
from workers.dispatch.use import use_measure

LIMIT_SECONDS: Final = 14.0
"""What is left of the time of a task once backends were asked."""


def idle_watch() -> int:
    """Warn, stop or leave in peace what is due; returns how many were looked at."""
    use_measure()
    return for_each(idle_due(), idle_act, limit_seconds=LIMIT_SECONDS)


def idle_act(workload_id: UUID) -> None:
    """Look at its job first: what has ended meanwhile ends as it did."""
    observe(workload_id)
    idle_enforce(workload_id)
