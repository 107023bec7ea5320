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
    """Per column its type, missing and distinct values, spread and shape. One per version, failed ones aside."""

    machine: ClassVar[StateMachine] = PROFILE
    state = PROFILE.field()
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="profiles")
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder, editable=False)
    """`{"row_count", "columns": [{"name", "type", "null_count", "distinct_count", "quantiles", "histogram", …}]}`;
    numbers have 12 significant digits."""

    class Meta:
        constraints: ClassVar = [
            PROFILE.constraint("profile_state"),
            models.UniqueConstraint(
                fields=["version"],
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
