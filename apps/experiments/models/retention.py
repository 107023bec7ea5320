"""Which files of runs are kept, and holds that keep them whatever a rule says."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User
from apps.experiments.models.registry import ModelVersion
from apps.experiments.models.run import Run

GRACE_DAYS = 7


class FileRule(ProjectScoped):
    """What of the artifacts and checkpoints of a project is kept. Without one, whatever nobody deleted is.

    A file is kept while any reason for it holds: see `keeping/`. What none keeps is deleted after a grace.
    """

    keep_checkpoints = models.PositiveIntegerField(default=3)
    """The newest so many of each run."""
    keep_best = models.BooleanField(default=True)
    """The checkpoint of each run at which the metric of its experiment was best."""
    keep_days = models.PositiveIntegerField(null=True)
    """Artifacts and checkpoints that are younger. Null: artifacts are kept without end."""
    grace_days = models.PositiveIntegerField(default=GRACE_DAYS)
    """Between the decision and the deletion."""
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project"], name="file_rule_of_project"),
            models.CheckConstraint(condition=models.Q(grace_days__gte=1), name="file_rule_grace"),
            models.CheckConstraint(
                condition=models.Q(keep_days__isnull=True) | models.Q(keep_days__gte=1), name="file_rule_days"
            ),
        ]

    def __str__(self) -> str:
        return f"file rule of {self.project_id}"


class FileHold(ProjectScoped):
    """Somebody's word that the files of a run or of a model version are not deleted, whatever happens, until it is
    lifted: a legal matter, an audit."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="holds", null=True)
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="holds", null=True)
    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    lifted_at = models.DateTimeField(null=True, editable=False)
    lifted_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(run__isnull=False, model_version__isnull=True)
                | models.Q(run__isnull=True, model_version__isnull=False),
                name="file_hold_of_one",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="file_hold_project")]

    def __str__(self) -> str:
        return self.reason
