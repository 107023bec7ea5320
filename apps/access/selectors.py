"""Reads of the access app that span tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When

from apps.access.models import Project, ProjectUserPermission, User
from apps.access.models.project import granted_ids
from apps.access.permissions import NEEDED
from apps.access.states import Role
from apps.common.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Member:
    """One person's role in one project."""

    user: User
    role: str


def with_role(projects: QuerySet[Project], user: Any) -> Any:
    """The projects with a column `role`: the user's own. No further query."""
    if user.is_superuser:
        return projects.annotate(role=Value(Role.ADMIN.value))
    held = ProjectUserPermission.objects.filter(user_id=user.pk, content_object=OuterRef("pk"))
    stronger = [
        When(Exists(held.filter(permission__codename=NEEDED[role])), then=Value(role.value)) for role in reversed(Role)
    ]
    return projects.annotate(role=Case(*stronger, default=Value(""), output_field=CharField()))


def members_of(project: Project) -> list[Member]:
    """Everybody with a role, by name. One query."""
    roles: dict[User, str] = {}
    rows = ProjectUserPermission.objects.filter(content_object=project).select_related("user", "permission")
    by_permission = {permission: role for role, permission in NEEDED.items()}
    strength = list(Role.values)
    for row in rows:
        role = by_permission.get(row.permission.codename, "")
        if role and strength.index(role) >= strength.index(roles.get(row.user, Role.VIEWER)):
            roles[row.user] = role
    return [Member(user, roles[user]) for user in sorted(roles, key=lambda user: user.username)]


def audit_visible_to(user: Any) -> QuerySet[AuditEvent]:
    """What was done in the projects that the user administers, and what they did themselves; a superuser sees all."""
    if not user.is_authenticated or not user.is_active:
        return AuditEvent.objects.none()
    if user.is_superuser:
        return AuditEvent.objects.all()
    own = Q(actor_kind="user", actor_id=str(user.pk))
    return AuditEvent.objects.filter(own | Q(project_id__in=granted_ids(user, NEEDED[Role.ADMIN])))
