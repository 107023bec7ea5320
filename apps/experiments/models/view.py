"""Ways to look at the table of runs that people keep."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ProjectScoped, User


class SavedView(ProjectScoped):
    """Columns, filters and order of the table of runs, under a name."""

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False)
    """Everybody in the project sees it; only its owner changes it."""
    is_default = models.BooleanField(default=False)
    """What its owner sees where the table of the project is opened plainly."""
    document = models.JSONField(default=dict)
    """What the dashboard needs to show it again."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "owner", "name"], name="saved_view_name_once"),
            models.UniqueConstraint(
                fields=["project", "owner"], condition=models.Q(is_default=True), name="saved_view_default_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="saved_view_project")]

    def __str__(self) -> str:
        return self.name
