"""Making way: what holds something is told to leave it to what waits, whole or in part, and waits again itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce, Greatest

from apps.common import queues
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.events import News, also_of, emit_many, subject_of
from apps.common.states import Move, explain, transition_many
from apps.quotas.models import Workload
from apps.quotas.scheduling.words import counted
from apps.quotas.services.moves import HOLDS_NOTHING
from apps.quotas.services.usage import usage_close_many, usage_regrant_many
from apps.quotas.states import MAKING_WAY, Reason, WorkloadKind, WorkloadState
from workers.contracts.sentences import say

SHRINKING = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)


class Victim(NamedTuple):
    """What makes way, why, in which words for people, and for which workload."""

    workload: Workload
    reason: str
    detail: str
    preemptor_id: UUID | None


class Smaller(NamedTuple):
    """What keeps so many members, its first ones, for which workload it gives the others back, and why."""

    workload: Workload
    keeps: int
    preemptor_id: UUID
    reason: str = Reason.PREEMPTED
    detail: str = ""
    """In words for people."""


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
    _check_reasons(victim.reason for victim in victims)
    launched = [one for one in victims if one.workload.state in (WorkloadState.LAUNCHING, WorkloadState.RUNNING)]
    admitted = [one for one in victims if one.workload.state == WorkloadState.ADMITTED]
    leaving = transition_many([_move(one, WorkloadState.STOPPING) for one in launched], actor=actor)
    waits = [_move(one, WorkloadState.PENDING, making_way=one.detail, **HOLDS_NOTHING) for one in admitted]
    back = transition_many(waits, actor=actor)
    usage_close_many(back, at=at)
    for one in victims:
        if one.workload.pk in leaving:
            queues.send(queues.STOP, one.workload.pk)
        if one.workload.pk in leaving | back:
            queues.send(queues.WORKLOAD_CHANGED, one.workload.pk)
    for pool_id in {one.workload.pool_id for one in admitted if one.workload.pk in back}:
        queues.send(queues.ADMIT, pool_id)
    return leaving | back


def _check_reasons(reasons: Iterable[str]) -> None:
    wrong = set(reasons) - MAKING_WAY
    if wrong:
        raise Invalid(f"{sorted(wrong)} are not reasons to make way")


def _move(victim: Victim, to: str, **changes: Any) -> Move:
    changes |= {"preempted_for": victim.preemptor_id}
    return Move(victim.workload, to, victim.reason, victim.detail, changes)


@transaction.atomic
def workloads_shrink(smaller: Sequence[Smaller], *, actor: Actor, at: datetime) -> set[UUID]:
    """Take members from workloads that can go on with fewer, in the same few statements however many they are.

    What is wanted (`count_max`) stays, so that each may grow again where admission finds room later.

    - What is only admitted starts with fewer.
    - Of replicas, the last leave: their places are given back once they are proven gone.
    - The members of a job start and end together: as a whole it writes its checkpoint and leaves, and goes on with
      fewer on the places that it keeps, which are kept for it meanwhile. It grows at such a new start only.

    Why it shrinks is told of each until it goes on, or until it grows again.

    Returns the ids of those that shrink. One that is missing has moved, cannot do with so few, or has no more.

    Args:
        at: database time.

    Raises:
        Invalid: a reason that is not of `MAKING_WAY`.
    """
    _check_reasons(one.reason for one in smaller)
    wanted = {one.workload.pk: one for one in smaller}
    rows = Workload.objects.select_for_update(no_key=True).filter(pk__in=wanted, state__in=SHRINKING).order_by("pk")
    found = [row for row in rows.defer("spec") if row.count_min <= wanted[row.pk].keeps < row.count_kept]
    for row in found:
        row.preempted_for = wanted[row.pk].preemptor_id
    admitted = [row for row in found if row.state == WorkloadState.ADMITTED]
    launched = [row for row in found if row.state != WorkloadState.ADMITTED]
    jobs = [row for row in launched if row.kind == WorkloadKind.JOB]
    replicas = [row for row in launched if row.kind == WorkloadKind.SERVING]
    _start_with_fewer(admitted, wanted, at)
    _let_the_last_leave(replicas, wanted)
    left = _leave_and_go_on(jobs, wanted, actor, at)
    changed = [*admitted, *replicas]
    explain([Move(row, row.state, wanted[row.pk].reason, wanted[row.pk].detail) for row in changed])
    emit_many(_news(row, wanted[row.pk].keeps, actor) for row in changed)
    for row in changed:
        queues.send(queues.WORKLOAD_CHANGED, row.pk)
    return {row.pk for row in changed} | left


def _start_with_fewer(rows: Sequence[Workload], wanted: dict[UUID, Smaller], at: datetime) -> None:
    for row in rows:
        row.count_granted = wanted[row.pk].keeps
        row.assignments = row.assignments[: row.count_granted]
    if rows:
        Workload.objects.bulk_update(rows, ["assignments", "count_granted", "preempted_for"])
        usage_regrant_many(rows, at=at)


def _let_the_last_leave(rows: Sequence[Workload], wanted: dict[UUID, Smaller]) -> None:
    for row in rows:
        row.count_target = wanted[row.pk].keeps
        queues.send(queues.RESIZE, row.pk)
    if rows:
        Workload.objects.bulk_update(rows, ["count_target", "preempted_for"])


def _leave_and_go_on(rows: Sequence[Workload], wanted: dict[UUID, Smaller], actor: Actor, at: datetime) -> set[UUID]:
    named = Workload.objects.filter(pk__in={wanted[row.pk].preemptor_id for row in rows})
    projects = dict(named.values_list("pk", "project__name")) if rows else {}
    moves = []
    for row in rows:
        count = wanted[row.pk].keeps
        detail = say(
            "gives_back",
            gives=counted(row.count_granted - count, "member"),
            project=projects.get(wanted[row.pk].preemptor_id, ""),
            keeps=counted(count, "member"),
        )
        keeps = {
            "nominated": row.assignments[:count],
            "nominated_flavor": row.flavor_granted,
            "nominated_at": at,
            "preempted_for": wanted[row.pk].preemptor_id,
        }
        told = f"{wanted[row.pk].detail} {detail}".strip()
        moves.append(Move(row, WorkloadState.STOPPING, wanted[row.pk].reason, told, keeps))
    moved = transition_many(moves, actor=actor)
    for workload_id in moved:
        queues.send(queues.STOP, workload_id)
        queues.send(queues.WORKLOAD_CHANGED, workload_id)
    return moved


def _news(workload: Workload, count: int, actor: Actor) -> News:
    payload = {"count": count, "actor": actor.name}
    return News("workload.resized", subject_of(workload), workload.project_id, payload, also_of(workload))


def waits_as(making_way: str, told: str, reason: str, detail: str) -> tuple[str, str]:
    """Reason and words of something that waits: what had to make way says so, and for whom, until it is launched again;
    why it waits now comes after that.

    Args:
        making_way: the column of it.
        told: the reason that it has been told.
    """
    if not making_way:
        return reason, detail
    kept = told if told in MAKING_WAY else str(Reason.PREEMPTED)
    return kept, f"{making_way} {detail}".strip()


def workload_checkpointed(workload_id: UUID, *, at: datetime) -> None:
    """Note that all its work up to `at` is kept: that much less is lost when it makes way. One statement.

    Its owner says so once the checkpoint counts; an earlier one that is told late changes nothing.
    """
    latest = Greatest(Coalesce("checkpoint_at", at), at)
    Workload.objects.filter(pk=workload_id).update(checkpoint_at=latest)
