"""API tokens: shown once, stored as a digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.access.models.user import User
from apps.access.states import TOKEN, TokenScope
from apps.common.states import Stateful, StateMachine


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: Any) -> ApiTokenQuerySet:
        """A person sees their own tokens."""
        return self.filter(user_id=user.pk) if user.is_authenticated else self.none()


class ApiToken(Stateful):
    """A long-lived credential of one user: `bp_<prefix>_<secret>`.

    The secret has 256 random bits, so that a plain SHA-256 is enough to keep it.
    """

    machine: ClassVar[StateMachine] = TOKEN
    state = TOKEN.field()
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=10, choices=TokenScope.choices))
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To the minute."""

    read_at: datetime | None = None
    """No column: the database's time when `token_verify` read this token."""

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [TOKEN.constraint("api_token_state")]

    def __str__(self) -> str:
        return f"{self.name} (bp_{self.prefix}_…)"
