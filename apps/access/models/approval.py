"""Requests for somebody's approval: they store the command that runs once approved."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models.project import Project
from apps.access.models.scoped import ScopedStateful
from apps.access.models.user import Organisation, Team, User
from apps.access.states import APPROVAL
from apps.common.states import StateMachine


class ApprovalRequest(ScopedStateful):
    """Somebody asks that a command be run; another decides.

    The owning app's `approval_apply` checks the rules again and runs the command, once.
    """

    machine: ClassVar[StateMachine] = APPROVAL
    state = APPROVAL.field()
    organisation = models.ForeignKey(  # type: ignore[assignment]
        Organisation, models.PROTECT, related_name="+", editable=False, null=True
    )
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", editable=False, null=True)  # type: ignore[assignment]
    project = models.ForeignKey(Project, models.PROTECT, related_name="+", null=True)  # type: ignore[assignment]
    """Empty, as the two above, for what is no project's own: administrators of the installation see and decide it."""
    command = models.CharField(max_length=60)
    """Name in the table of commands, e.g. `quota.set`."""
    arguments = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    comment = models.TextField(blank=True)
    """Why it is asked for."""
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    expires_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, editable=False)
    """When the command ran, or was refused by the rules at that time."""
    outcome = models.TextField(blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            APPROVAL.constraint("approval_request_state"),
            models.CheckConstraint(
                condition=~models.Q(decided_by=models.F("requested_by")), name="approval_not_by_requester"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command} in {self.project_id}" if self.project_id else self.command
