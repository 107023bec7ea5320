"""Who may do what with projects, members, tokens, secrets, approvals and the audit trail."""

from __future__ import annotations

import pytest

from apps.access.services.commands import command_register
from apps.access.states import Role, TokenScope
from apps.common.audit import Actor, record
from tests.support.factories.access import ApiTokenFactory, ApprovalRequestFactory, SecretFactory, member
from tests.support.permissions import ANY_USER, SUPERUSER, Case, Context, check

ADMIN = TokenScope.ADMIN
ONE_COMMAND = "permission_test.run"


def secret(ctx: Context) -> str:
    return f"/api/v1/secrets/{SecretFactory.create(project=ctx.project).pk}"


def token(ctx: Context) -> str:
    return f"/api/v1/tokens/{ApiTokenFactory.create(user=ctx.caller).pk}"


def approval(ctx: Context, verb: str = "", by: str = "editor") -> str:
    one = ApprovalRequestFactory.create(project=ctx.project, command=ONE_COMMAND, requested_by=getattr(ctx, by))
    return f"/api/v1/approvals/{one.pk}{verb}"


def audit(ctx: Context) -> str:
    return f"/api/v1/audit-events/{audited(ctx)}"


def audited(ctx: Context) -> str:
    """The id of an audit row of the project."""
    return str(record(Actor.system("test"), "test.done", ctx.project, project_id=ctx.project.pk).pk)


def project(ctx: Context) -> str:
    return f"/api/v1/projects/{ctx.project.pk}"


CASES = [
    Case("POST", "/api/v1/auth/logout", role=ANY_USER, status=204),
    Case("GET", "/api/v1/users/me", role=ANY_USER),
    Case("GET", "/api/v1/users", role=Role.ADMIN),
    Case("GET", "/api/v1/roles", role=ANY_USER),
    Case("GET", "/api/v1/organisations", role=ANY_USER),
    Case("GET", lambda ctx: f"/api/v1/organisations/{ctx.organisation.pk}", role=ANY_USER, stranger=200),
    Case("GET", "/api/v1/teams", role=ANY_USER),
    Case("GET", lambda ctx: f"/api/v1/teams/{ctx.team.pk}", role=ANY_USER, stranger=200),
    Case(
        "POST",
        "/api/v1/teams",
        body=lambda ctx: {"organisation": str(ctx.organisation.pk), "name": "risk"},
        role=SUPERUSER,
        status=201,
        scope=ADMIN,
    ),
    Case("GET", "/api/v1/projects"),
    Case("POST", "/api/v1/projects", body=lambda ctx: {"name": "fresh"}, role=ANY_USER, status=201),
    Case("GET", project),
    Case("GET", lambda ctx: f"{project(ctx)}/members"),
    Case(
        "PUT",
        lambda ctx: f"{project(ctx)}/members",
        body=lambda ctx: {"user": ctx.anybody.username, "role": "editor"},
        role=Role.ADMIN,
        scope=ADMIN,
    ),
    Case(
        "DELETE",
        lambda ctx: f"{project(ctx)}/members/{member(ctx.project).pk}",
        role=Role.ADMIN,
        status=204,
        scope=ADMIN,
    ),
    Case("GET", "/api/v1/tokens", role=ANY_USER),
    Case(
        "POST",
        "/api/v1/tokens",
        body=lambda ctx: {"name": "ci", "scopes": ["read"]},
        role=ANY_USER,
        status=201,
        scope=ADMIN,
    ),
    Case("GET", token, role=ANY_USER),
    Case("DELETE", token, role=ANY_USER, status=204, scope=ADMIN),
    Case("GET", lambda ctx: f"/api/v1/secrets?ordering={'name' if secret(ctx) else ''}"),
    Case(
        "POST",
        "/api/v1/secrets",
        body=lambda ctx: {"project": str(ctx.project.pk), "name": "key", "value": "v"},
        role=Role.ADMIN,
        status=201,
        scope=ADMIN,
    ),
    Case("GET", secret),
    Case("DELETE", secret, role=Role.ADMIN, status=204, scope=ADMIN),
    Case("GET", lambda ctx: f"/api/v1/approvals?page_size={5 if approval(ctx) else 0}"),
    Case(
        "POST",
        "/api/v1/approvals",
        body=lambda ctx: {"project": str(ctx.project.pk), "command": ONE_COMMAND, "arguments": {}},
        role=Role.EDITOR,
        status=201,
    ),
    Case("GET", approval),
    Case("POST", lambda ctx: approval(ctx, "/approve"), role=Role.ADMIN, scope=ADMIN),
    Case("POST", lambda ctx: approval(ctx, "/deny"), role=Role.ADMIN, scope=ADMIN),
    Case("POST", lambda ctx: approval(ctx, "/withdraw"), role=Role.EDITOR),
    Case("GET", lambda ctx: f"/api/v1/audit-events?page_size={5 if audited(ctx) else 0}"),
    Case("GET", audit, role=Role.ADMIN, weaker=404),
]


@pytest.fixture(autouse=True)
def one_command() -> None:
    command_register(ONE_COMMAND, lambda arguments: arguments)


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
