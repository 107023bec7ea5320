"""What the pages of access show: names beside ids, who may decide what, roles and people, searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.services.commands import command_register
from apps.access.states import Role, Verb
from apps.common import clock
from apps.common.audit import Actor, record
from tests.api.test_access_permissions import CASES
from tests.support.factories.access import (
    ApprovalRequestFactory,
    OrganisationFactory,
    ProjectFactory,
    SecretFactory,
    UserFactory,
    member,
)
from tests.support.permissions import SUPERUSER

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def project() -> Project:
    made: Project = ProjectFactory.create(name="vision", title="Eyes of the house")
    return made


def client(user: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def read(user: User, path: str, **query: Any) -> Any:
    answer = client(user).get(f"{API}/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def names(user: User, path: str, column: str = "name", **query: Any) -> list[str]:
    return [row[column] for row in read(user, path, **query)["results"]]


# Projects, people, roles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_a_project_says_what_one_may_do_in_it(project: Project, role: str) -> None:
    user = member(project, role)
    told = read(user, f"projects/{project.pk}")
    assert read(user, "users/me")["projects"] == [told]
    assert (told["organisation_name"], told["team_name"]) == (project.organisation.name, project.team.name)
    permissions = ["view_project", "edit_project", "administer_project"]
    assert told["permissions"] == permissions[: Role.values.index(role) + 1]
    [meaning] = [row for row in read(user, "roles")["results"] if row["role"] == role]
    assert (told["permissions"], told["verbs"]) == (meaning["permissions"], meaning["verbs"])


def test_the_table_of_roles_is_what_the_endpoints_ask_for(project: Project) -> None:
    rows = read(member(project, Role.VIEWER), "roles")["results"]
    assert [row["role"] for row in rows] == [*Role.values, "superuser"]
    assert set(rows[-1]["verbs"]) == set(Verb.values)
    weakest = {verb: row["role"] for row in reversed(rows) for verb in row["verbs"]}
    asked = {str(case): case.role for case in CASES}
    [members_put] = [case.role for case in CASES if case.method == "PUT"]
    assert weakest["grant_roles"] == members_put == Role.ADMIN
    assert weakest["set_secrets"] == asked["POST-secrets"] == Role.ADMIN
    assert weakest["ask_for_approval"] == asked["POST-approvals"] == Role.EDITOR
    assert weakest["make_teams"] == asked["POST-teams"] == SUPERUSER
    assert (weakest["read"], weakest["create"], weakest["decide_requests"]) == ("viewer", "editor", "admin")


def test_members_have_names_and_a_date(project: Project) -> None:
    admin = member(project, Role.ADMIN, username="ann", first_name="Ann", last_name="Lee")
    UserFactory.create(organisation=project.organisation, username="bo")
    client(admin).put(f"{API}/projects/{project.pk}/members", {"user": "bo", "role": "viewer"})
    client(admin).put(f"{API}/projects/{project.pk}/members", {"user": "bo", "role": "editor"})
    given = read(admin, "audit-events", subject_id=str(project.pk))["results"][0]["at"]
    ann, bo = read(admin, f"projects/{project.pk}/members")["results"]
    assert (ann["user"]["full_name"], ann["role"], ann["since"]) == ("Ann Lee", "admin", None)
    assert (bo["user"]["username"], bo["role"], bo["since"]) == ("bo", "editor", given)


def test_people_are_found_by_who_gives_roles_among_their_own(project: Project) -> None:
    admin = member(project, Role.ADMIN, username="ann")
    UserFactory.create(organisation=project.organisation, username="bo", first_name="Robert", last_name="Lee")
    UserFactory.create(organisation=project.organisation, username="gone", is_active=False)
    UserFactory.create(username="bo-elsewhere")
    assert names(admin, "users", "username") == ["ann", "bo"]
    assert names(admin, "users", "username", search="BER") == ["bo"]
    assert names(admin, "users", "username", search="robert lee") == ["bo"]
    [bo] = read(admin, "users", search="bo")["results"]
    assert set(bo) == {"id", "username", "first_name", "last_name", "full_name"}
    assert bo["full_name"] == "Robert Lee"
    root = UserFactory.create(is_superuser=True)
    assert names(root, "users", "username", search="bo-else") == ["bo-elsewhere"]
    answer = client(member(project, Role.EDITOR)).get(f"{API}/users")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_projects_and_pools_are_found_by_a_part_of_their_name(project: Project) -> None:
    ProjectFactory.create(name="vision-of-others")
    user = member(project, Role.VIEWER)
    assert names(user, "projects", search="ISIO") == names(user, "projects", search="of the house") == ["vision"]
    assert names(user, "projects", search="risk") == []
    assert names(user, "pools", search="x") == []


def test_a_search_with_a_character_that_no_text_has_is_refused(project: Project) -> None:
    assert client(member(project)).get(f"{API}/projects", {"search": "\x00"}).status_code == 400


def test_secrets_and_teams_have_names_beside_their_ids(project: Project) -> None:
    SecretFactory.create(project=project)
    user = member(project)
    assert names(user, "secrets", "project_name") == ["vision"]
    assert names(user, "teams", "organisation_name") == [project.organisation.name]


# Approvals and the audit trail ----------------------------------------------------------------------------------

ANYBODY, ROOT = "people_test.run", "people_test.quota"


@pytest.fixture
def commands() -> None:
    command_register(ANYBODY, lambda arguments: arguments)
    command_register(ROOT, lambda arguments: arguments, superuser_only=True)


@pytest.mark.usefixtures("commands")
def test_a_request_says_whether_one_may_decide_it_and_that_is_so(project: Project) -> None:
    admin, editor, root = member(project, Role.ADMIN), member(project), UserFactory.create(is_superuser=True)
    late = {"expires_at": clock.now() - timedelta(hours=1)}

    def ask(command: str = ANYBODY, by: User = editor, **kwargs: Any) -> str:
        return str(ApprovalRequestFactory.create(project=project, command=command, requested_by=by, **kwargs).pk)

    cases: list[tuple[User, str, str | None, int]] = [
        (admin, ask(), None, 200),
        (root, ask(ROOT), None, 200),
        (admin, ask(ROOT), "needs_superuser", 403),
        (admin, ask(by=admin), "own_request", 403),
        (member(project), ask(), "needs_admin", 403),
        (admin, ask(**late), "expired", 409),
        (admin, ask(state="denied"), "decided", 409),
        (root, ask("people_test.gone"), "unknown_command", 400),
    ]
    for user, pk, barred, status in cases:
        told = read(user, f"approvals/{pk}")
        assert (told["barred"], told["may_decide"], told["project_name"]) == (barred, barred is None, "vision")
        assert (pk in names(user, "approvals", "id", to_decide="true")) is (barred is None)
        assert (pk in names(user, "approvals", "id", to_decide="false")) is (barred is not None)
        answer = client(user).post(f"{API}/approvals/{pk}/approve")
        assert answer.status_code == status, (barred, answer.content)
    assert read(root, f"approvals/{cases[0][1]}")["barred"] == "decided"


@pytest.mark.usefixtures("commands")
def test_requests_are_filtered_and_tell_who_may_take_them_back(project: Project) -> None:
    admin, editor = member(project, Role.ADMIN), member(project)
    mine = ApprovalRequestFactory.create(project=project, command=ANYBODY, requested_by=editor)
    ApprovalRequestFactory.create(project=project, command=ANYBODY, state="expired")
    elsewhere = ProjectFactory.create()
    assert names(editor, "approvals", "may_withdraw", state="pending") == [True]
    assert names(admin, "approvals", "may_withdraw", state="pending", project=str(project.pk)) == [False]
    assert names(admin, "approvals", "id", requested_by=str(editor.pk)) == [str(mine.pk)]
    assert names(admin, "approvals", "id", project=str(elsewhere.pk)) == []
    assert client(admin).get(f"{API}/approvals", {"state": "thought-about"}).status_code == 400


@pytest.mark.usefixtures("commands")
def test_what_waits_for_a_decision_takes_one_query(project: Project) -> None:
    admin = member(project, Role.ADMIN)
    ApprovalRequestFactory.create_batch(5, project=project, command=ANYBODY)
    with CaptureQueriesContext(connection) as queries:
        assert len(names(admin, "approvals", "id", to_decide="true")) == 5
    assert len(queries) == 1


def test_the_audit_trail_names_projects_and_is_filtered_by_kind_of_actor(project: Project) -> None:
    admin = member(project, Role.ADMIN)
    record(Actor.system("expire"), "test.done", project, project_id=project.pk)
    record(Actor.user(admin), "test.undone", OrganisationFactory.create(), project_id=None)
    assert names(admin, "audit-events", "project_name") == [None, "vision"]
    assert names(admin, "audit-events", "action", actor_kind="system") == ["test.done"]
    assert names(admin, "audit-events", "actor_name", actor_kind="user") == [admin.username]
