"""`manage.py prepare` says in one line which server does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection

from controlplane.management.commands.prepare import servers_answer

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
