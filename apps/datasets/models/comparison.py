"""What became of the rows of one version in another."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.common.states import StateMachine
from apps.datasets.models.job import DataJob
from apps.datasets.models.version import DatasetVersion
from apps.datasets.states import VERSION_COMPARISON, JobState


class VersionComparison(DataJob):
    """Rows added, removed and changed between two versions, cells by column, and drift. One per pair and key."""

    machine: ClassVar[StateMachine] = VERSION_COMPARISON
    state = VERSION_COMPARISON.field()
    before = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    after = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="comparisons")
    key = models.JSONField(default=list)
    """Columns that tell rows apart; empty: whole rows are compared."""
    key_digest = models.CharField(max_length=64, editable=False)
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder, editable=False)
    """As `workers.runtime.cleaning.compare` says."""

    class Meta:
        constraints: ClassVar = [
            VERSION_COMPARISON.constraint("version_comparison_state"),
            models.UniqueConstraint(
                fields=["before", "after", "key_digest"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]),
                name="version_comparison_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="version_comparison_project"),
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=sorted(VERSION_COMPARISON.active)),
                name="version_comparison_active",
            ),
        ]

    def __str__(self) -> str:
        return f"comparison of {self.before_id} and {self.after_id}"
