"""What is held back: out of the line of a pool, with a reason that people can read, until it is let in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.common import clock, queues
from apps.common.events import News, also_of, emit_many, subject_of
from apps.common.states import Move, explain
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something is held back: a reason of `WAITING`, and a sentence that says what would help."""

    reason: str
    detail: str

    @property
    def columns(self) -> dict[str, Any]:
        return {"is_held": True, "state_reason": self.reason, "state_detail": self.detail}

    @property
    def why(self) -> dict[str, str]:
        """For the step of an owner that is led by its workload."""
        return {"reason": self.reason, "detail": self.detail}


def workloads_let_in(held: Sequence[Workload]) -> None:
    """Let into the line what is held back, in the caller's transaction, which has locked the rows. Three statements.

    Their age in the line is that of their submission; a limit on the time of waiting counts from now.
    """
    at = clock.db_now()
    Workload.objects.filter(pk__in=[one.pk for one in held]).update(is_held=False, not_before=at)
    for one in held:
        one.is_held, one.not_before = False, at
    explain([Move(one, one.state) for one in held])
    emit_many(News("workload.released", subject_of(one), one.project_id, {}, also_of(one)) for one in held)
    for pool_id in {one.pool_id for one in held}:
        queues.send(queues.ADMIT, pool_id)
    for one in held:
        queues.send(queues.WORKLOAD_CHANGED, one.pk)


def workloads_held_back(holds: Sequence[tuple[Workload, Hold]]) -> list[Workload]:
    """Take out of the line what waits in it, in the caller's transaction; returns those that still waited.

    Call it with the row of their pool locked, unless they are new: a cycle must not admit meanwhile what it has read.
    """
    ids = [workload.pk for workload, _ in holds]
    waiting = Workload.objects.filter(pk__in=ids, state=WorkloadState.PENDING, is_held=False)
    still = set(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    Workload.objects.filter(pk__in=still).update(is_held=True)
    taken = [(workload, hold) for workload, hold in holds if workload.pk in still]
    for workload, _ in taken:
        workload.is_held = True
    explain([Move(workload, workload.state, hold.reason, hold.detail) for workload, hold in taken])
    for workload, _ in taken:
        queues.send(queues.WORKLOAD_CHANGED, workload.pk)
    return [workload for workload, _ in taken]
