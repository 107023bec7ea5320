"""The outbox: news is written in the transaction that makes it, and published afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import models

from apps.common.models import Event


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened.

    `kind` is past tense (`rollout.rolled_back`), `subject` is `<noun>.<id>`.
    """

    kind: str
    subject: str
    project_id: UUID | None = None
    payload: dict[str, Any] = field(default_factory=dict)


def subject_of(obj: models.Model, noun: str = "") -> str:
    """`<noun>.<id>`: the name under which a browser follows an object."""
    return f"{noun or obj._meta.model_name}.{obj.pk}"


def emit(kind: str, obj: models.Model, *, noun: str = "", payload: dict[str, Any] | None = None) -> None:
    """Write one event about `obj` in the running transaction."""
    emit_many([News(kind, subject_of(obj, noun), getattr(obj, "project_id", None), payload or {})])


def emit_many(news: Iterable[News]) -> None:
    """Write events in one statement."""
    Event.objects.bulk_create(
        Event(kind=one.kind, subject=one.subject, project_id=one.project_id, payload=one.payload) for one in news
    )
