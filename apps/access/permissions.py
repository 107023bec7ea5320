"""May this user do that in this project? Missing and invisible look the same; visible but not allowed says why."""

from __future__ import annotations

from typing import Any

from apps.access.models import Project
from apps.access.states import Role
from apps.common.errors import Forbidden, NotFound

PERMISSIONS: dict[str, tuple[str, ...]] = {
    Role.VIEWER: ("view_project",),
    Role.EDITOR: ("view_project", "edit_project"),
    Role.ADMIN: ("view_project", "edit_project", "administer_project"),
}
"""guardian permissions of each role."""

_NEEDED = {Role.VIEWER: "view_project", Role.EDITOR: "edit_project", Role.ADMIN: "administer_project"}


def role_of(user: Any, project: Project) -> str:
    """The user's strongest role in the project, or an empty string. One query."""
    if not user.is_authenticated or not user.is_active:
        return ""
    if user.is_superuser:
        return Role.ADMIN
    held = set(project.user_permissions.filter(user=user).values_list("permission__codename", flat=True))
    for role in (Role.ADMIN, Role.EDITOR, Role.VIEWER):
        if _NEEDED[role] in held:
            return role
    return ""


def require(user: Any, project: Project, role: str) -> None:
    """Let through a user with at least this role.

    Raises:
        NotFound: the user cannot see the project.
        Forbidden: the user has a weaker role.
    """
    held = role_of(user, project)
    if not held:
        raise NotFound
    if Role.values.index(held) < Role.values.index(role):
        raise Forbidden(f"This needs the role {role} in project {project.name}; yours is {held}.")


def require_superuser(user: Any) -> None:
    """Let through an administrator of the installation; raises Forbidden."""
    if not user.is_superuser:
        raise Forbidden("Only an administrator of the installation may do this.")
