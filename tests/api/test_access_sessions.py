"""Signing in and out by session: the rate, the origin, the CSRF token."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from apps.access.models import User
from apps.common.models import AuditEvent
from tests.support.factories.access import PASSWORD, ProjectFactory, UserFactory, grant, token_for

LOGIN = "/api/v1/auth/login"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


@pytest.fixture
def ann() -> User:
    return UserFactory.create(username="ann")


def login(client: Client, name: str = "ann", password: str = PASSWORD, **headers: str) -> Any:
    body = {"username": name, "password": password}
    return client.post(LOGIN, body, content_type="application/json", headers=headers)


def test_a_session_opens_and_ends(ann: User) -> None:
    project = ProjectFactory.create(organisation=ann.organisation, name="risk")
    grant(ann, project, "editor")
    browser = Client(enforce_csrf_checks=True)
    answer = login(browser)
    assert answer.status_code == 200
    me = browser.get("/api/v1/users/me").json()
    assert me == answer.json()
    assert (me["username"], me["organisation"]["name"]) == ("ann", ann.organisation.name)  # type: ignore[union-attr]
    assert [(one["name"], one["role"]) for one in me["projects"]] == [("risk", "editor")]
    assert answer.cookies["bedplate_session"]["httponly"] is True
    csrf = {"X-CSRFToken": answer.cookies["bedplate_csrf"].value}
    assert browser.post("/api/v1/auth/logout").status_code == 403
    assert browser.post("/api/v1/auth/logout", headers=csrf).status_code == 204
    assert browser.get("/api/v1/users/me").status_code == 401
    assert [row.action for row in AuditEvent.objects.all()] == ["user.signed_in"]


def test_a_session_writes_only_with_its_csrf_token(ann: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = login(browser)
    body = {"name": "ci", "scopes": ["read"]}
    refused = browser.post("/api/v1/tokens", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    csrf = {"X-CSRFToken": answer.cookies["bedplate_csrf"].value}
    made = browser.post("/api/v1/tokens", body, content_type="application/json", headers=csrf)
    assert made.status_code == 201


def test_wrong_names_and_passwords_look_the_same(ann: User) -> None:
    UserFactory.create(username="gone", is_active=False)
    answers = [login(Client(), name, password) for name, password in
               [("ann", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)]]  # fmt: skip
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["detail"] for answer in answers} == {"Wrong name or password."}
    assert all("bedplate_session" not in answer.cookies for answer in answers)


def test_ten_failures_close_the_name_for_that_address(ann: User) -> None:
    assert [login(Client(), password="wrong").status_code for _ in range(10)] == [401] * 10
    answer = login(Client())
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (429, "rate_limited", True)
    assert 290 <= int(answer["Retry-After"]) <= 301
    assert login(Client(), name="Ann").status_code == 429
    assert login(Client(), name="bo").status_code == 401
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert login(elsewhere).status_code == 200


def test_success_starts_the_count_anew(ann: User) -> None:
    for _ in range(3):
        assert [login(Client(), password="wrong").status_code for _ in range(9)] == [401] * 9
        assert login(Client()).status_code == 200


def test_signing_in_works_while_redis_is_down(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise RedisConnectionError

    monkeypatch.setattr(cache, "add", down)
    monkeypatch.setattr(cache, "delete_many", down)
    assert login(Client()).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_another_site_cannot_sign_a_visitor_in(ann: User, origin: str) -> None:
    answer = login(Client(), Origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "bedplate_session" not in answer.cookies


def test_a_form_of_another_site_is_not_read(ann: User) -> None:
    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        answer = Client().post(LOGIN, b"username=ann", content_type=content_type)
        assert answer.status_code == 415
    assert login(Client(), Origin="http://testserver").status_code == 200


def test_a_body_that_is_no_sign_in_is_refused() -> None:
    answer = Client().post(LOGIN, {"username": "ann"}, content_type="application/json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["password"])


def test_a_session_has_every_scope_and_a_token_its_own(ann: User) -> None:
    browser = Client()
    login(browser)
    assert browser.get("/api/v1/tokens").status_code == 200
    inference = APIClient(headers={"Authorization": f"Bearer {token_for(ann, 'infer')}"})
    answer = inference.get("/api/v1/tokens")
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "This needs a token with the scope read; yours has infer.",
    )


def test_a_bad_token_is_not_saved_by_a_good_session(ann: User) -> None:
    browser = Client()
    login(browser)
    assert browser.get("/api/v1/users/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_the_sign_in_page_counts_failures_with_the_api(ann: User) -> None:
    for _ in range(10):
        answer = Client().post("/login", {"username": "ann", "password": "wrong"})
        assert b"do not belong together" in answer.content
    answer = Client().post("/login", {"username": "ann", "password": PASSWORD})
    assert b"Too many failed sign-ins. Try again in a few minutes." in answer.content
    assert login(Client()).status_code == 429


def test_the_sign_in_page_lets_in_and_the_sign_out_button_out(ann: User) -> None:
    browser = Client()
    answer = browser.post("/login?next=/queue", {"username": "ann", "password": PASSWORD, "next": "/queue"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/queue")
    assert AuditEvent.objects.filter(action="user.signed_in").exists()
    assert browser.get("/login").headers["Location"] == "/"
    assert browser.get("/api/v1/users/me").status_code == 200
    assert browser.post("/logout").headers["Location"] == "/login"
    assert browser.get("/queue").status_code == 302


def test_the_sign_in_page_leads_nowhere_else(ann: User) -> None:
    answer = Client().post("/login", {"username": "ann", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
