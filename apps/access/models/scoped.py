"""Bases of everything that belongs to a project."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models

from apps.access.models.project import Project, granted_ids
from apps.access.models.user import Organisation, Team
from apps.common.models import BaseModel
from apps.common.states import Stateful


class VisibleQuerySet(models.QuerySet[Any]):
    """Rows of a table with a `project` column."""

    def visible_to(self, user: Any) -> Self:
        """The rows of the projects in which the user has a role: the start of every read."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(project_id__in=granted_ids(user, "view_project"))


VisibleManager = models.Manager.from_queryset(VisibleQuerySet)


class ProjectScoped(BaseModel):
    """A row of a project, with its organisation and team beside it, so that reports need no join."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", editable=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="+")

    objects: ClassVar[Any] = VisibleManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new row takes organisation and team from its project."""
        if self._state.adding and self.project_id is not None:
            self.organisation_id, self.team_id = self.project.organisation_id, self.project.team_id
        super().save(*args, **kwargs)


class ScopedStateful(ProjectScoped, Stateful):
    """A row of a project that has a state table."""

    class Meta:
        abstract = True
