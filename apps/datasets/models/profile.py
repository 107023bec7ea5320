"""Statistics of a version."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.common.states import StateMachine
from apps.datasets.models.job import DataJob
from apps.datasets.models.version import DatasetVersion
from apps.datasets.states import PROFILE, JobState


class Profile(DataJob):
    """Per column its type, missing and distinct values, spread and shape, and how columns hang together.

    One per version and target, failed ones aside: the target is what the rest is held against.
    """

    machine: ClassVar[StateMachine] = PROFILE
    state = PROFILE.field()
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="profiles")
    target = models.CharField(max_length=200, blank=True, db_default="", default="", editable=False)
    """The column that is to be predicted; empty where nobody said, and the job guesses."""
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder, editable=False)
    """`{"format", "row_count", "columns": [{"name", "type", "null_count", "quantiles", "histogram", …}], "table"}`;
    numbers have 12 significant digits. Those of earlier times have neither `format` nor `table`."""

    class Meta:
        constraints: ClassVar = [
            PROFILE.constraint("profile_state"),
            models.UniqueConstraint(
                fields=["version", "target"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]),
                name="profile_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="profile_project"),
            models.Index(fields=["id"], condition=models.Q(state__in=sorted(PROFILE.active)), name="profile_active"),
        ]

    def __str__(self) -> str:
        return f"profile of {self.version_id}"
