"""Folders of source code that runs execute."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from apps.access.models import ProjectScoped, User


class SourceBundle(ProjectScoped):
    """A folder of files, kept once by its content."""

    sha256 = models.CharField(max_length=64, validators=[RegexValidator(r"^[0-9a-f]{64}$")])
    """Of its files: sorted names, modes and contents. The same folder has the same one, however it was packed."""
    path = models.CharField(max_length=500)
    """Of its archive in the object store."""
    archive_sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    """Of the archive."""
    files = models.JSONField(default=list)
    """`[{"name", "size_bytes", "sha256"}]`, by name."""
    git_commit = models.CharField(max_length=64, blank=True, editable=False)
    """Hash of the commit that was checked out, as the `.git` that came with it first said; empty: none did."""
    sent_at = models.DateTimeField(db_default=Now(), editable=False)
    """When it was sent last."""
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "sha256"], name="source_bundle_once"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="source_bundle_size"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="source_bundle_project"),
            models.Index(fields=["sent_at"], name="source_bundle_sent"),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]
