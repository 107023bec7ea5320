"""Which versions keep their data."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User
from apps.datasets.models.dataset import Dataset

GRACE_DAYS = 7


class KeepRule(ProjectScoped):
    """What of a dataset is kept, or, without one, of every dataset of the project that has no rule of its own.

    Data of other versions is deleted, after a grace in which it can be had back. What jobs, runs, models or endpoints
    refer to is always kept; without a rule everything is.
    """

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="keep_rules", null=True)
    keep_last = models.PositiveIntegerField(null=True)
    """The newest so many versions."""
    keep_days = models.PositiveIntegerField(null=True)
    """Versions that are younger."""
    keep_named = models.BooleanField(default=True)
    """Versions that have a tag or an alias."""
    keep_parents = models.BooleanField(default=False)
    """Versions that a kept one was made of."""
    grace_days = models.PositiveIntegerField(default=GRACE_DAYS)
    """Between the decision and the deletion."""
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset"], name="keep_rule_of_dataset"),
            models.UniqueConstraint(fields=["project"], condition=models.Q(dataset=None), name="keep_rule_of_project"),
            models.CheckConstraint(
                condition=models.Q(keep_last__gte=1) | models.Q(keep_days__gte=1), name="keep_rule_keeps"
            ),
            models.CheckConstraint(condition=models.Q(grace_days__gte=1), name="keep_rule_grace"),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="keep_rule_project")]

    def __str__(self) -> str:
        return f"keep rule of {self.dataset_id or self.project_id}"
