"""How much may be spent in a time, and what waits because of it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import ApprovalRequest, Organisation, Project, ProjectScoped, Team
from apps.common.models import BaseModel
from apps.quotas.models.workload import Workload
from apps.quotas.states import BudgetPeriod, BudgetUnit

SCOPES = ("project", "team", "organisation")
"""Whose work a budget counts: also the columns of what is counted, the narrowest first."""


class BudgetQuerySet(models.QuerySet["Budget"]):
    def visible_to(self, user: Any) -> BudgetQuerySet:
        """Those that count the work of a project in which the user has a role."""
        if user.is_authenticated and user.is_superuser:
            return self
        seen = Project.objects.visible_to(user)
        return self.filter(
            models.Q(project__in=seen.values("pk"))
            | models.Q(project=None, team__in=seen.values("team"))
            | models.Q(project=None, team=None, organisation__in=seen.values("organisation"))
        )


class Budget(BaseModel):
    """How much GPU time or money the work of a project, of a team or of an organisation may take per period.

    What runs is never ended for it: thresholds tell, and hold back what has not begun. Work counts in every budget
    whose project, team or organisation is its own.
    """

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", null=True, blank=True)
    """Empty: of all teams."""
    project = models.ForeignKey(Project, models.PROTECT, related_name="budgets", null=True, blank=True)
    """Empty: of all projects."""
    name = models.SlugField(max_length=60)
    unit = models.CharField(max_length=20, choices=BudgetUnit.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    """Per period, in the unit: GPU-hours, or the currency of the installation."""
    period = models.CharField(max_length=20, choices=BudgetPeriod.choices)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    """First and last day, of UTC; of months and quarters they may be empty."""
    thresholds = models.JSONField(default=list)
    """`[{"ratio": "0.8", "action": "warn"}]`, by ratio: the share of the amount, and what is done from there on."""
    reached = models.JSONField(default=list, editable=False, encoder=DjangoJSONEncoder)
    """Thresholds of which it was told in the running period:
    `[{"period_begins", "amount", "ratio", "action", "at", "spent", "reserved"}]`."""

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "name"], name="budget_name_once"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="budget_amount"),
            models.CheckConstraint(condition=models.Q(unit__in=BudgetUnit.values), name="budget_unit"),
            models.CheckConstraint(
                condition=~models.Q(period=BudgetPeriod.FIXED)
                | models.Q(starts_on__isnull=False, ends_on__isnull=False),
                name="budget_fixed_dates",
            ),
            models.CheckConstraint(
                condition=models.Q(starts_on=None)
                | models.Q(ends_on=None)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="budget_forward",
            ),
            models.CheckConstraint(
                condition=models.Q(project=None) | models.Q(team__isnull=False), name="budget_of_project_names_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        """Which of `SCOPES`."""
        return "project" if self.project_id else "team" if self.team_id else "organisation"

    @property
    def owner_id(self) -> UUID:
        """The id of that project, team or organisation."""
        return self.project_id or self.team_id or self.organisation_id


class BudgetHold(ProjectScoped):
    """That a workload waits, or waited, outside the line because of a budget. At most one of a workload is open."""

    workload = models.ForeignKey(Workload, models.PROTECT, related_name="budget_holds")
    approval = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="+", null=True)
    """Asked for when it was held: denied or expired, it ends the workload."""
    settled_at = models.DateTimeField(null=True, editable=False)
    """When it was let into the line, or ended."""
    is_exempt = models.BooleanField(default=False, editable=False)
    """Somebody approved that it may pass every budget, now and whenever it waits again."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workload"], condition=models.Q(settled_at=None), name="budget_hold_open"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workload"], condition=models.Q(is_exempt=True), name="budget_hold_exempt"),
            models.Index(fields=["organisation"], condition=models.Q(settled_at=None), name="budget_hold_waits"),
        ]

    def __str__(self) -> str:
        return f"{self.workload_id} waits for a budget"
