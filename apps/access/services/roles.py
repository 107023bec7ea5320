"""Who has which role in a project: guardian's permissions, granted and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.db import transaction

from apps.access.models import Project, ProjectUserPermission, User
from apps.access.permissions import PERMISSIONS, role_of
from apps.access.states import Role
from apps.common.alerts import rights_changed
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid, NotFound, StaleState
from apps.common.events import emit

ADMINISTER = "administer_project"


@dataclass(frozen=True, slots=True)
class RoleChange:
    """One cell of the matrix of people and projects."""

    project: Project
    user: User
    was: str
    """The role that who changes it has seen; empty: none."""
    role: str

    @property
    def place(self) -> str:
        """Names the cell in errors."""
        return f"{self.project.pk} {self.user.pk}"


@transaction.atomic
def roles_save(changes: Sequence[RoleChange], *, actor: Actor) -> None:
    """Give and take these roles, each audited; all of them or none. Stronger roles are given first, so that an admin
    can hand a project over.

    Raises:
        StaleState: somebody changed some of them meanwhile; `fields` names each `<project id> <user id>` and its role.
        Invalid, Conflict: as `role_grant` and `role_revoke`; `fields` names the place.
    """
    strength = ["", *Role.values]
    projects = {change.project.pk for change in changes}
    list(Project.objects.select_for_update(no_key=True).filter(pk__in=projects).order_by("pk"))
    now = {change.place: role_of(change.user, change.project, granted=True) for change in changes}
    stale = {change.place: [now[change.place]] for change in changes if now[change.place] != change.was}
    if stale:
        raise StaleState("Somebody else changed some of these roles meanwhile.", fields=stale)
    for change in sorted(changes, key=lambda one: strength.index(one.role), reverse=True):
        try:
            if change.role:
                role_grant(project=change.project, user=change.user, role=change.role, actor=actor)
            else:
                role_revoke(project=change.project, user=change.user, actor=actor)
        except (Conflict, Invalid) as error:
            raise type(error)(error.detail, fields={change.place: [error.detail]}) from error


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
