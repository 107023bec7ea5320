"""The outbox: news is written in the transaction that makes it, and published afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import models

from apps.common.models import Event, noun_of
from apps.common.rows import rows_insert


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened.

    `kind` is past tense (`rollout.rolled_back`), `subject` is `<noun>.<id>`.
    """

    kind: str
    subject: str
    project_id: UUID | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    also: Sequence[str] = ()
    """Subjects to which it belongs; they are told that something of theirs moved."""


def subject_of(obj: models.Model, noun: str = "") -> str:
    """`<noun>.<id>`: the name under which a browser follows an object."""
    return f"{noun or noun_of(obj)}.{obj.pk}"


def also_of(obj: models.Model) -> list[str]:
    """The subjects to which an object belongs: its class says so by `told_to = {"pool": "pool_id"}`."""
    return [f"{noun}.{getattr(obj, column)}" for noun, column in told_to(obj).items() if getattr(obj, column)]


def told_to(obj: models.Model | type[models.Model]) -> Mapping[str, str]:
    """Noun → column of a class: to what its objects belong."""
    named: Mapping[str, str] = getattr(obj, "told_to", {})
    return named


def emit(
    kind: str,
    obj: models.Model,
    *,
    noun: str = "",
    project_id: UUID | None = None,
    payload: dict[str, Any] | None = None,
) -> None:
    """Write one event about `obj` in the running transaction; `project_id` defaults to the object's own."""
    project_id = project_id or getattr(obj, "project_id", None)
    emit_many([News(kind, subject_of(obj, noun), project_id, payload or {}, also_of(obj))])


def emit_many(news: Iterable[News]) -> None:
    """Write events in one statement."""
    rows_insert(
        Event,
        [
            {
                "kind": one.kind,
                "subject": one.subject,
                "project_id": one.project_id,
                "payload": one.payload,
                "also": one.also,
            }
            for one in news
        ],
    )
