"""Who acts, and the audit trail of what people and policies do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from apps.common.context import request_id
from apps.common.models import AuditEvent, noun_of


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in plain values: a person, a part of the system, or a job's attempt."""

    kind: str
    id: str = ""
    name: str = ""

    @classmethod
    def user(cls, user: Any) -> Actor:
        """A signed-in person (any object with `pk` and `get_username()`)."""
        return cls("user", str(user.pk), user.get_username())

    @classmethod
    def system(cls, name: str) -> Actor:
        """A part of the control plane: `admission`, `dispatch`, `reconcile`."""
        return cls("system", name, name)

    @classmethod
    def attempt(cls, attempt_id: UUID) -> Actor:
        return cls("attempt", str(attempt_id), "attempt")


def record(
    actor: Actor,
    action: str,
    subject: models.Model,
    *,
    project_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write one audit row in the running transaction.

    Args:
        action: `<noun>.<verb in past tense>`, e.g. `secret.replaced`.
        project_id: defaults to the subject's own `project_id` where it has one.
        detail: plain JSON; never a secret's value.
    """
    return AuditEvent.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        subject_kind=noun_of(subject),
        subject_id=str(subject.pk),
        subject_name=str(subject)[:200],
        project_id=project_id or getattr(subject, "project_id", None),
        request_id=request_id.get()[:64],
        detail=detail or {},
    )
