"""The frame of `manage.py verify`, and the invariants of the kernel's own tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from apps.common.checks import CHECKS
from apps.common.events import emit
from apps.common.invariants import Check, Finding, Instant, Level, judge, one_instant
from apps.common.models import Event, IdempotencyKey
from tests.support.damage import damage, everything, instant, warnings, wrong
from tests.support.factories.access import ProjectFactory


def some(instant: Instant) -> Iterator[Finding]:
    yield Finding("odd", Level.NOTE)
    yield Finding("strange", Level.WARNING)
    yield from (Finding(f"bad {n}") for n in range(4))


@pytest.mark.django_db
def test_an_outcome_counts_all_and_shows_the_worst_first() -> None:
    outcome = judge(Check("light.story", "It shines.", some), instant(), examples=5)
    assert dict(outcome.found) == {Level.NOTE: 1, Level.WARNING: 1, Level.WRONG: 4}
    assert [finding.text for finding in outcome.examples] == ["bad 0", "bad 1", "bad 2", "bad 3", "strange"]
    assert not outcome.is_ok
    assert judge(Check("light.story", "It shines.", lambda now: []), instant(), examples=5).is_ok


@pytest.mark.django_db(transaction=True)
def test_one_instant_sees_nothing_that_comes_later_and_changes_nothing() -> None:
    emit("light.turned", ProjectFactory.create())
    with one_instant(timedelta(seconds=30)) as now:
        assert Event.objects.count() == 1
        assert now.at - now.settled == timedelta(seconds=30)
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("repeatable read",)
        with pytest.raises(DatabaseError, match="read-only transaction"), transaction.atomic():
            Event.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_news_of_a_transaction_that_is_still_to_come_is_named() -> None:
    emit("light.turned", ProjectFactory.create())
    assert everything(CHECKS) == []
    Event.objects.update(transaction_id=987654321)
    (event,) = Event.objects.all()
    assert wrong(CHECKS, "outbox.transactions") == [
        f"row {event.pk} of common_event is of transaction 987654321, which is still to come"
    ]


@pytest.mark.django_db
def test_a_key_without_an_answer_is_named_and_one_past_its_time_is_told() -> None:
    key = IdempotencyKey.objects.create(caller="c", key="k", request_digest="d", response_status=0)
    assert wrong(CHECKS, "idempotency_key.answer") == [f"key {key.pk} of caller c was kept without an answer"]
    damage("UPDATE common_idempotencykey SET response_status = 201, created_at = now() - interval '3 days'")
    (text,) = warnings(CHECKS, "idempotency_key.answer")
    assert text.startswith(f"key {key.pk} of ")
