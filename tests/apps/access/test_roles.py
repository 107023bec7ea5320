"""Projects and roles: a project always keeps an admin, and every grant is told."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from apps.access.models import Project, ProjectUserPermission, Secret, User
from apps.access.permissions import require, role_of
from apps.access.selectors import members_of, with_role
from apps.access.services.projects import organisation_create, project_create, team_create
from apps.access.services.roles import role_grant, role_revoke
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.common.models import AuditEvent, Event
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import (
    OrganisationFactory,
    ProjectFactory,
    SecretFactory,
    TeamFactory,
    UserFactory,
    grant,
    member,
)

ACTOR = Actor("user", "u1", "Ann")
pytestmark = pytest.mark.django_db


def roles(project: Project) -> dict[str, str]:
    return {one.user.username: one.role for one in members_of(project)}


def test_the_maker_of_a_project_is_its_admin() -> None:
    ann = UserFactory.create(username="ann")
    ann.teams.add(TeamFactory.create(organisation=ann.organisation, name="risk"))
    project = project_create(organisation=ann.organisation, name="credit-risk", owner=ann, actor=ACTOR)
    assert roles(project) == {"ann": "admin"}
    assert (project.organisation, project.team.name) == (ann.organisation, "risk")
    assert [row.action for row in AuditEvent.objects.order_by("id")] == ["project.created", "project.member_granted"]
    assert {row.project_id for row in AuditEvent.objects.all()} == {project.pk}
    assert [event.kind for event in Event.objects.order_by("id")] == ["project.created", "project.member_changed"]


def test_a_project_needs_a_place() -> None:
    ann = UserFactory.create()
    with pytest.raises(Invalid, match="no team"):
        project_create(organisation=ann.organisation, name="p", owner=ann, actor=ACTOR)
    team_create(organisation=ann.organisation, name="default", actor=ACTOR)
    assert project_create(organisation=ann.organisation, name="p", owner=ann, actor=ACTOR).team.name == "default"
    with pytest.raises(Conflict, match="A project named p exists already"):
        project_create(organisation=ann.organisation, name="p", owner=ann, actor=ACTOR)
    other = TeamFactory.create(organisation=ann.organisation)
    with pytest.raises(Forbidden, match="not a member of the team"):
        project_create(organisation=ann.organisation, team=other, name="q", owner=ann, actor=ACTOR)
    with pytest.raises(Invalid, match="another organisation"):
        project_create(organisation=ann.organisation, team=TeamFactory.create(), name="q", owner=ann, actor=ACTOR)
    with pytest.raises(Forbidden, match="belongs to its organisation"):
        project_create(organisation=OrganisationFactory.create(), name="q", owner=ann, actor=ACTOR)
    with pytest.raises(Forbidden, match="no organisation yet"):
        project_create(organisation=None, name="q", owner=UserFactory.create(organisation=None), actor=ACTOR)
    assert Project.objects.count() == 1


def test_names_are_taken_once() -> None:
    organisation = organisation_create(name="acme", actor=ACTOR)
    assert [team.name for team in organisation.teams.all()] == ["default"]
    with pytest.raises(Conflict):
        organisation_create(name="acme", actor=ACTOR)
    with pytest.raises(Conflict):
        team_create(organisation=organisation, name="default", actor=ACTOR)


def test_a_grant_sets_exactly_the_role() -> None:
    project = ProjectFactory.create()
    ann, bo = member(project, Role.ADMIN, username="ann"), member(project, Role.VIEWER, username="bo")
    for role in (Role.ADMIN, Role.EDITOR, Role.VIEWER, Role.VIEWER):
        role_grant(project=project, user=bo, role=role, actor=ACTOR)
        assert roles(project) == {"ann": "admin", "bo": role}
        assert role_of(bo, project) == role
    held = ProjectUserPermission.objects.filter(user=bo).values_list("permission__codename", flat=True)
    assert list(held) == ["view_project"]
    told = AuditEvent.objects.filter(action="project.member_granted").order_by("id")
    assert [(row.detail["before"], row.detail["role"]) for row in told] == [
        ("viewer", "admin"),
        ("admin", "editor"),
        ("editor", "viewer"),
    ]
    assert Event.objects.filter(kind="project.member_changed", project_id=project.pk).count() == 3
    role_revoke(project=project, user=bo, actor=ACTOR)
    assert roles(project) == {"ann": "admin"}
    assert role_of(ann, project) == "admin"


def test_a_project_keeps_an_admin() -> None:
    project = ProjectFactory.create()
    ann = member(project, Role.ADMIN)
    gone = member(project, Role.ADMIN, is_active=False)
    with pytest.raises(Conflict, match="the only admin"):
        role_revoke(project=project, user=ann, actor=ACTOR)
    with pytest.raises(Conflict, match="the only admin"):
        role_grant(project=project, user=ann, role=Role.EDITOR, actor=ACTOR)
    assert role_of(ann, project) == "admin"
    assert AuditEvent.objects.count() == 0
    bo = member(project, Role.VIEWER)
    role_grant(project=project, user=bo, role=Role.ADMIN, actor=ACTOR)
    role_revoke(project=project, user=ann, actor=ACTOR)
    role_revoke(project=project, user=gone, actor=ACTOR)
    assert roles(project) == {bo.username: "admin"}


def test_who_cannot_be_a_member() -> None:
    project = ProjectFactory.create()
    member(project, Role.ADMIN)
    for user in (UserFactory.create(), UserFactory.create(organisation=project.organisation, is_active=False)):
        with pytest.raises(Invalid, match="no active member"):
            role_grant(project=project, user=user, role=Role.VIEWER, actor=ACTOR)
    with pytest.raises(Invalid, match="'owner' is no role"):
        role_grant(project=project, user=member(project), role="owner", actor=ACTOR)
    with pytest.raises(NotFound):
        role_revoke(project=project, user=UserFactory.create(), actor=ACTOR)


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_remove_each_other_at_the_same_time() -> None:
    project = ProjectFactory.create()
    ann, bo = member(project, Role.ADMIN), member(project, Role.ADMIN)
    with transaction.atomic():
        role_revoke(project=project, user=ann, actor=ACTOR)
        thread = Thread(lambda: role_revoke(project=project, user=bo, actor=ACTOR))
        wait_until_blocked()
    assert isinstance(thread.join(), Conflict)
    assert roles(project) == {bo.username: "admin"}


def test_roles_include_the_weaker_ones() -> None:
    project = ProjectFactory.create()
    for held in Role:
        user = member(project, held)
        for needed in Role:
            if Role.values.index(needed) <= Role.values.index(held):
                require(user, project, needed)
            else:
                with pytest.raises(Forbidden, match=f"needs the role {needed} in project {project.name}; yours is"):
                    require(user, project, needed)
    for nobody in (UserFactory.create(), AnonymousUser(), member(project, Role.ADMIN, is_active=False)):
        with pytest.raises(NotFound):
            require(nobody, project, Role.VIEWER)
    require(UserFactory.create(is_superuser=True), project, Role.ADMIN)


def test_what_is_visible(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ours, theirs = ProjectFactory.create(), ProjectFactory.create()
    mine, hidden = SecretFactory.create(project=ours), SecretFactory.create(project=theirs)
    viewer = member(ours, Role.VIEWER)
    gone: User = member(ours, Role.VIEWER, is_active=False)
    with django_assert_num_queries(2):
        assert list(Project.objects.visible_to(viewer)) == [ours]
        assert list(Secret.objects.visible_to(viewer)) == [mine]
    for nobody in (AnonymousUser(), gone, UserFactory.create()):
        assert not Project.objects.visible_to(nobody).exists()
        assert not Secret.objects.visible_to(nobody).exists()
    root = UserFactory.create(is_superuser=True)
    assert set(Secret.objects.visible_to(root)) == {mine, hidden}


def test_each_projects_own_role() -> None:
    user = UserFactory.create()
    for role in Role:
        grant(user, ProjectFactory.create(name=f"as-{role}"), role)
    found = with_role(Project.objects.visible_to(user), user)
    assert {project.name: project.role for project in found} == {f"as-{role}": role.value for role in Role}


def test_a_row_takes_its_place_from_its_project() -> None:
    secret = SecretFactory.create()
    assert (secret.organisation_id, secret.team_id) == (secret.project.organisation_id, secret.project.team_id)
