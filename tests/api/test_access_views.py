"""Projects, members, the audit trail over REST, and what the API's document says of it all."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common.models import AuditEvent
from tests.support.factories.access import (
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


def client(user: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def test_a_project_is_made_and_found() -> None:
    ann = UserFactory.create()
    ann.teams.add(TeamFactory.create(organisation=ann.organisation))
    api = client(ann)
    made = api.post("/api/v1/projects", {"name": "credit-risk", "title": "Credit risk"})
    assert (made.status_code, made.json()["role"], made.json()["title"]) == (201, "admin", "Credit risk")
    assert api.get(f"/api/v1/projects/{made.json()['id']}").json() == made.json()
    assert api.get("/api/v1/projects?name=credit-risk").json()["results"] == [made.json()]
    again = api.post("/api/v1/projects", {"name": "credit-risk"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    bad = api.post("/api/v1/projects", {"name": "no spaces"})
    assert (bad.status_code, list(bad.json()["fields"])) == (400, ["name"])


def test_a_hidden_team_does_not_exist() -> None:
    answer = client(UserFactory.create()).post("/api/v1/projects", {"name": "p", "team": str(TeamFactory.create().pk)})
    assert (answer.status_code, answer.json()["detail"]) == (404, "team: not found")


def test_members_come_and_go() -> None:
    project = ProjectFactory.create()
    admin = member(project, Role.ADMIN, username="ann")
    bo = UserFactory.create(organisation=project.organisation, username="bo")
    api, url = client(admin), f"/api/v1/projects/{project.pk}/members"
    for who in ("bo", str(bo.pk)):
        answer = api.put(url, {"user": who, "role": "editor"})
        assert answer.status_code == 200
        assert [(one["user"]["username"], one["role"]) for one in answer.json()["results"]] == [
            ("ann", "admin"),
            ("bo", "editor"),
        ]
    assert api.get(url).json() == answer.json()
    assert AuditEvent.objects.filter(action="project.member_granted").count() == 1
    for unknown in ("nobody", UserFactory.create().username, str(UserFactory.create().pk)):
        answer = api.put(url, {"user": unknown, "role": "viewer"})
        assert (answer.status_code, answer.json()["detail"]) == (404, "user: not found")
    assert api.put(url, {"user": "bo", "role": "owner"}).status_code == 400
    assert client(bo).delete(f"{url}/bo").status_code == 204
    last = api.delete(f"{url}/{admin.pk}")
    assert (last.status_code, last.json()["code"]) == (409, "conflict")
    assert api.delete(f"{url}/bo").status_code == 404


def test_the_audit_trail_shows_what_one_administers_and_what_one_did() -> None:
    ours, theirs = ProjectFactory.create(), ProjectFactory.create()
    admin, editor, root = member(ours, Role.ADMIN), member(ours), UserFactory.create(is_superuser=True)
    bo = UserFactory.create(organisation=ours.organisation)
    for project in (ours, theirs):
        other = UserFactory.create(organisation=project.organisation)
        client(root).put(f"/api/v1/projects/{project.pk}/members", {"user": other.username, "role": "viewer"})
    client(admin).put(f"/api/v1/projects/{ours.pk}/members", {"user": bo.username, "role": "viewer"})
    client(editor).post("/api/v1/tokens", {"name": "x", "scopes": ["read"]})

    def seen(user: User, query: str = "") -> list[str]:
        return [row["id"] for row in client(user).get(f"/api/v1/audit-events{query}").json()["results"]]

    rows = [str(row.pk) for row in AuditEvent.objects.order_by("-id")]
    token_made, by_admin, theirs_by_root, ours_by_root = rows
    assert seen(root) == rows
    assert seen(admin) == [by_admin, ours_by_root]
    assert seen(editor) == [token_made]
    assert seen(bo) == []
    assert seen(root, f"?project={theirs.pk}") == [theirs_by_root]
    assert seen(root, f"?actor_id={admin.pk}") == seen(admin, f"?actor_id={admin.pk}") == [by_admin]
    assert seen(root, "?action=api_token.created") == seen(root, "?subject_kind=api_token") == [token_made]
    moment = AuditEvent.objects.get(pk=by_admin).at.isoformat().replace("+", "%2B")
    assert seen(root, f"?since={moment}&ordering=at") == [by_admin, token_made]
    assert seen(root, f"?until={moment}") == [theirs_by_root, ours_by_root]


@pytest.mark.parametrize(
    "path", ["organisations", "teams", "projects", "tokens", "secrets", "approvals", "audit-events"]
)
def test_a_list_costs_the_same_for_one_row_and_for_many(path: str) -> None:
    root = UserFactory.create(is_superuser=True)
    counts = []
    for more in (1, 12):
        for _ in range(more):
            project = ProjectFactory.create(team=TeamFactory.create())
            SecretFactory.create(project=project)
            ApprovalRequestFactory.create(project=project, decided_by=UserFactory.create())
            ApiTokenFactory.create(user=root)
            OrganisationFactory.create()
            client(root).put(
                f"/api/v1/projects/{project.pk}/members", {"user": member(project).username, "role": "viewer"}
            )
        with CaptureQueriesContext(connection) as captured:
            assert len(client(root).get(f"/api/v1/{path}").json()["results"]) >= more
        counts.append(len(captured))
    assert counts == [1, 1]


def test_members_cost_the_same_for_one_and_for_many() -> None:
    project = ProjectFactory.create()
    admin = member(project, Role.ADMIN)
    counts = []
    for more in (1, 10):
        for _ in range(more):
            member(project)
        with CaptureQueriesContext(connection) as captured:
            client(admin).get(f"/api/v1/projects/{project.pk}/members")
        counts.append(len(captured))
    assert counts == [3, 3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


OURS = (
    "auth/",
    "users",
    "roles",
    "organisations",
    "teams",
    "projects",
    "tokens",
    "secrets",
    "approvals",
    "audit-events",
)


def test_the_document_tells_every_operation_with_its_errors(document: dict[str, Any]) -> None:
    seen = 0
    for path, operations in document["paths"].items():
        if not path.removeprefix("/api/v1/").startswith(OURS):
            continue
        for method, operation in operations.items():
            seen += 1
            where = f"{method} {path}"
            assert operation.get("summary"), where
            answers = operation["responses"]
            assert "application/problem+json" in answers["401"]["content"], where
            assert ("404" in answers) is ("{" in path), where
            assert ("409" in answers) is (method != "get"), where
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert ("Idempotency-Key" in names) is (method == "post" and "201" in answers), where
    assert seen == 32
    assert document["components"]["schemas"]["Problem"]["required"][0] == "type"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_document_does_not_promise_a_secret_back(document: dict[str, Any]) -> None:
    assert "value" not in document["components"]["schemas"]["Secret"]["properties"]
    assert "digest" not in document["components"]["schemas"]["Token"]["properties"]
