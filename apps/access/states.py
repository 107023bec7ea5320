"""Every enum and state table of the access app."""

from django.db import models

from apps.common.states import StateMachine


class Role(models.TextChoices):
    """A named set of permissions on a project; each includes the one before."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


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
