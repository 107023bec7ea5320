"""Files that runs leave in the object store."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from apps.access.models import ProjectScoped
from apps.experiments.models.logged_model import LoggedModel
from apps.experiments.models.run import Run
from apps.experiments.states import ArtifactKind
from apps.quotas.models import Attempt

SHA256 = RegexValidator(r"^[0-9a-f]{64}$", "64 hexadecimal digits in lower case")
NAME = RegexValidator(
    r"^(?!.*(?:^|/)\.{0,2}(?:/|$))[^\\\x00-\x1f\x7f]{1,500}$",
    "a name, below folders where wanted: no '..', no empty name, no backslash and no control character",
)


class StoredFile(ProjectScoped):
    """A file whose size and digest were verified before it counted.

    A job leaves it below `attempts/<attempt id>/`. What came through the server has no attempt, unless the sender was
    a job, and lies by its content: `artifacts/<project id>/sha256/…`.
    """

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="+", db_index=False, null=True)
    path = models.CharField(max_length=500)
    """In the object store."""
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    size_bytes = models.BigIntegerField()
    metadata = models.JSONField(default=dict)
    looked_at = models.DateTimeField(null=True, editable=False)
    """When it was last decided whether it is kept."""
    tombstoned_at = models.DateTimeField(null=True, editable=False)
    """Since when nothing keeps it; its file goes when the grace is over."""
    gone_at = models.DateTimeField(null=True, editable=False)
    """From when on its file counts as deleted: noted before the file goes."""

    class Meta:
        abstract = True


def _due(noun: str) -> list[models.Index]:
    """Which to look at next, and which to delete."""
    there = models.Q(gone_at__isnull=True)
    return [
        models.Index(fields=["looked_at"], condition=there, name=f"{noun}_looked_at"),
        models.Index(
            fields=["tombstoned_at"], condition=there & models.Q(tombstoned_at__isnull=False), name=f"{noun}_tombstones"
        ),
    ]


class Artifact(StoredFile):
    """A named file of a run: its model, its preprocessor, a report."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="artifacts", db_index=False, null=True)
    """Null: of a logged model that no run made."""
    logged_model = models.ForeignKey(
        LoggedModel, models.PROTECT, related_name="artifacts", db_index=False, null=True, editable=False
    )
    name = models.CharField(max_length=500, validators=[NAME])
    kind = models.CharField(max_length=20, choices=ArtifactKind.choices)
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Since when it is no longer listed: somebody deleted it, or another file has its name."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "path"], name="artifact_path_once"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="artifact_size"),
            models.CheckConstraint(condition=models.Q(kind__in=ArtifactKind.values), name="artifact_kind"),
            models.CheckConstraint(
                condition=models.Q(run__isnull=False) | models.Q(logged_model__isnull=False), name="artifact_owner"
            ),
            models.UniqueConstraint(
                fields=["run", "name"],
                condition=models.Q(attempt__isnull=True, logged_model__isnull=True, deleted_at__isnull=True),
                name="artifact_name_once",
            ),
            models.UniqueConstraint(
                fields=["logged_model", "name"],
                condition=models.Q(logged_model__isnull=False, deleted_at__isnull=True),
                name="artifact_of_model_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="artifact_project"),
            models.Index(fields=["run", "-id"], name="artifact_run"),
            models.Index(
                fields=["logged_model", "name"],
                condition=models.Q(logged_model__isnull=False),
                name="artifact_logged_model",
            ),
            models.Index(fields=["path"], name="artifact_path"),
            *_due("artifact"),
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
            *_due("checkpoint"),
        ]

    def __str__(self) -> str:
        return f"step {self.step} of {self.run_id}"
