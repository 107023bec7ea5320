"""Every enum and state table of the access app."""

from django.db import models

from apps.common.states import StateMachine


class Role(models.TextChoices):
    """A named set of permissions on a project; each includes the one before."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Verb(models.TextChoices):
    """What people may do, in few words: the rows of the table of roles."""

    READ = "read"
    LEAVE = "leave"
    CREATE = "create"
    STOP = "stop"
    ASK_FOR_APPROVAL = "ask_for_approval"
    GRANT_ROLES = "grant_roles"
    SET_SECRETS = "set_secrets"
    DECIDE_REQUESTS = "decide_requests"
    SET_QUOTA = "set_quota"
    DECIDE_QUOTA = "decide_quota"
    MAKE_TEAMS = "make_teams"


class Barred(models.TextChoices):
    """Why somebody may not decide a request."""

    DECIDED = "decided"
    EXPIRED = "expired"
    OWN_REQUEST = "own_request"
    NEEDS_ADMIN = "needs_admin"
    NEEDS_SUPERUSER = "needs_superuser"
    UNKNOWN_COMMAND = "unknown_command"


class TokenScope(models.TextChoices):
    """What a token may be used for, within what its user may do."""

    READ = "read"
    WRITE = "write"
    INFER = "infer"
    ADMIN = "admin"


class TokenState(models.TextChoices):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


TOKEN = StateMachine("api_token", TokenState, {TokenState.ACTIVE: [TokenState.REVOKED, TokenState.EXPIRED]})


class ApprovalState(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


APPROVAL = StateMachine(
    "approval_request",
    ApprovalState,
    {
        ApprovalState.PENDING: [
            ApprovalState.APPROVED,
            ApprovalState.DENIED,
            ApprovalState.EXPIRED,
            ApprovalState.WITHDRAWN,
        ]
    },
)
