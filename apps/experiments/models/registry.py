"""The registry: models, their versions, and names that point at a version."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from apps.access.models import ApprovalRequest, ProjectScoped, ScopedStateful, User
from apps.common.states import StateMachine
from apps.experiments.models.artifact import Artifact
from apps.experiments.models.logged_model import LoggedModel
from apps.experiments.models.run import Run
from apps.experiments.states import MODEL_VERSION

ALIAS = RegexValidator(
    r"^(?!(?:[Ll][Aa][Tt][Ee][Ss][Tt]|[vV]?[0-9]+)$)[\w-]{1,255}\Z",
    "letters, digits, '_' and '-'; not 'latest', and not the number of a version",
)
MODEL_NAME = RegexValidator(
    r"^(?!\s)(?!\.{1,2}\Z)[^/:\\\x00-\x1f\x7f]{1,256}(?<!\s)\Z",
    "any letters, digits, blanks and signs but '/', ':' and '\\', and none at its ends that cannot be seen",
)


class RegisteredModel(ProjectScoped):
    """A name under which versions of a model are kept."""

    name = models.CharField(max_length=256, validators=[MODEL_NAME])
    description = models.TextField(blank=True)
    labels = models.JSONField(default=dict, blank=True)
    """Keys and texts that a client put on it."""
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Since when it is out of sight, and its name free."""
    versions_made = models.PositiveIntegerField(default=0, editable=False)
    """Number of the newest version."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(deleted_at__isnull=True), name="model_name_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="model_project")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(ScopedStateful):
    """What one run made, fixed: the model's file, the preprocessor that belongs to it, how good it is."""

    machine: ClassVar[StateMachine] = MODEL_VERSION
    state = MODEL_VERSION.field()
    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    """From 1, by model."""
    run = models.ForeignKey(Run, models.PROTECT, related_name="model_versions", null=True)
    """Null: no run made it."""
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="+")
    preprocessor = models.ForeignKey(Artifact, models.PROTECT, related_name="+", null=True)
    metrics = models.JSONField(default=dict)
    """As the run reported them at its end."""
    evaluation = models.JSONField(default=dict)
    """On held-out rows, as the run reported it."""
    digest = models.CharField(max_length=71)
    """`sha256:…` of the model's file."""
    manifest = models.CharField(max_length=71, blank=True, editable=False)
    """`sha256:…` over names, sizes and digests of all its files; empty: of a version from before there were any."""
    files = models.JSONField(default=list, editable=False)
    """`[{"name", "path", "sha256", "size_bytes"}]` by name: all that belongs to it, fixed when it was registered.
    Empty: `artifact` and `preprocessor` are all."""
    signature = models.JSONField(default=dict, editable=False)
    """What it takes and gives; empty: nobody said."""
    inspection = models.JSONField(default=dict, editable=False)
    """What was seen in its files: `{"verdict", "files": {name: …}, "inspected_at"}`; empty: nobody looked."""
    approval = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="+", null=True, editable=False, db_index=False
    )
    """By which it may be used although loading it runs code."""
    source = models.CharField(max_length=1000, blank=True, editable=False)
    """As a client named where its files were."""
    description = models.TextField(blank=True)
    labels = models.JSONField(default=dict, blank=True)
    logged_model = models.ForeignKey(
        LoggedModel, models.PROTECT, related_name="+", null=True, editable=False, db_index=False
    )
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Since when it is out of sight; its number is not given again."""

    class Meta:
        constraints: ClassVar = [
            MODEL_VERSION.constraint("model_version_state"),
            models.UniqueConstraint(fields=["model", "number"], name="model_version_number_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="model_version_project")]

    def __str__(self) -> str:
        return f"{self.model.name} {self.number}"


class ModelAlias(ProjectScoped):
    """A name that points at one version of a model: `champion`."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="aliases", db_index=False)
    name = models.CharField(max_length=255, validators=[ALIAS])
    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="aliases")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["model", "name"], name="model_alias_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="model_alias_project")]

    def __str__(self) -> str:
        return self.name
