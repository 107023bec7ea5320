"""Making way: what holds something is told to leave it to what waits, and waits again itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce, Greatest

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.states import Move, transition_many
from apps.quotas.models import Workload
from apps.quotas.services.moves import HOLDS_NOTHING
from apps.quotas.services.usage import usage_close_many
from apps.quotas.states import Reason, WorkloadState

MAKING_WAY = frozenset({Reason.PREEMPTED, Reason.RECLAIMED})
"""Why something makes way for something else: it was less important, or what it had borrowed is wanted back."""


class Victim(NamedTuple):
    """What makes way, why, in which words for people, and for which workload."""

    workload: Workload
    reason: str
    detail: str
    preemptor_id: UUID | None


@transaction.atomic
def workloads_preempt(victims: Sequence[Victim], *, actor: Actor, at: datetime) -> set[UUID]:
    """Let workloads make way, in the same few statements however many they are. Returns the ids of those that do; one
    that is missing has moved since it was loaded.

    What was launched is told to write its checkpoint and leave, and holds what it has until it is proven gone; what was
    only admitted waits again at once. Both keep their age in the line.

    Args:
        at: database time.

    Raises:
        Invalid: a reason that is not of `MAKING_WAY`.
    """
    wrong = {victim.reason for victim in victims} - MAKING_WAY
    if wrong:
        raise Invalid(f"{sorted(wrong)} are not reasons to make way")
    launched = [one for one in victims if one.workload.state in (WorkloadState.LAUNCHING, WorkloadState.RUNNING)]
    admitted = [one for one in victims if one.workload.state == WorkloadState.ADMITTED]
    leaving = transition_many([_move(one, WorkloadState.STOPPING) for one in launched], actor=actor)
    back = transition_many([_move(one, WorkloadState.PENDING, **HOLDS_NOTHING) for one in admitted], actor=actor)
    usage_close_many(back, at=at)
    for one in victims:
        if one.workload.pk in leaving:
            queues.send(queues.STOP, one.workload.pk)
        if one.workload.pk in leaving | back:
            queues.send(queues.WORKLOAD_CHANGED, one.workload.pk)
    for pool_id in {one.workload.pool_id for one in admitted if one.workload.pk in back}:
        queues.send(queues.ADMIT, pool_id)
    return leaving | back


def _move(victim: Victim, to: str, **changes: Any) -> Move:
    changes |= {"preempted_for": victim.preemptor_id}
    return Move(victim.workload, to, victim.reason, victim.detail, changes)


def workload_checkpointed(workload_id: UUID, *, at: datetime) -> None:
    """Note that all its work up to `at` is kept: that much less is lost when it makes way. One statement.

    Its owner says so once the checkpoint counts; an earlier one that is told late changes nothing.
    """
    latest = Greatest(Coalesce("checkpoint_at", at), at)
    Workload.objects.filter(pk=workload_id).update(checkpoint_at=latest)
