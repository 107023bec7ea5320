"""Who has which role in a project: guardian's permissions, granted and taken back."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.db import transaction

from apps.access.models import Project, ProjectUserPermission, User
from apps.access.permissions import PERMISSIONS, role_of
from apps.access.states import Role
from apps.common.alerts import rights_changed
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.events import emit

ADMINISTER = "administer_project"


@transaction.atomic
def role_grant(*, project: Project, user: User, role: str, actor: Actor) -> None:
    """Give a person exactly this role; a second time changes nothing.

    Raises:
        Invalid: no such role, or the person cannot be a member.
        Conflict: the project would be left without an admin.
    """
    if role not in Role.values:
        raise Invalid(f"{role!r} is no role; there are {', '.join(Role.values)}.", fields={"role": ["no such role"]})
    if not user.is_active or user.organisation_id != project.organisation_id:
        raise Invalid(f"{user} is no active member of the project's organisation.", fields={"user": ["not a member"]})
    before = _locked_role(project, user)
    if before == role:
        return
    if before == Role.ADMIN:
        _keep_an_admin(project, user)
    wanted = set(PERMISSIONS[role])
    held = ProjectUserPermission.objects.filter(user=user, content_object=project)
    held.exclude(permission__codename__in=wanted).delete()
    permissions = Permission.objects.filter(content_type__app_label="access", codename__in=wanted)
    ProjectUserPermission.objects.bulk_create(
        [ProjectUserPermission(user=user, permission=one, content_object=project) for one in permissions],
        ignore_conflicts=True,
    )
    _tell(project, user, before, role, actor)


@transaction.atomic
def role_revoke(*, project: Project, user: User, actor: Actor) -> None:
    """Take a person's role away.

    Raises:
        NotFound: the person has none.
        Conflict: it is the project's only admin.
    """
    before = _locked_role(project, user)
    if not before:
        raise NotFound(f"{user} is no member of the project.")
    if before == Role.ADMIN:
        _keep_an_admin(project, user)
    ProjectUserPermission.objects.filter(user=user, content_object=project).delete()
    _tell(project, user, before, "", actor)


def _locked_role(project: Project, user: User) -> str:
    """The role that was granted, with the project locked, so that two changes cannot remove the last two admins."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    return role_of(user, project, granted=True)


def _keep_an_admin(project: Project, leaving: User) -> None:
    admins = ProjectUserPermission.objects.filter(
        content_object=project, permission__codename=ADMINISTER, user__is_active=True
    )
    if not admins.exclude(user=leaving).exists():
        raise Conflict(f"{leaving} is the only admin of {project.name}; make somebody else admin first.")


def _tell(project: Project, user: User, before: str, after: str, actor: Actor) -> None:
    action = "project.member_granted" if after else "project.member_revoked"
    detail = {"user_id": str(user.pk), "username": user.get_username(), "before": before, "role": after}
    record(actor, action, project, project_id=project.pk, detail=detail)
    emit("project.member_changed", project, project_id=project.pk, payload={"user_id": str(user.pk), "role": after})
    rights_changed(f"user.{user.pk}")
