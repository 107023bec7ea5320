"""Reads of the access app that span tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT

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
    since: datetime | None
    """When this role was given; None: before that was written down."""


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
    """Everybody with a role, by name. Two queries."""
    roles: dict[User, str] = {}
    rows = ProjectUserPermission.objects.filter(content_object=project).select_related("user", "permission")
    by_permission = {permission: role for role, permission in NEEDED.items()}
    strength = list(Role.values)
    for row in rows:
        role = by_permission.get(row.permission.codename, "")
        if role and strength.index(role) >= strength.index(roles.get(row.user, Role.VIEWER)):
            roles[row.user] = role
    given = AuditEvent.objects.filter(project_id=project.pk, action="project.member_granted").order_by()
    since = dict(
        given.annotate(who=KT("detail__user_id")).values("who").annotate(last=Max("at")).values_list("who", "last")
    )
    return [
        Member(user, roles[user], since.get(str(user.pk))) for user in sorted(roles, key=lambda user: user.username)
    ]


def users_addable(user: Any) -> QuerySet[User]:
    """People who can be given a role: the active ones of the user's organisation; a superuser sees all."""
    people = User.objects.filter(is_active=True)
    return people if user.is_superuser else people.filter(organisation=user.organisation_id)


def administers_any(user: Any) -> bool:
    """Whether the user may give roles anywhere. One query at most."""
    return bool(user.is_superuser) or granted_ids(user, NEEDED[Role.ADMIN]).exists()


def with_project_name(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """The audit rows with a column `project_name`; null for what belongs to none."""
    named = Project.objects.filter(pk=OuterRef("project_id")).values("name")[:1]
    return events.annotate(project_name=Subquery(named))


def only_admin_of(user: User) -> list[str]:
    """Names of the projects of which this person is the only active admin. One query."""
    admins = ProjectUserPermission.objects.filter(
        permission__codename=NEEDED[Role.ADMIN], user__is_active=True, content_object=OuterRef("pk")
    )
    own = Project.objects.filter(Exists(admins.filter(user=user)), ~Exists(admins.exclude(user=user)))
    return list(own.order_by("name").values_list("name", flat=True))


def audit_visible_to(user: Any) -> QuerySet[AuditEvent]:
    """What was done in the projects that the user administers, and what they did themselves; a superuser sees all."""
    if not user.is_authenticated or not user.is_active:
        return AuditEvent.objects.none()
    if user.is_superuser:
        return AuditEvent.objects.all()
    own = Q(actor_kind="user", actor_id=str(user.pk))
    return AuditEvent.objects.filter(own | Q(project_id__in=granted_ids(user, NEEDED[Role.ADMIN])))
