"""Tokens, secrets and requests in the panel: each verb asks, calls its service, and is only for who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.models import Project, Secret
from apps.access.services.approvals import approval_request
from apps.access.services.commands import command_register
from apps.access.states import Role
from apps.common.audit import Actor, record
from apps.common.models import AuditEvent
from tests.support.factories.access import (
    ApiTokenFactory,
    ApprovalRequestFactory,
    ProjectFactory,
    SecretFactory,
    TeamFactory,
    UserFactory,
    member,
)
from tests.support.factories.quotas import QueueFactory

pytestmark = pytest.mark.django_db


def page(row: Any, what: str) -> str:
    return reverse(f"admin:access_{row._meta.model_name}_{what}", args=[row.pk])


def signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def root() -> Client:
    return signed_in(UserFactory.create(username="root", is_staff=True, is_superuser=True))


def state(row: Any) -> str:
    row.refresh_from_db()
    return str(row.state)


def test_a_superuser_revokes_anybodys_token_once() -> None:
    token = ApiTokenFactory.create(user=UserFactory.create(username="bo"))
    browser = root()
    asked = browser.get(page(token, "revoke")).content.decode()
    assert f"bp_{token.prefix}_… of bo is refused from now on" in asked
    assert state(token) == "active"
    assert browser.post(page(token, "revoke")).status_code == 302
    assert state(token) == "revoked"
    assert browser.post(page(token, "revoke")).status_code == 409
    assert [(one.action, one.actor_name) for one in AuditEvent.objects.all()] == [("api_token.revoked", "root")]


def test_many_tokens_are_revoked_at_once() -> None:
    tokens = [*ApiTokenFactory.create_batch(3), ApiTokenFactory.create(state="expired")]
    chosen = {"action": "verb_revoke", "_selected_action": [str(one.pk) for one in tokens], "index": "0"}
    browser, url = root(), reverse("admin:access_apitoken_changelist")
    assert "Revoke: 3 rows" in browser.post(url, chosen).content.decode()
    assert {state(one) for one in tokens} == {"active", "expired"}
    browser.post(url, chosen | {"confirmed": "1"})
    assert [state(one) for one in tokens] == ["revoked"] * 3 + ["expired"]


def test_people_revoke_their_own_tokens_and_see_no_others() -> None:
    me = member(ProjectFactory.create(), Role.ADMIN, is_staff=True)
    own, other = ApiTokenFactory.create(user=me), ApiTokenFactory.create()
    browser = signed_in(me)
    assert browser.post(page(other, "revoke")).status_code == 404
    assert browser.post(page(own, "revoke")).status_code == 302
    assert (state(own), state(other)) == ("revoked", "active")


@pytest.mark.parametrize(("verb", "to"), [("approve", "approved"), ("deny", "denied")])
def test_an_admin_of_the_project_decides(verb: str, to: str) -> None:
    command_register("test.command", lambda arguments: arguments)
    asked = ApprovalRequestFactory.create()
    decider = member(asked.project, Role.ADMIN, is_staff=True)
    browser = signed_in(decider)
    asked.requested_by.username = "asker"
    asked.requested_by.save()
    assert "asker" in browser.get(page(asked, verb)).content.decode()
    assert browser.post(page(asked, verb), {"detail": "for the audit"}).status_code == 302
    assert state(asked) == to
    assert asked.decided_by == decider
    assert AuditEvent.objects.get().detail == {"command": "test.command", "comment": "for the audit"}


def test_who_asked_and_who_may_not_decide() -> None:
    project = ProjectFactory.create()
    admin, editor = member(project, Role.ADMIN, is_staff=True), member(project, Role.EDITOR, is_staff=True)
    queue = QueueFactory.create(project=project)
    wanted = {"queue": str(queue.pk), "resource": "gpus", "nominal": 8}
    own = approval_request(
        project=project, command="quota.set", arguments=wanted, requested_by=admin, actor=Actor.user(admin)
    )
    stranger = signed_in(member(ProjectFactory.create(), Role.ADMIN, is_staff=True))
    for verb in ("approve", "deny"):
        assert signed_in(admin).post(page(own, verb), {"detail": ""}).status_code == 403, "asked it"
        assert signed_in(editor).post(page(own, verb), {"detail": ""}).status_code == 403, "no admin"
        assert stranger.post(page(own, verb), {"detail": ""}).status_code == 404
        second = member(project, Role.ADMIN, is_staff=True)
        assert signed_in(second).post(page(own, verb), {"detail": ""}).status_code == 403, "costs others"
    assert state(own) == "pending"
    shown = signed_in(admin).get(page(own, "change")).content.decode()
    assert page(own, "approve") not in shown
    assert root().post(page(own, "approve"), {"detail": ""}).status_code == 302
    assert state(own) == "approved"


def test_a_secret_is_deleted_by_an_admin_of_its_project() -> None:
    secret = SecretFactory.create()
    editor = signed_in(member(secret.project, Role.EDITOR, is_staff=True))
    assert editor.post(page(secret, "remove")).status_code == 403
    assert Secret.objects.filter(pk=secret.pk).exists()
    assert signed_in(member(secret.project, Role.ADMIN, is_staff=True)).post(page(secret, "remove")).status_code == 302
    assert not Secret.objects.filter(pk=secret.pk).exists()
    assert AuditEvent.objects.get().action == "secret.deleted"


def test_the_audit_trail_is_read_by_who_administers() -> None:
    ours, theirs = SecretFactory.create(name="ours-key"), SecretFactory.create(name="theirs-key")
    for one in (ours, theirs):
        record(Actor.system("x"), "secret.replaced", one, detail={"key_id": "k7"})
    browser = signed_in(member(ours.project, Role.ADMIN, is_staff=True))
    url = reverse("admin:common_auditevent_changelist")
    shown = browser.get(url).content.decode()
    assert ("ours-key" in shown, "theirs-key" in shown) == (True, False)
    assert "key_id k7" in shown
    seen, hidden = (AuditEvent.objects.get(subject_name=name) for name in ("ours-key", "theirs-key"))
    change = [reverse("admin:common_auditevent_change", args=[one.pk]) for one in (seen, hidden)]
    assert [browser.get(one).status_code for one in change] == [200, 404]
    assert browser.post(change[0], {"action": "x"}).status_code == 403
    for query in ("subject_kind=secret", f"project_id={ours.project_id}", "actor_kind=system", "q=secret.replaced"):
        assert "ours-key" in browser.get(f"{url}?{query}").content.decode()
    assert "ours-key" not in browser.get(f"{url}?q=secret.created").content.decode()
    history = browser.get(reverse("admin:access_secret_history", args=[ours.pk]))
    assert history["Location"] == f"{url}?q={ours.pk}"


def test_a_superuser_makes_a_project_for_somebody() -> None:
    team = TeamFactory.create(name="risk")
    owner = UserFactory.create(username="ann", organisation=team.organisation)
    owner.teams.add(team)
    url = reverse("admin:access_project_new")
    wanted = {"name": "credit-risk", "title": "Credit risk", "team": str(team.pk), "owner": "ann"}
    browser = root()
    assert "Nobody active has this name" in browser.post(url, wanted | {"owner": "x"}).content.decode()
    assert browser.post(url, wanted).status_code == 302
    made = Project.objects.get(name="credit-risk")
    assert (made.team, made.title) == (team, "Credit risk")
    assert AuditEvent.objects.filter(action="project.created", actor_name="root").count() == 1
    again = browser.post(url, wanted)
    assert (again.status_code, "exists already" in again.content.decode()) == (409, True)
    staff = signed_in(member(made, Role.ADMIN, is_staff=True))
    assert staff.post(url, wanted | {"name": "mine"}).status_code == 403
    assert Project.objects.count() == 1
