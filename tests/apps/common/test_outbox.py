"""What services tell: events by a cursor that misses nothing, audit rows that stay, work asked for after commit."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from redis import Redis

from apps.access.models import Project
from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.context import request_id
from apps.common.events import emit, subject_of
from apps.common.hints import Sender
from apps.common.models import AuditEvent, Event, noun_of
from controlplane.celery import app as celery_app
from tests.support.concurrency import Thread
from tests.support.factories.access import ApprovalRequestFactory, ProjectFactory, SecretFactory


@pytest.mark.django_db
def test_events_and_audit_rows_use_the_same_words() -> None:
    approval, secret = ApprovalRequestFactory.create(), SecretFactory.create()
    assert (noun_of(approval), noun_of(secret)) == ("approval_request", "secret")
    assert subject_of(approval) == f"approval_request.{approval.pk}"
    row = record(Actor.system("test"), "secret.opened", secret)
    assert (row.subject_kind, row.subject_id, row.project_id) == ("secret", str(secret.pk), secret.project_id)


@pytest.mark.alone  # an open transaction of any database of the server holds the cursor back
@pytest.mark.django_db(transaction=True)
def test_the_cursor_never_passes_a_transaction_that_still_runs() -> None:
    project: Project = ProjectFactory.create()
    with transaction.atomic():
        emit("test.early", project)
        Thread(lambda: emit("test.late", project)).join()
        # The late one has committed; a reader who took it now would never see the early one.
        assert [event.kind for event in readable()] == []
    assert [event.kind for event in readable()] == ["test.early", "test.late"]
    cursors = [(event.transaction_id, event.id) for event in readable()]
    assert cursors == sorted(cursors)


def readable() -> list[Event]:
    def read() -> list[Event]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            oldest = cursor.fetchone()[0]
        return list(Event.objects.filter(transaction_id__lt=oldest).order_by("transaction_id", "id"))

    found: list[Event] = Thread(read).join()
    return found


@pytest.mark.django_db
def test_the_audit_trail_cannot_be_changed() -> None:
    row = record(Actor("user", "1", "Ann"), "project.created", ProjectFactory.create())
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        AuditEvent.objects.filter(pk=row.pk).update(actor_name="Bo")
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        AuditEvent.objects.filter(pk=row.pk).delete()
    assert AuditEvent.objects.get(pk=row.pk).actor_name == "Ann"


@pytest.mark.django_db
def test_an_audit_row_names_its_request() -> None:
    token = request_id.set("r" * 100)
    try:
        row = record(Actor.system("x"), "a.b", ProjectFactory.create(), project_id=uuid4(), detail={"n": 1})
    finally:
        request_id.reset(token)
    stored = AuditEvent.objects.get(pk=row.pk)
    assert (stored.request_id, stored.detail, stored.actor_kind) == ("r" * 64, {"n": 1}, "system")


@pytest.fixture
def redis() -> Any:
    """The broker, empty."""
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


def waiting(redis: Any, queue: str) -> list[Any]:
    return [json.loads(text) for text in redis.lrange(queue, 0, -1)]


@pytest.mark.django_db(transaction=True)
def test_work_is_asked_for_once_the_transaction_has_committed(redis: Any) -> None:
    workload = uuid4()
    with transaction.atomic():
        queues.send(queues.LAUNCH, workload)
        assert queues.flush(5)
        assert waiting(redis, "dispatch") == []
    assert queues.flush(5)
    (message,) = waiting(redis, "dispatch")
    assert message["headers"]["task"] == "dispatch.launch"
    assert message["headers"]["argsrepr"] == f"['{workload}']"
    assert waiting(redis, "control") == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_asked_for_when_the_transaction_fails(redis: Any) -> None:
    with transaction.atomic():
        queues.send(queues.LAUNCH, uuid4())
        transaction.set_rollback(True)
    assert queues.flush(5)
    assert redis.keys() == []


@pytest.mark.django_db(transaction=True)
def test_without_hints_nothing_is_asked_for(redis: Any) -> None:
    with override_settings(BEDPLATE_HINTS=False):
        queues.send(queues.LAUNCH, uuid4())
    assert queues.flush(5)
    assert redis.keys() == []


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_costs_no_error_and_no_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "_sender", Sender(queues._deliver))
    before = celery_app.conf.broker_url
    celery_app.conf.update(broker_url="redis://127.0.0.1:1/0", broker_write_url="redis://127.0.0.1:1/0")
    started = time.monotonic()
    try:
        queues.send(queues.ADMIT, uuid4())
        asked = time.monotonic() - started
        assert queues.flush(5)
    finally:
        celery_app.conf.update(broker_url=before, broker_write_url=before)
    assert asked < 1
    assert [line.getMessage().split("(")[0] for line in caplog.records] == ["could not send control.admit"]


def test_every_name_goes_to_a_queue_that_exists() -> None:
    names = [value for name, value in vars(queues).items() if name.isupper() and isinstance(value, str)]
    assert len(names) == len(set(names)) > 10
    assert {queues.queue_of(name) for name in names} <= set(queues.QUEUES)


@pytest.mark.django_db
def test_the_clocks() -> None:
    moment = datetime(2026, 5, 5, tzinfo=UTC)
    with clock.fixed_at(moment):
        assert clock.now() == clock.db_now() == moment
    assert abs((clock.now() - clock.db_now()).total_seconds()) < 60
    with override_settings(TIME_ZONE="Asia/Shanghai"):
        assert clock.now().utcoffset() == clock.db_now().utcoffset()
