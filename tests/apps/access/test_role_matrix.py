"""People × projects: who administers a project gives and takes its roles, all of a form or none, audited."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.models import Project, User
from apps.access.permissions import role_of
from apps.access.services.roles import RoleChange, roles_save
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import Conflict, StaleState
from apps.common.models import AuditEvent
from tests.support.factories.access import ProjectFactory, UserFactory, grant, member

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


def page() -> str:
    return reverse("admin:access_project_roles")


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def cell(project: Project, user: User, was: str) -> str:
    return f"r|{project.pk}|{user.pk}|{was}"


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


@pytest.fixture
def ours() -> Project:
    project: Project = ProjectFactory.create(name="ours")
    return project


@pytest.fixture
def ann(ours: Project) -> User:
    return member(ours, Role.ADMIN, is_staff=True, username="ann")


def test_roles_are_given_changed_and_taken_in_one_go(ours: Project, ann: User) -> None:
    second = ProjectFactory.create(organisation=ours.organisation, name="second")
    bo, cy = member(ours, Role.VIEWER, username="bo"), member(ours, Role.EDITOR, username="cy")
    root = UserFactory.create(username="root", is_staff=True, is_superuser=True)
    member(second, Role.ADMIN)
    changed = {cell(ours, bo, "viewer"): "editor", cell(ours, cy, "editor"): "", cell(second, bo, ""): "viewer"}
    assert signed_in(root).post(page(), changed | {cell(ours, ann, "admin"): "admin"}).status_code == 302
    assert [role_of(user, ours) for user in (ann, bo, cy)] == ["admin", "editor", ""]
    assert role_of(bo, second) == "viewer"
    told = AuditEvent.objects.filter(action__startswith="project.member_")
    assert {(one.actor_name, one.subject_name, one.detail["username"], one.detail["role"]) for one in told} == {
        ("root", "ours", "bo", "editor"),
        ("root", "ours", "cy", ""),
        ("root", "second", "bo", "viewer"),
    }


def test_an_admin_hands_the_project_over_and_cannot_leave_it_alone(ours: Project, ann: User) -> None:
    bo = member(ours, Role.VIEWER, username="bo")
    browser = signed_in(ann)
    alone = browser.post(page(), {cell(ours, ann, "admin"): "viewer", cell(ours, bo, "viewer"): "editor"})
    assert alone.status_code == 409
    assert "ann · ours: Not possible in the present state: ann is the only admin of ours" in text_of(alone)
    assert (role_of(ann, ours), role_of(bo, ours)) == ("admin", "viewer"), "all or nothing"
    assert not AuditEvent.objects.filter(action__startswith="project.member_").exists()
    assert browser.post(page(), {cell(ours, ann, "admin"): "viewer", cell(ours, bo, "viewer"): "admin"}).status_code
    assert (role_of(ann, ours), role_of(bo, ours)) == ("viewer", "admin")


def test_a_change_by_somebody_else_is_seen(ours: Project, ann: User) -> None:
    bo = member(ours, Role.EDITOR, username="bo")
    answer = signed_in(ann).post(page(), {cell(ours, bo, "viewer"): "admin"})  # the page was made before
    assert answer.status_code == 409
    assert "bo · ours: somebody else set it to editor meanwhile" in text_of(answer)
    assert role_of(bo, ours) == "editor"
    with pytest.raises(StaleState):
        roles_save([RoleChange(ours, bo, "", "admin")], actor=ACTOR)
    with pytest.raises(Conflict) as caught:
        roles_save([RoleChange(ours, ann, "admin", "")], actor=ACTOR)
    assert list(caught.value.fields) == [f"{ours.pk} {ann.pk}"]


def test_a_newcomer_is_a_colleague(ours: Project, ann: User) -> None:
    dara = UserFactory.create(username="dara", organisation=ours.organisation)
    UserFactory.create(username="stranger")
    browser = signed_in(ann)
    offered = browser.get(page()).content.decode()
    assert ('value="dara"' in offered, "stranger" in offered) == (True, False)
    role = {f"new|{ours.pk}": "editor"}
    for name in ("stranger", "nobody", ""):
        assert "is nobody in the organisation" in text_of(browser.post(page(), role | {"new_user": name}))
    assert "Choose a role for dara" in text_of(browser.post(page(), {"new_user": "dara"}))
    assert browser.post(page(), role | {"new_user": "dara"}).status_code == 302
    assert role_of(dara, ours) == "editor"


def test_a_foreign_project_is_not_there(ours: Project, ann: User) -> None:
    theirs = ProjectFactory.create(name="their-plan", organisation=ours.organisation)
    bo = member(theirs, Role.VIEWER, username="bo-of-theirs")
    watched = ProjectFactory.create(name="watched", organisation=ours.organisation)
    grant(ann, watched, Role.EDITOR)
    browser = signed_in(ann)
    shown = browser.get(page()).content.decode()
    row = 'scope="row">bo-of-theirs'
    assert ("their-plan" in shown, row in shown, "watched" in shown) == (False, False, False)
    assert browser.get(page(), {"project": str(theirs.pk)}).status_code == 404
    assert browser.get(page(), {"project": "nonsense"}).status_code == 404
    for project in (theirs, watched):
        browser.post(page(), {cell(project, bo, "viewer"): "admin", "new_user": "ann", f"new|{project.pk}": "admin"})
        assert role_of(ann, project) == ("editor" if project == watched else "")
    assert role_of(bo, theirs) == "viewer"
    assert not AuditEvent.objects.filter(action__startswith="project.member_").exists()


def test_who_administers_nothing_is_told_so(ours: Project) -> None:
    viewer = signed_in(member(ours, Role.EDITOR, is_staff=True))
    assert "You administer no project" in viewer.get(page()).content.decode()
    assert Client().get(page()).status_code == 302
