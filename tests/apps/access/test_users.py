"""Accounts by their services: made, changed, closed, opened, given another password; each audited, and told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.models import User
from apps.access.services.tokens import token_verify
from apps.access.services.users import user_activate, user_change, user_create, user_deactivate, user_password_set
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, Unauthenticated
from apps.common.models import AuditEvent, Event
from tests.support.factories.access import (
    PASSWORD,
    ApiTokenFactory,
    OrganisationFactory,
    ProjectFactory,
    TeamFactory,
    UserFactory,
    member,
)

pytestmark = pytest.mark.django_db
ANOTHER = "a wholly different sentence"


@pytest.fixture
def root() -> User:
    user: User = UserFactory.create(username="root", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def browser(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def page(user: User, what: str = "change") -> str:
    return reverse(f"admin:access_user_{what}", args=[user.pk])


def actions() -> list[str]:
    return list(AuditEvent.objects.filter(subject_kind="user").order_by("id").values_list("action", flat=True))


def test_a_closed_account_signs_in_no_more_and_its_token_ends(browser: Client) -> None:
    bo = member(ProjectFactory.create(name="alone"), Role.ADMIN, username="bo")
    token = ApiTokenFactory.create(user=bo)
    asked = browser.get(page(bo, "deactivate")).content.decode()
    assert "left without an active admin: alone" in asked
    assert browser.post(page(bo, "deactivate")).status_code == 302
    bo.refresh_from_db()
    assert not bo.is_active
    assert Event.objects.filter(kind="user.changed", subject=f"user.{bo.pk}").exists()
    with pytest.raises(Unauthenticated):
        token_verify(token.plain)
    assert browser.post(page(bo, "deactivate")).status_code == 409
    assert browser.post(page(bo, "activate")).status_code == 302
    assert token_verify(token.plain).user == bo
    assert actions() == ["user.deactivated", "user.activated"]


def test_nobody_locks_themselves_or_everybody_out(root: User) -> None:
    second = UserFactory.create(username="second", is_staff=True, is_superuser=True)
    own = Actor.user(root)
    for do in (
        lambda: user_deactivate(user=root, actor=own),
        lambda: user_change(user=root, changes={"is_superuser": False}, actor=own),
        lambda: user_change(user=root, changes={"is_staff": False}, actor=own),
    ):
        with pytest.raises(Conflict, match="lock you out"):
            do()
    user_deactivate(user=second, actor=own)
    with pytest.raises(Conflict, match="only administrator"):
        user_deactivate(user=root, actor=Actor.system("somebody"))
    with pytest.raises(Conflict, match="only administrator"):
        user_change(user=root, changes={"is_superuser": False}, actor=Actor.system("somebody"))
    with pytest.raises(Conflict):
        user_activate(user=root, actor=own)
    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)


def test_a_password_is_reset_by_the_rules_and_ends_sessions(browser: Client) -> None:
    bo = UserFactory.create(username="bo")
    theirs = Client()
    theirs.force_login(bo)
    weak = browser.post(page(bo, "reset-password"), {"password1": "short", "password2": "short"})
    assert weak.status_code == 409
    assert "too short" in weak.content.decode()
    unlike = browser.post(page(bo, "reset-password"), {"password1": ANOTHER, "password2": PASSWORD})
    assert "not the same" in unlike.content.decode()
    assert browser.post(page(bo, "reset-password"), {"password1": ANOTHER, "password2": ANOTHER}).status_code == 302
    bo.refresh_from_db()
    assert bo.check_password(ANOTHER)
    assert actions() == ["user.password_reset"]
    assert ANOTHER not in str(AuditEvent.objects.values())
    assert theirs.get("/api/v1/projects").status_code == 401


def test_ones_own_password_is_changed_by_the_service_too(root: User, browser: Client) -> None:
    url = reverse("admin:password_change")
    right = {"old_password": PASSWORD, "new_password1": ANOTHER, "new_password2": ANOTHER}
    assert browser.post(url, right | {"old_password": "wrong"}).status_code == 200
    assert browser.post(url, right).status_code == 302
    root.refresh_from_db()
    assert root.check_password(ANOTHER)
    assert browser.get("/admin/").status_code == 200, "this session stays"
    assert actions() == ["user.password_changed"]


def test_a_change_goes_through_the_service(browser: Client) -> None:
    bo = UserFactory.create(username="bo")
    team, strange = TeamFactory.create(organisation=bo.organisation), TeamFactory.create()
    form: dict[str, Any] = {"username": "bo", "email": "bo@acme.example", "organisation": str(bo.organisation_id)}
    assert browser.post(page(bo), form | {"teams": [str(team.pk)], "is_staff": "on"}).status_code == 302
    bo.refresh_from_db()
    assert (bo.email, bo.is_staff, [one.pk for one in bo.teams.all()]) == ("bo@acme.example", True, [team.pk])
    event = AuditEvent.objects.get(action="user.changed")
    assert event.detail == {"fields": ["email", "is_staff", "teams"]}
    refused = browser.post(page(bo), form | {"teams": [str(strange.pk)], "is_staff": "on"}, follow=True)
    assert "Of another organisation" in refused.content.decode()
    assert [one.pk for one in bo.teams.all()] == [team.pk]
    past = {"password1": ANOTHER, "password2": ANOTHER, "usable_password": "true"}  # Django's own page, which is gone
    assert browser.post(f"/admin/access/user/{bo.pk}/password/", past, follow=True).status_code == 404
    bo.refresh_from_db()
    assert bo.check_password(PASSWORD)


def test_the_service_refuses_what_makes_no_sense(root: User) -> None:
    bo, actor = member(ProjectFactory.create(name="held"), Role.VIEWER, username="bo"), Actor.user(root)
    with pytest.raises(Conflict, match="held"):
        user_change(user=bo, changes={"organisation": OrganisationFactory.create()}, actor=actor)
    with pytest.raises(Conflict, match="exists already"):
        user_change(user=bo, changes={"username": "root"}, actor=actor)
    with pytest.raises(Invalid, match="password"):
        user_change(user=bo, changes={"password": "x"}, actor=actor)
    with pytest.raises(Invalid):
        user_password_set(user=bo, password="password", actor=actor)
    with pytest.raises(Conflict):
        user_create(username="bo", password=None, organisation=root.organisation, actor=actor)  # type: ignore[arg-type]
    assert actions() == []
    made = user_create(username="robot", password=None, organisation=OrganisationFactory.create(), actor=actor)
    assert not made.has_usable_password()


@pytest.mark.parametrize("what", ["deactivate", "activate", "reset-password", "change"])
def test_accounts_are_for_superusers(what: str) -> None:
    project = ProjectFactory.create()
    bo = member(project, Role.VIEWER)
    browser = Client()
    browser.force_login(member(project, Role.ADMIN, is_staff=True))
    assert browser.get(page(bo, what)).status_code == 404
    assert browser.post(page(bo, what), {"password1": ANOTHER, "password2": ANOTHER}).status_code == 404
    bo.refresh_from_db()
    assert (bo.is_active, bo.check_password(PASSWORD)) == (True, True)
