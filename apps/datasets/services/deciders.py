"""Who may let a version through that an expectation keeps back, by changing what it is held against."""

from __future__ import annotations

from apps.access.models import Project, User
from apps.access.permissions import role_of
from apps.access.states import Role
from apps.common.errors import ApprovalRequired
from apps.datasets.models import DatasetVersion


def may_decide(user: User | None, project: Project) -> bool:
    """Whether somebody could approve an override there; None is the installation itself."""
    return user is None or role_of(user, project) == Role.ADMIN


def decider_wanted(version: DatasetVersion, why: str, act: str) -> ApprovalRequired:
    """What others are told: what an override would need somebody else for cannot be had by changing the rule instead.

    Args:
        why: a sentence about what keeps the version back.
        act: what only who may decide does meanwhile.
    """
    return ApprovalRequired(
        f"{why} Until that version is published or rejected, only an administrator of project {version.project.name}"
        f" may {act}; or ask for an override of the version."
    )
