"""The way in for people: a page of our own, because the admin's lets in nobody but staff."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.factories.access import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def test_a_stranger_is_sent_to_sign_in_and_back(client: Client) -> None:
    user = UserFactory.create()
    sent = client.get("/queue")
    assert (sent.status_code, sent.headers["Location"]) == (302, "/login?next=/queue")
    page = client.get("/login?next=/queue")
    assert page.status_code == 200
    assert b'name="next" value="/queue"' in page.content
    signed_in = client.post("/login", {"username": user.username, "password": PASSWORD, "next": "/queue"})
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/queue")
    assert client.get("/api/v1/users/me").json()["username"] == user.username


def test_a_wrong_password_says_so_and_lets_nobody_in(client: Client) -> None:
    user = UserFactory.create()
    page = client.post("/login", {"username": user.username, "password": "wrong"})
    assert page.status_code == 200
    assert b'role="alert"' in page.content
    assert client.get("/queue").status_code == 302


def test_signing_out_needs_a_post(client: Client) -> None:
    client.force_login(UserFactory.create())
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get("/queue").status_code == 302
