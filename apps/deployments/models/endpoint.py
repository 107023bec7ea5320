"""A stable address behind which a model is served."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped


class Endpoint(ProjectScoped):
    """A name at the gateway; its revisions come and go."""

    name = models.SlugField(max_length=60)
    path = models.CharField(max_length=121, unique=True, editable=False)
    """`<project>/<endpoint>` at the gateway, fixed at creation: renaming the project moves no address."""
    revisions_made = models.PositiveIntegerField(default=0, editable=False)
    """Number of the newest revision."""

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="endpoint_name_once")]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="endpoint_project")]

    def __str__(self) -> str:
        return self.name
