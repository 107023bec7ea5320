"""Approval requests: somebody asks that a command be run, another decides, the owning app runs it once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import ApprovalRequest, Project, User
from apps.access.services.commands import command as command_of
from apps.access.states import ApprovalState
from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.errors import BedplateError, Conflict, Forbidden
from apps.common.events import emit
from apps.common.states import Move, transition, transition_many

OPEN_FOR = timedelta(days=7)
BATCH = 500


@transaction.atomic
def approval_request(
    *,
    project: Project | None,
    command: str,
    arguments: dict[str, Any],
    requested_by: User,
    comment: str = "",
    open_for: timedelta = OPEN_FOR,
    actor: Actor,
) -> ApprovalRequest:
    """Ask that a command be run; it is open for a week.

    Args:
        project: whose matter it is; None: the whole installation's.

    Raises:
        Invalid: no such command, or not with these arguments.
    """
    checked = command_of(command).checked(arguments)
    approval = ApprovalRequest(project=project, command=command, arguments=checked, comment=comment)
    approval.requested_by, approval.expires_at = requested_by, clock.db_now() + open_for
    approval.save()
    record(actor, "approval_request.requested", approval, detail={"command": command, "arguments": checked})
    emit("approval_request.requested", approval, payload={"command": command})
    return approval


def approval_approve(*, approval: ApprovalRequest, decided_by: User, comment: str = "", actor: Actor) -> None:
    """Let the command run.

    Raises:
        Forbidden: the requester decides, or a command that only an administrator of the installation decides.
        Conflict: its time is over.
        IllegalTransition, StaleState: it was decided before, or meanwhile.
    """
    _decide(approval, ApprovalState.APPROVED, decided_by, comment, actor)


def approval_deny(*, approval: ApprovalRequest, decided_by: User, comment: str = "", actor: Actor) -> None:
    """Refuse the command; raises as `approval_approve`."""
    _decide(approval, ApprovalState.DENIED, decided_by, comment, actor)


@transaction.atomic
def approval_withdraw(*, approval: ApprovalRequest, user: User, actor: Actor) -> None:
    """Take one's own request back.

    Raises:
        Forbidden: somebody else asked.
        IllegalTransition, StaleState: it was decided before, or meanwhile.
    """
    if approval.requested_by_id != user.pk:
        raise Forbidden("Only who asked may withdraw.")
    transition(approval, ApprovalState.WITHDRAWN, actor=actor)
    record(actor, "approval_request.withdrawn", approval)
    queues.send(queues.APPROVAL_DECIDED, approval.pk)


@transaction.atomic
def approval_lapse(*, approval: ApprovalRequest, detail: str, actor: Actor) -> None:
    """Withdraw a request for which nobody waits any more; nothing happens where it was decided meanwhile."""
    moved = transition_many([Move(approval, ApprovalState.WITHDRAWN, detail=detail)], actor=actor)
    for approval_id in moved:
        queues.send(queues.APPROVAL_DECIDED, approval_id)


def approvals_expire() -> int:
    """Move requests past their time to *expired*, some hundreds at a time; returns how many moved."""
    due = ApprovalRequest.objects.filter(state=ApprovalState.PENDING, expires_at__lte=clock.db_now())
    moves = [Move(approval, ApprovalState.EXPIRED) for approval in due.order_by("id")[:BATCH]]
    with transaction.atomic():
        moved = transition_many(moves, actor=Actor.system("expire"))
        for approval_id in moved:
            queues.send(queues.APPROVAL_DECIDED, approval_id)
    return len(moved)


def approval_take(approval_id: UUID) -> ApprovalRequest | None:
    """Take an approved request to run its command, in the caller's transaction; None unless it is there to be run.

    The row stays locked and counts as applied once the transaction commits, so that of two who come with the same
    id one runs the command, once. The caller calls `approval_applied` in the same transaction.
    """
    open_ones = ApprovalRequest.objects.select_for_update(of=("self",)).select_related("project", "requested_by")
    return open_ones.filter(pk=approval_id, state=ApprovalState.APPROVED, applied_at__isnull=True).first()


def approval_applied(*, approval: ApprovalRequest, outcome: str) -> None:
    """Note what came of the command: done, or refused by the rules at that time."""
    approval.applied_at, approval.outcome = clock.db_now(), outcome
    approval.save(update_fields=["applied_at", "outcome"])
    emit("approval_request.applied", approval, payload={"outcome": outcome})


@transaction.atomic
def approval_run(approval_id: UUID, command: Callable[[ApprovalRequest], str]) -> None:
    """Run the command of an approved request, once; denied, expired and applied ones are left alone.

    Args:
        command: does it by the rules as they are now and returns what came of it, for people; what it raises of
            BedplateError is noted as a refusal, and undone.
    """
    approval = approval_take(approval_id)
    if approval is None:
        return
    try:
        with transaction.atomic():
            outcome = command(approval)
    except BedplateError as error:
        outcome = f"Refused: {error.detail}"
    approval_applied(approval=approval, outcome=outcome)


@transaction.atomic
def _decide(approval: ApprovalRequest, state: ApprovalState, decided_by: User, comment: str, actor: Actor) -> None:
    if approval.requested_by_id == decided_by.pk:
        raise Forbidden("Who asked may not decide.")
    if command_of(approval.command).superuser_only and not decided_by.is_superuser:
        raise Forbidden(f"Only an administrator of the installation decides about {approval.command}.")
    if approval.state == ApprovalState.PENDING and approval.expires_at <= clock.db_now():
        raise Conflict("The time to decide is over; it must be asked again.")
    transition(approval, state, actor=actor, detail=comment, decided_by_id=decided_by.pk)
    record(actor, f"approval_request.{state}", approval, detail={"command": approval.command, "comment": comment})
    queues.send(queues.APPROVAL_DECIDED, approval.pk)
