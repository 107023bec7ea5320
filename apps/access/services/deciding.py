"""Whether somebody may decide an approval request, and why not. Reads only; what decides is `approvals`."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Q, QuerySet, Value

from apps.access.models import ApprovalRequest
from apps.access.models.project import granted_ids
from apps.access.permissions import NEEDED
from apps.access.services.commands import command_known, command_names
from apps.access.states import ApprovalState, Barred, Role
from apps.common import clock


def with_bars(approvals: QuerySet[ApprovalRequest], user: Any) -> Any:
    """The requests with what `bar_of` reads. No further query."""
    return approvals.annotate(is_late=Q(expires_at__lte=clock.db_time()), administers=_administers(user))


def closed(approval: Any) -> str:
    """Why nobody may decide this request any more, of `with_bars`; empty while it is open."""
    if approval.state != ApprovalState.PENDING:
        return str(Barred.DECIDED)
    return str(Barred.EXPIRED) if approval.is_late else ""


def bar_of(approval: Any, user: Any) -> str:
    """Why the user may not decide this request, of `with_bars`; empty when they may."""
    return closed(approval) or own_bar_of(approval, user)


def own_bar_of(approval: Any, user: Any) -> str:
    """Why this user may not decide a request, of `with_bars`, that others may; empty when they may."""
    command = command_known(approval.command)
    reasons = (
        (Barred.OWN_REQUEST, approval.requested_by_id == user.pk),
        (Barred.NEEDS_ADMIN, not approval.administers),
        (Barred.UNKNOWN_COMMAND, command is None),
        (Barred.NEEDS_SUPERUSER, command is not None and command.superuser_only and not user.is_superuser),
    )
    return next((str(reason) for reason, holds in reasons if holds), "")


def approvals_to_decide(approvals: Any, user: Any) -> Any:
    """The requests for whose decision nothing bars the user: of `with_bars`."""
    commands = [command_known(name) for name in command_names()]
    open_to = [one.name for one in commands if one is not None and (user.is_superuser or not one.superuser_only)]
    mine = approvals.filter(state=ApprovalState.PENDING, is_late=False, administers=True, command__in=open_to)
    return mine.exclude(requested_by=user.pk)


def _administers(user: Any) -> Any:
    if user.is_superuser:
        return Value(True, output_field=BooleanField())
    return Q(project_id__in=granted_ids(user, NEEDED[Role.ADMIN]))
