"""Files of runs and models that are still on their way."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.experiments.models.artifact import NAME, Artifact
from apps.experiments.models.logged_model import LoggedModel
from apps.experiments.models.run import Run
from apps.experiments.states import ARTIFACT_UPLOAD, ArtifactKind
from apps.quotas.models import Attempt


class ArtifactUpload(ScopedStateful):
    """A file that arrives in numbered parts, in any order and several at a time. The store has the parts; once they are
    put together there is an artifact."""

    machine: ClassVar[StateMachine] = ARTIFACT_UPLOAD
    state = ARTIFACT_UPLOAD.field()
    run = models.ForeignKey(Run, models.PROTECT, related_name="+", null=True, editable=False, db_index=False)
    logged_model = models.ForeignKey(
        LoggedModel, models.PROTECT, related_name="+", null=True, editable=False, db_index=False
    )
    name = models.CharField(max_length=500, validators=[NAME], editable=False)
    kind = models.CharField(max_length=20, choices=ArtifactKind.choices, editable=False)
    parts = models.PositiveIntegerField(editable=False)
    """How many, numbered from 1."""
    size_bytes = models.BigIntegerField(null=True, editable=False)
    """Of the whole file, where the sender said so."""
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    """What the whole must be, where the sender said so."""
    expires_at = models.DateTimeField(editable=False)
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="+", null=True, editable=False, db_index=False)
    started_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="+", null=True, editable=False, db_index=False)
    """The job that sends it."""

    class Meta:
        constraints: ClassVar = [
            ARTIFACT_UPLOAD.constraint("artifact_upload_state"),
            models.CheckConstraint(
                condition=models.Q(run__isnull=False) | models.Q(logged_model__isnull=False),
                name="artifact_upload_owner",
            ),
            models.CheckConstraint(condition=models.Q(parts__gte=1), name="artifact_upload_parts"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="artifact_upload_project"),
            models.Index(
                fields=["expires_at"], condition=models.Q(state="receiving"), name="artifact_upload_receiving"
            ),
        ]

    def __str__(self) -> str:
        return self.name
