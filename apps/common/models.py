"""The kernel's tables: outbox, audit trail, stories of state machines, idempotency keys."""

from __future__ import annotations

import re
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from uuid6 import uuid7


class CurrentTransactionId(models.Func):
    """The id of the running transaction (`xid8`), as a big integer."""

    template = "(pg_current_xact_id()::text)::bigint"
    output_field = models.BigIntegerField()
    arity = 0


class BaseModel(models.Model):
    """Every table's base: a UUIDv7 key, so that keys sort by time of creation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


def noun_of(obj: models.Model | type[models.Model]) -> str:
    """The word for this kind of thing in events, audit rows and subjects: `dataset_version`."""
    machine = getattr(obj, "machine", None)
    return machine.noun if machine else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(obj._meta.object_name)).lower()


class Event(models.Model):
    """Outbox: what happened, written in the transaction in which it happened.

    Readers page by the cursor (`transaction_id`, `id`) and stop before the oldest transaction still running.
    """

    id = models.BigAutoField(primary_key=True)
    transaction_id = models.BigIntegerField(db_default=CurrentTransactionId(), editable=False)
    kind = models.CharField(max_length=80)
    """Past tense: `workload.admitted`."""
    subject = models.CharField(max_length=80)
    """`<noun>.<id>`, what a browser subscribes to."""
    project_id = models.UUIDField(null=True)
    also = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    """Subjects to which it belongs: they are told that something of theirs moved, and nothing else."""
    payload = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["transaction_id", "id"], name="event_cursor"),
            models.Index(fields=["subject", "id"], name="event_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class ActorColumns(models.Model):
    """Who did it, in plain columns, so that a row outlives the account it names."""

    actor_kind = models.CharField(max_length=12)
    """`user`, `system` or `attempt`."""
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)

    class Meta:
        abstract = True


class Transition(ActorColumns):
    """One step of one object through its state table: together, the object's story."""

    id = models.BigAutoField(primary_key=True)
    noun = models.CharField(max_length=40)
    object_id = models.UUIDField()
    from_state = models.CharField(max_length=20)
    to_state = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["object_id", "id"], name="transition_story")]

    def __str__(self) -> str:
        return f"{self.noun} {self.object_id}: {self.from_state} → {self.to_state} {self.reason}".rstrip()


class AuditEvent(ActorColumns):
    """What a person or a policy did. Append only: a trigger refuses UPDATE and DELETE."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    action = models.CharField(max_length=80)
    """`<noun>.<verb>`: `project.member_granted`."""
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=200, blank=True)
    project_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project_id", "-id"], name="audit_project"),
            models.Index(fields=["subject_id", "-id"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_kind} {self.subject_id}"


class IdempotencyKey(models.Model):
    """The answer once given to a caller's key: a second request with the key gets the same answer."""

    id = models.BigAutoField(primary_key=True)
    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    """HMAC-SHA-256 over method, path and the validated body."""
    response_status = models.PositiveSmallIntegerField(default=0)
    response_body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["caller", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
