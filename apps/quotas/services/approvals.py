"""Changes of what shares a pool: done at once, or asked for where the pool says that a second person decides them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models, transaction

from apps.access.models import ApprovalRequest, User
from apps.access.services.approvals import approval_request, approval_run
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.quotas.models import Quota, ResourcePool
from apps.quotas.services.arguments import LABEL
from apps.quotas.services.commands import CHANGES, Change, pool_of, project_of


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change."""

    row: models.Model | None = None
    """What was changed or made; None: it is gone, or nothing was done yet."""
    asked: ApprovalRequest | None = None
    """Where somebody else has to decide first."""


@transaction.atomic
def change(command: str, arguments: dict[str, Any], *, user: User, comment: str = "") -> Changed:
    """Do a change, or ask for it where its pool wants a second person to decide. The caller has authorised the user.

    Args:
        command: a name of `commands.CHANGES`; the arguments are its own, as plain JSON.

    Raises:
        Invalid, NotFound, Conflict: as the service of the command; what is asked for is tried first, and undone.
    """
    wanted, actor = CHANGES[command].checked(arguments), Actor.user(user)
    target = CHANGES[command].target(wanted)
    if not _needs_approval(pool_of(target, wanted)):
        return Changed(CHANGES[command].run(wanted, actor))
    _try(CHANGES[command], wanted, actor)
    if target is not None:
        wanted[LABEL] = str(target)[:200]
    asked = approval_request(
        project=project_of(target),
        command=command,
        arguments=wanted,
        requested_by=user,
        comment=comment,
        actor=actor,
    )
    return Changed(asked=asked)


def approval_apply(approval_id: UUID) -> None:
    """Run the command of an approved request, once; denied, expired and applied ones are left alone."""
    approval_run(approval_id, _run)


def arguments_check(command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a command as an approval request stores them, with what it is about in words.

    Raises:
        Invalid: they are not its own.
    """
    label = arguments.get(LABEL)
    found = CHANGES[command].checked(arguments)
    return {**found, LABEL: label[:200]} if isinstance(label, str) and label else found


def _run(approval: ApprovalRequest) -> str:
    done = CHANGES[approval.command]
    wanted = done.checked(approval.arguments)
    target = done.target(wanted)
    project = project_of(target)
    if (project.pk if project else None) != approval.project_id:
        raise NotFound("The project has no such queue." if approval.project_id else "This is the matter of a project.")
    row = done.run(wanted, Actor.user(approval.decided_by))
    if isinstance(row, Quota):
        return f"{row.resource} {row.flavor}".strip() + f" is {row.nominal} now."
    return f"{row} is changed." if row is not None else "Done."


class _Tried(Exception):
    """Undoes what was only tried."""


def _try(done: Change, wanted: dict[str, Any], actor: Actor) -> None:
    """Refuse now what would be refused once it is approved."""
    try:
        with transaction.atomic():
            done.run(wanted, actor)
            raise _Tried
    except _Tried:
        return


def _needs_approval(pool: ResourcePool | None) -> bool:
    """Whether a second person decides changes of this pool; of what is of no pool: whether any pool wants that."""
    if pool is not None:
        return pool.changes_need_approval
    return ResourcePool.objects.filter(changes_need_approval=True).exists()
