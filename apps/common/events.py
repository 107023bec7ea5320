"""The outbox: news is written in the transaction that makes it, and published afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import models

from apps.common.models import Event, noun_of


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
    return f"{noun or noun_of(obj)}.{obj.pk}"


def emit(
    kind: str,
    obj: models.Model,
    *,
    noun: str = "",
    project_id: UUID | None = None,
    payload: dict[str, Any] | None = None,
) -> None:
    """Write one event about `obj` in the running transaction; `project_id` defaults to the object's own."""
    emit_many([News(kind, subject_of(obj, noun), project_id or getattr(obj, "project_id", None), payload or {})])


def emit_many(news: Iterable[News]) -> None:
    """Write events in one statement."""
    Event.objects.bulk_create(
        Event(kind=one.kind, subject=one.subject, project_id=one.project_id, payload=one.payload) for one in news
    )
