"""API tokens: shown once, stored as a digest, refused alike whatever is wrong."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import ApiToken, User
from apps.access.services.tokens import token_create, token_revoke, token_used, token_verify, tokens_expire
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import IllegalTransition, Invalid, Unauthenticated
from apps.common.models import AuditEvent
from tests.support.factories.access import ApiTokenFactory, UserFactory, token_for

ACTOR = Actor("user", "u1", "Ann")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def get(text: str) -> int:
    return int(APIClient().get("/api/v1/users/me", headers={"Authorization": text}).status_code)


def test_the_text_is_nowhere_stored() -> None:
    user = UserFactory.create()
    token, text = token_create(user=user, name="ci", scopes=["write", "read"], actor=ACTOR)
    mark, prefix, secret = text.split("_", 2)
    assert (mark, prefix, len(secret) >= 43) == ("bp", token.prefix, True)
    stored = ApiToken.objects.get(pk=token.pk)
    assert stored.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert stored.scopes == ["read", "write"]
    assert token_verify(text) == token
    assert secret not in str(AuditEvent.objects.values())


def test_what_a_token_needs() -> None:
    user = UserFactory.create()
    for scopes in ([], ["read", "root"]):
        with pytest.raises(Invalid, match="A token has scopes of read, write, infer, admin"):
            token_create(user=user, name="x", scopes=scopes, actor=ACTOR)
    with clock.fixed_at(NOW), pytest.raises(Invalid, match="expired already"):
        token_create(user=user, name="x", scopes=["read"], expires_at=NOW, actor=ACTOR)
    assert ApiToken.objects.count() == 0


def test_a_good_token_opens() -> None:
    text = token_for(UserFactory.create())
    assert get(f"Bearer {text}") == 200
    assert get(f"bearer {text}") == 200


def test_every_bad_token_is_refused_with_the_same_words() -> None:
    user, gone = UserFactory.create(), UserFactory.create(is_active=False)
    good = token_for(user)
    revoked = ApiTokenFactory.create(user=user, state="revoked")
    expired = ApiTokenFactory.create(user=user, expires_at=clock.now() - timedelta(seconds=1))
    mark, prefix, secret = good.split("_", 2)
    bad = {
        "unknown": f"{mark}_{'0' * 12}_{secret}",
        "other secret": f"{mark}_{prefix}_{secret[:-1]}",
        "other mark": f"xx_{prefix}_{secret}",
        "no parts": "nonsense",
        "revoked": revoked.plain,  # type: ignore[attr-defined]
        "expired": expired.plain,  # type: ignore[attr-defined]
        "inactive user": token_for(gone),
        "two words": f"{good} more",
        "not ascii": f"{good}é",
        "nothing": "",
    }
    answers = {}
    for name, text in bad.items():
        answer = APIClient().get("/api/v1/users/me", headers={"Authorization": f"Bearer {text}"})
        body = answer.json() | {"request_id": ""}
        answers[name] = (answer.status_code, answer["WWW-Authenticate"], str(body))
    assert set(answers.values()) == {answers["unknown"]}
    assert answers["unknown"][:2] == (401, "Bearer")
    with pytest.raises(Unauthenticated):
        token_verify("")


def test_a_revoked_token_is_refused_at_once() -> None:
    token = ApiTokenFactory.create()
    text = f"Bearer {token.plain}"  # type: ignore[attr-defined]
    assert get(text) == 200
    token_revoke(token=ApiToken.objects.get(pk=token.pk), actor=ACTOR)
    assert get(text) == 401
    with pytest.raises(IllegalTransition):
        token_revoke(token=ApiToken.objects.get(pk=token.pk), actor=ACTOR)
    assert [row.action for row in AuditEvent.objects.all()] == ["api_token.revoked"]


def test_the_time_of_use_is_kept_to_the_minute() -> None:
    token = ApiTokenFactory.create()
    header = f"Bearer {token.plain}"  # type: ignore[attr-defined]
    seen = []
    for seconds in (0, 59, 60, 90):
        with clock.fixed_at(NOW + timedelta(seconds=seconds)), CaptureQueriesContext(connection) as captured:
            assert get(header) == 200
        writes = [query for query in captured.captured_queries if query["sql"].startswith("UPDATE")]
        seen.append((ApiToken.objects.get(pk=token.pk).last_used_at, len(writes)))
    later = NOW + timedelta(seconds=60)
    assert seen == [(NOW, 1), (NOW, 0), (later, 1), (later, 0)]


def test_tokens_past_their_time_are_moved() -> None:
    with clock.fixed_at(NOW):
        due = ApiTokenFactory.create(expires_at=NOW)
        later = ApiTokenFactory.create(expires_at=NOW + timedelta(seconds=1))
        never = ApiTokenFactory.create()
        revoked = ApiTokenFactory.create(expires_at=NOW, state="revoked")
        assert [tokens_expire(), tokens_expire()] == [1, 0]
    states = {token.pk: token.state for token in ApiToken.objects.all()}
    assert states == {due.pk: "expired", later.pk: "active", never.pk: "active", revoked.pk: "revoked"}


def test_a_person_sees_their_own_tokens_only() -> None:
    mine, other = ApiTokenFactory.create(), ApiTokenFactory.create()
    root: User = UserFactory.create(is_superuser=True)
    assert list(ApiToken.objects.visible_to(mine.user)) == [mine]
    assert list(ApiToken.objects.visible_to(root)) == []
    api = APIClient()
    api.force_authenticate(mine.user)
    assert [row["id"] for row in api.get("/api/v1/tokens").json()["results"]] == [str(mine.pk)]
    assert api.get(f"/api/v1/tokens/{other.pk}").status_code == 404
    assert api.delete(f"/api/v1/tokens/{other.pk}").status_code == 404
    assert "digest" not in api.get(f"/api/v1/tokens/{mine.pk}").json()


@pytest.mark.parametrize("wrong", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_process_whose_clock_is_wrong_takes_and_refuses_the_same(
    wrong: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a token has expired is for the database's clock to say."""
    user, real = UserFactory.create(), clock.db_now()
    _, good = token_create(user=user, name="a", scopes=["read"], expires_at=real + timedelta(minutes=30), actor=ACTOR)
    late, bad = token_create(user=user, name="b", scopes=["read"], expires_at=real + timedelta(minutes=30), actor=ACTOR)
    ApiToken.objects.filter(pk=late.pk).update(expires_at=real - timedelta(minutes=30))
    monkeypatch.setattr(clock.timezone, "now", lambda: real + wrong)
    token = token_verify(good)
    token_used(token)
    assert abs(ApiToken.objects.get(pk=token.pk).last_used_at - real) < timedelta(seconds=10)
    with pytest.raises(Unauthenticated):
        token_verify(bad)
