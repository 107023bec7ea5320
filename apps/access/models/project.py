"""Projects: where roles are granted. Everything below a project inherits its visibility."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from guardian.models import UserObjectPermissionBase

from apps.access.models.user import Organisation, Team
from apps.common.models import BaseModel


def granted_ids(user: Any, permission: str) -> models.QuerySet[Any, Any]:
    """Ids of the projects on which the user holds a permission: a subquery over guardian's table.

    The same as guardian's `get_objects_for_user`, which reads the project's table twice more and looks up its
    content type.
    """
    held = ProjectUserPermission.objects.filter(user_id=user.pk, permission__codename=permission)
    return held.values("content_object_id")


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> ProjectQuerySet:
        """The projects in which the user has any role; a superuser sees all, the anonymous and the inactive none."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(pk__in=granted_ids(user, "view_project"))


class Project(BaseModel):
    """The unit of sharing: datasets, runs, models and endpoints belong to one project."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="projects")
    team = models.ForeignKey(Team, models.PROTECT, related_name="projects")
    name = models.SlugField(max_length=60)
    """Unique in the installation: it begins the address of every endpoint."""
    title = models.CharField(max_length=120, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name"], name="project_name_once")]
        permissions: ClassVar = [
            ("edit_project", "May create and change what is in the project"),
            ("administer_project", "May grant roles, replace secrets and ask for quota"),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectUserPermission(UserObjectPermissionBase):
    """guardian's row of one permission of one user on one project, by direct foreign key."""

    content_object = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="user_permissions")

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
