"""`manage.py prepare` says in one line which server does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from controlplane.management.commands.prepare import refuse_later_database, servers_answer

pytestmark = pytest.mark.django_db


def test_servers_that_answer_are_fine() -> None:
    servers_answer()


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    with pytest.raises(CommandError, match=r"^PostgreSQL at 127\.0\.0\.1:1 \(BEDPLATE_DATABASE_URL\) ") as caught:
        servers_answer()
    assert connection.settings_dict["PASSWORD"] not in str(caught.value)


def test_a_wrong_password_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "not-the-password")
    with pytest.raises(CommandError, match="authentication failed") as caught:
        servers_answer()
    assert "not-the-password" not in str(caught.value)


def test_a_redis_that_does_not_answer_is_named(settings: Any) -> None:
    settings.BEDPLATE_REDIS_URL = "redis://:hidden@127.0.0.1:1/0"
    with pytest.raises(CommandError, match=r"^Redis \(BEDPLATE_REDIS_URL\) cannot be used: ") as caught:
        servers_answer()
    assert "hidden" not in str(caught.value)


def test_a_database_of_a_later_version_is_refused_by_what_it_has() -> None:
    refuse_later_database()
    for number in range(5):
        MigrationRecorder.Migration.objects.create(app="quotas", name=f"099{number}_later")
    with pytest.raises(CommandError) as refused:
        refuse_later_database()
    assert str(refused.value) == (
        "The database was made by a later version of Bedplate: it has quotas.0990_later, quotas.0991_later, "
        "quotas.0992_later and 2 more. Install that version again, or set BEDPLATE_HOME or BEDPLATE_DATABASE_URL to "
        "another one."
    )
