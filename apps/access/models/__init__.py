"""The nouns of the access app."""

from apps.access.models.approval import ApprovalRequest
from apps.access.models.project import Project, ProjectUserPermission
from apps.access.models.scoped import ProjectScoped, ScopedStateful, VisibleManager, VisibleQuerySet
from apps.access.models.secret import Secret
from apps.access.models.token import ApiToken
from apps.access.models.user import Organisation, Team, User

__all__ = [
    "ApiToken",
    "ApprovalRequest",
    "Organisation",
    "Project",
    "ProjectScoped",
    "ProjectUserPermission",
    "ScopedStateful",
    "Secret",
    "Team",
    "User",
    "VisibleManager",
    "VisibleQuerySet",
]
