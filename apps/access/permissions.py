"""May this user do that in this project? Missing and invisible look the same; visible but not allowed says why."""

from __future__ import annotations

from typing import Any

from apps.access.models import Project, User
from apps.access.states import Role, Verb
from apps.common.errors import Forbidden, NotFound, Unauthenticated

PERMISSIONS: dict[str, tuple[str, ...]] = {
    Role.VIEWER: ("view_project",),
    Role.EDITOR: ("view_project", "edit_project"),
    Role.ADMIN: ("view_project", "edit_project", "administer_project"),
}
"""guardian permissions of each role."""

NEEDED = {Role.VIEWER: "view_project", Role.EDITOR: "edit_project", Role.ADMIN: "administer_project"}
"""The permission that tells a role from the weaker ones."""


VERBS: dict[str, tuple[str, ...]] = {
    Role.VIEWER: (Verb.READ, Verb.LEAVE),
    Role.EDITOR: (Verb.CREATE, Verb.STOP, Verb.ASK_FOR_APPROVAL),
    Role.ADMIN: (Verb.GRANT_ROLES, Verb.SET_SECRETS, Verb.DECIDE_REQUESTS),
    "superuser": (Verb.SET_QUOTA, Verb.DECIDE_QUOTA, Verb.MAKE_TEAMS),
}
"""What each role adds to those before it; a superuser has every role everywhere."""


def role_of(user: Any, project: Project, *, granted: bool = False) -> str:
    """The user's strongest role in the project, or an empty string. One query.

    Args:
        granted: only what was granted counts; a superuser without a grant has no role, an inactive user may have one.
    """
    if not granted:
        if not user.is_authenticated or not user.is_active:
            return ""
        if user.is_superuser:
            return Role.ADMIN
    held = set(project.user_permissions.filter(user_id=user.pk).values_list("permission__codename", flat=True))
    return next((role for role in reversed(Role) if NEEDED[role] in held), "")


def caller(request: Any) -> User:
    """Who sent this request; raises Unauthenticated when it is nobody with an account."""
    user = request.user
    if not isinstance(user, User):
        raise Unauthenticated
    return user


def require(user: Any, project: Project | None, role: str) -> None:
    """Let through a user with at least this role; for what belongs to no project, an administrator of the installation.

    Raises:
        NotFound: the user cannot see the project.
        Forbidden: the user has a weaker role.
    """
    if project is None:
        if not (user.is_authenticated and user.is_active and user.is_superuser):
            raise NotFound
        return
    held = role_of(user, project)
    if not held:
        raise NotFound
    if Role.values.index(held) < Role.values.index(role):
        raise Forbidden(f"This needs the role {role} in project {project.name}; yours is {held}.")


def require_superuser(user: Any) -> None:
    """Let through an administrator of the installation; raises Forbidden."""
    if not user.is_superuser:
        raise Forbidden("Only an administrator of the installation may do this.")
