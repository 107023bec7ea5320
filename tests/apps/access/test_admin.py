"""Admin pages: what is not visible is 404, what a service writes is shown only, digests and ciphertext never."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.access.models import ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User
from apps.common.audit import Actor, record
from apps.common.models import AuditEvent, Event, IdempotencyKey, Transition
from apps.common.panel import VisibleAdmin
from tests.support.factories.access import (
    PASSWORD,
    ApiTokenFactory,
    ApprovalRequestFactory,
    OrganisationFactory,
    ProjectFactory,
    SecretFactory,
    TeamFactory,
    UserFactory,
    member,
)

pytestmark = pytest.mark.django_db
MODELS = [ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User]
KERNEL = [AuditEvent, Event, IdempotencyKey, Transition]
SHOWN_ONLY = [ApiToken, ApprovalRequest, Project, Secret, *KERNEL]


def page(model: type[Any], what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def row(model: type[Any], project: Project) -> Any:
    """One row of the model that belongs to the project, or to nobody who could look."""
    made: dict[Any, Any] = {
        ApiToken: ApiTokenFactory,
        ApprovalRequest: ApprovalRequestFactory,
        Secret: SecretFactory,
        Organisation: OrganisationFactory,
        Team: TeamFactory,
        User: UserFactory,
    }
    if model is Project:
        return project
    scoped = {"project": project} if model in (ApprovalRequest, Secret) else {}
    return made[model].create(**scoped)


def kernel_row(model: type[Any]) -> Any:
    secret = SecretFactory.create()
    return {
        AuditEvent: lambda: record(Actor.system("x"), "a.b", secret),
        Event: lambda: Event.objects.create(kind="a.b", subject="c.d"),
        IdempotencyKey: lambda: IdempotencyKey.objects.create(caller="x", key="k", request_digest="d"),
        Transition: lambda: Transition.objects.create(noun="n", object_id=secret.pk, from_state="a", to_state="b"),
    }[model]()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("what", ["change", "delete", "history"])
def test_what_is_not_visible_is_missing(model: type[Any], what: str) -> None:
    ours, theirs = ProjectFactory.create(), ProjectFactory.create()
    browser = signed_in(member(ours, "admin", is_staff=True))
    hidden = row(model, theirs)
    for url in (page(model, what, hidden.pk), page(model, what, ours.organisation_id), page(model, what, "nonsense")):
        if model is Organisation and str(ours.organisation_id) in url:
            continue
        for answer in (browser.get(url), browser.post(url, {"post": "yes"})):
            assert answer.status_code == 404, url
    assert type(hidden).objects.filter(pk=hidden.pk).exists()
    listed = browser.get(page(model, "changelist")).content.decode()
    assert str(hidden.pk) not in listed


@pytest.mark.parametrize("model", KERNEL, ids=lambda model: model.__name__)
def test_the_kernels_rows_are_for_superusers(model: type[Any]) -> None:
    one = kernel_row(model)
    staff = signed_in(member(ProjectFactory.create(), "admin", is_staff=True))
    assert staff.get(page(model, "change", one.pk)).status_code == 404
    link = page(model, "change", one.pk)
    assert link not in staff.get(page(model, "changelist")).content.decode()
    root = signed_in(UserFactory.create(is_superuser=True, is_staff=True))
    assert root.get(page(model, "change", one.pk)).status_code == 200
    assert link in root.get(page(model, "changelist")).content.decode()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_staff_look_and_do_not_touch(model: type[Any]) -> None:
    project = ProjectFactory.create()
    me = member(project, "admin", is_staff=True)
    own = {Organisation: project.organisation, Team: TeamFactory.create(organisation=project.organisation)}
    mine = own.get(model) or (ApiTokenFactory.create(user=me) if model is ApiToken else row(model, project))
    browser = signed_in(me)
    if model is User:
        return
    assert browser.get(page(model, "change", mine.pk)).status_code == 200
    for url in (page(model, "change", mine.pk), page(model, "delete", mine.pk), page(model, "add")):
        assert browser.post(url, {"post": "yes", "name": "changed"}).status_code == 403


@pytest.mark.parametrize("model", SHOWN_ONLY, ids=lambda model: model.__name__)
def test_a_superuser_cannot_go_past_the_services_either(model: type[Any]) -> None:
    one = kernel_row(model) if model in KERNEL else row(model, ProjectFactory.create())
    root = signed_in(UserFactory.create(is_superuser=True, is_staff=True))
    assert root.get(page(model, "change", one.pk)).status_code == 200
    for url in (page(model, "change", one.pk), page(model, "delete", one.pk), page(model, "add")):
        assert root.post(url, {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [str(one.pk)], "post": "yes"}
    root.post(page(model, "changelist"), selected)
    assert type(one).objects.filter(pk=one.pk).exists()


def test_digests_and_ciphertext_are_not_shown() -> None:
    root = signed_in(UserFactory.create(is_superuser=True, is_staff=True))
    token, secret = ApiTokenFactory.create(), SecretFactory.create(ciphertext=b"CIPHERTEXT" * 4, nonce=b"NONCENONCE12")
    shown = root.get(page(ApiToken, "change", token.pk)).content.decode()
    assert token.prefix in shown
    assert token.digest not in shown
    shown = root.get(page(Secret, "change", secret.pk)).content.decode()
    assert secret.name in shown
    assert "CIPHERTEXT" not in shown
    assert "NONCE" not in shown


def test_filters_name_only_what_is_visible() -> None:
    ours, theirs = ProjectFactory.create(name="ours"), ProjectFactory.create(name="their-secret-plan")
    for project in (ours, theirs, ProjectFactory.create(organisation=ours.organisation, name="their-second")):
        SecretFactory.create(project=project)
    me = member(ours, "admin", is_staff=True)
    second = ProjectFactory.create(organisation=ours.organisation, name="ours-too")
    SecretFactory.create(project=second)
    shown = signed_in(me).get(page(Secret, "changelist")).content.decode()
    assert "ours" in shown
    assert "their-" not in shown


def test_only_staff_come_in() -> None:
    for user in (UserFactory.create(), UserFactory.create(is_superuser=True)):
        answer = signed_in(user).get("/admin/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


def test_a_superuser_makes_accounts_and_every_change_is_told() -> None:
    root = UserFactory.create(is_superuser=True, is_staff=True)
    browser = signed_in(root)
    organisation = OrganisationFactory.create()
    new = {"username": "cy", "organisation": str(organisation.pk), "usable_password": "true",
           "password1": PASSWORD, "password2": PASSWORD}  # fmt: skip
    answer = browser.post(page(User, "add"), new)
    cy = User.objects.get(username="cy")
    assert (answer.status_code, cy.organisation) == (302, organisation)
    assert cy.check_password(PASSWORD)
    assert AuditEvent.objects.get(action="user.created").actor_name == root.username
    assert browser.post(page(User, "delete", cy.pk), {"post": "yes"}).status_code == 403


def test_failed_sign_ins_count_here_too() -> None:
    cache.clear()
    UserFactory.create(username="root", is_superuser=True, is_staff=True)
    browser, url = Client(), reverse("admin:login")
    right = {"username": "root", "password": PASSWORD}
    assert browser.post(url, right).status_code == 302
    for _ in range(10):
        assert "Please enter the correct" in browser.post(url, right | {"password": "wrong"}).content.decode()
    assert "Too many failed sign-ins" in Client().post(url, right).content.decode()
    assert Client().post("/api/v1/auth/login", right, content_type="application/json").status_code == 429
    cache.clear()
    UserFactory.create(username="plain")
    assert "Please enter the correct" in Client().post(url, right | {"username": "plain"}).content.decode()


def test_every_page_of_ours_starts_at_what_is_visible() -> None:
    ours = [page for model, page in admin.site._registry.items() if model.__module__.startswith("apps.")]
    assert len(ours) >= len(MODELS) + len(KERNEL)
    assert [page for page in ours if not isinstance(page, VisibleAdmin)] == []


def test_an_organisation_comes_with_its_team() -> None:
    browser = signed_in(UserFactory.create(is_superuser=True, is_staff=True))
    answer = browser.post(page(Organisation, "add"), {"name": "acme", "title": "Acme"})
    acme = Organisation.objects.get(name="acme")
    assert (answer.status_code, [team.name for team in acme.teams.all()]) == (302, ["default"])
    changed = {"name": "renamed", "title": "Acme & Co"}
    assert browser.post(page(Organisation, "change", acme.pk), changed).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.title) == ("acme", "Acme & Co")
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["organisation.created", "team.created", "organisation.changed"]


@pytest.mark.parametrize("model", [*MODELS, *KERNEL], ids=lambda model: model.__name__)
def test_every_list_opens_and_can_be_searched(model: type[Any]) -> None:
    row(model, ProjectFactory.create()) if model in MODELS else kernel_row(model)
    root = signed_in(UserFactory.create(is_superuser=True, is_staff=True))
    assert root.get(page(model, "changelist")).status_code == 200
    if admin.site._registry[model].search_fields:
        assert root.get(page(model, "changelist") + "?q=0198c0de-0000-7000-8000-000000000000").status_code == 200
        assert root.get(page(model, "changelist") + "?q=word").status_code == 200
