"""Names that point at versions."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from apps.access.models import ProjectScoped, User
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.version import DatasetVersion

LATEST = "latest"
"""What a reference calls the newest published version; no alias can have it."""
ALIAS = RegexValidator(
    rf"^(?!{LATEST}$)[a-z][a-z0-9_-]{{0,59}}$",
    f"a letter, then letters, digits, '_' and '-', in lower case; not {LATEST!r}",
)


class VersionAlias(ProjectScoped):
    """A name that points at one version of a dataset, and can be moved: `gold`. Its moves are in the audit trail."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="aliases", db_index=False)
    name = models.CharField(max_length=60, validators=[ALIAS])
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="aliases")
    moved_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    moved_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name_plural = "version aliases"
        constraints: ClassVar = [models.UniqueConstraint(fields=["dataset", "name"], name="version_alias_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="version_alias_project")]

    def __str__(self) -> str:
        return self.name
