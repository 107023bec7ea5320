"""Files that runs leave in the object store."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from apps.access.models import ProjectScoped
from apps.experiments.models.run import Run
from apps.experiments.states import ArtifactKind
from apps.quotas.models import Attempt

SHA256 = RegexValidator(r"^[0-9a-f]{64}$", "64 hexadecimal digits in lower case")
NAME = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$", "letters, digits, '.', '_' and '-'")


class StoredFile(ProjectScoped):
    """A file below `attempts/<attempt id>/` whose size and digest were verified when it was announced."""

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="+", db_index=False)
    path = models.CharField(max_length=500)
    """In the object store."""
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    size_bytes = models.BigIntegerField()
    metadata = models.JSONField(default=dict)

    class Meta:
        abstract = True


class Artifact(StoredFile):
    """A named file of a run: its model, its preprocessor, a report."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="artifacts", db_index=False)
    name = models.CharField(max_length=200, validators=[NAME])
    kind = models.CharField(max_length=20, choices=ArtifactKind.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "path"], name="artifact_path_once"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="artifact_size"),
            models.CheckConstraint(condition=models.Q(kind__in=ArtifactKind.values), name="artifact_kind"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="artifact_project"),
            models.Index(fields=["run", "-id"], name="artifact_run"),
        ]

    def __str__(self) -> str:
        return self.name


class Checkpoint(StoredFile):
    """The state of a training loop after a step; a later attempt continues from it."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="checkpoints", db_index=False)
    step = models.BigIntegerField()
    acknowledged_at = models.DateTimeField()
    """When its file was verified: from then on it counts."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "path"], name="checkpoint_path_once"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="checkpoint_size"),
            models.CheckConstraint(condition=models.Q(step__gte=0), name="checkpoint_step"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="checkpoint_project"),
            models.Index(fields=["run", "-id"], name="checkpoint_run"),
        ]

    def __str__(self) -> str:
        return f"step {self.step} of {self.run_id}"
