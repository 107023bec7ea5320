"""First accounts and tokens from the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.access.models import ApiToken, Organisation, User
from apps.access.services.tokens import token_verify
from apps.common import clock
from apps.common.models import AuditEvent
from tests.support.factories.access import UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def passwords(text: str) -> dict[str, str]:
    return dict(re.findall(r"│     (admin|demo) +(\S+)", text))


def test_the_first_start_makes_two_accounts_and_shows_their_passwords_once() -> None:
    first, second = said("bootstrap"), said("bootstrap")
    assert second == ""
    shown = passwords(first)
    assert sorted(shown) == ["admin", "demo"]
    admin, demo = User.objects.get(username="admin"), User.objects.get(username="demo")
    assert admin.check_password(shown["admin"])
    assert demo.check_password(shown["demo"])
    assert [(user.is_superuser, user.is_staff) for user in (admin, demo)] == [(True, True), (False, False)]
    assert {user.organisation.name for user in (admin, demo) if user.organisation} == {"default"}
    assert [team.name for team in demo.teams.all()] == ["default"]
    assert len({len(line) for line in first.splitlines()}) == 1
    assert shown["admin"] not in str(AuditEvent.objects.values())


def test_what_is_there_is_left_alone() -> None:
    said("bootstrap")
    demo = User.objects.get(username="demo")
    demo.set_password("their own choice")
    demo.save()
    User.objects.filter(username="admin").delete()
    assert sorted(passwords(said("bootstrap"))) == ["admin"]
    demo.refresh_from_db()
    assert demo.check_password("their own choice")
    assert Organisation.objects.count() == 1


def test_a_token_is_printed_and_nothing_else() -> None:
    user = UserFactory.create(username="demo")
    with clock.fixed_at(NOW):
        text = said("token", "demo", "--name", "credit-risk")
        token = token_verify(text.removesuffix("\n"))
    assert (token.user, token.name, token.scopes) == (user, "credit-risk", ["read", "write", "infer"])
    assert token.expires_at == NOW + timedelta(days=30)


def test_a_token_as_asked() -> None:
    UserFactory.create(username="demo")
    with clock.fixed_at(NOW):
        said("token", "demo", "--name", "short", "--scopes", "read, infer", "--days", "0.5")
    token = ApiToken.objects.get()
    assert (token.scopes, token.expires_at) == (["read", "infer"], NOW + timedelta(hours=12))


@pytest.mark.parametrize(
    "words, text",
    [
        (("nobody", "--name", "x"), "There is no active user nobody"),
        (("gone", "--name", "x"), "There is no active user gone"),
        (("demo", "--name", "x", "--scopes", "root"), "A token has scopes of"),
        (("demo", "--name", "x", "--days", "0"), "would have expired already"),
    ],
)
def test_what_cannot_be_is_said(words: tuple[str, ...], text: str) -> None:
    UserFactory.create(username="demo")
    UserFactory.create(username="gone", is_active=False)
    with pytest.raises(CommandError, match=text):
        said("token", *words)
    assert ApiToken.objects.count() == 0
