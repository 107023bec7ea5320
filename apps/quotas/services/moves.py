"""How a workload moves: every step is announced, and what it held is given back when it holds nothing any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.common.states import transition
from apps.quotas.models import Workload
from apps.quotas.services.usage import usage_close
from apps.quotas.states import OCCUPYING, WorkloadState

HOLDS_NOTHING: dict[str, Any] = {"count_granted": 0, "count_target": None, "flavor_granted": "", "assignments": []}
"""Columns of what waits."""


def workload_locked(workload_id: UUID) -> Workload:
    """The workload as it is now, locked until the end of the transaction.

    Raises:
        NotFound: there is none.
    """
    workload: Workload | None = Workload.objects.select_for_update(no_key=True).filter(pk=workload_id).first()
    if workload is None:
        raise NotFound(f"there is no workload {workload_id}")
    return workload


def workload_move(
    workload: Workload,
    to: str,
    *,
    at: datetime,
    actor: Actor,
    reason: str = "",
    detail: str = "",
    gone_at: datetime | None = None,
    **changes: Any,
) -> None:
    """Take one step and announce it.

    Args:
        at: database time.
        gone_at: when what it held was last held, if not `at`: it closes the usage interval.
    """
    held = workload.state in OCCUPYING
    if to == WorkloadState.PENDING:
        changes |= HOLDS_NOTHING
    elif to in Workload.machine.terminal:
        changes |= {"ended_at": at, "not_before": None, "is_held": False, "count_target": None}
    transition(workload, to, actor=actor, reason=reason, detail=detail, **changes)
    if held and to not in OCCUPYING:
        usage_close(workload.pk, at=gone_at or at)
    if to not in OCCUPYING:
        queues.send(queues.ADMIT, workload.pool_id)
    queues.send(queues.WORKLOAD_CHANGED, workload.pk)
