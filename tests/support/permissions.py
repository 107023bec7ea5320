"""Who may do what over REST: a table of cases, each tried by every kind of caller.

A module `tests/api/test_<app>_permissions.py` holds a list `CASES` and one test:

    CASES = [
        Case("POST", "/api/v1/secrets", body=lambda ctx: {...}, role=Role.ADMIN, status=201, scope="admin"),
        Case("GET", lambda ctx: f"/api/v1/secrets/{SecretFactory.create(project=ctx.project).pk}"),
    ]

    @pytest.mark.django_db
    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_who_may(case: Case) -> None:
        check(case)

`tests/api/test_permission_coverage.py` fails for a route and method without a case.

For each case `check` tries: nobody (401); a stranger, who is admin of another project of the same organisation (404;
a list without one row of ours; 403 where nothing belongs to a project); every weaker role (403, code `forbidden`); the
allowed caller with a token that may only read (403 for writes); an inactive account (401); at last the allowed caller,
who gets `status`. After every refusal each table has as many rows as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from django.apps import apps
from django.db import connection
from django.urls import resolve
from rest_framework.test import APIClient

from apps.access.models import Organisation, Project, Team, User
from apps.access.states import Role, TokenScope
from tests.support.factories.access import ProjectFactory, TeamFactory, UserFactory, grant, member, token_for

ANY_USER = "any_user"
"""Everybody with an account; an object in the path is the caller's own."""
SUPERUSER = "superuser"
"""Administrators of the installation."""
APPS = ("common", "access", "quotas", "datasets", "experiments", "deployments")
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class Context:
    """A project with a member of each role, and those who have nothing to do with it."""

    project: Project
    viewer: User
    editor: User
    admin: User
    stranger: User
    """Admin of another project of the same organisation."""
    other_project: Project
    anybody: User
    """Of the organisation, without any role."""
    superuser: User
    caller: User
    """Who is allowed in the case at hand."""

    @property
    def organisation(self) -> Organisation:
        return self.project.organisation

    @property
    def team(self) -> Team:
        return self.project.team


@dataclass(frozen=True)
class Case:
    """One method of one route.

    Args:
        path: the address, or a function that makes the object it names in `ctx.project` first; called per attempt.
        body: a function that gives the body; called per attempt.
        role: the weakest role that is let through, or ANY_USER, or SUPERUSER.
        status: what the allowed caller gets.
        scope: of the token; `read` for safe methods and `write` for others by default.
        stranger: what the stranger gets, where it is not as described above.
        weaker: what weaker roles get; 404 where they may not even see it.
        format: `json` or `multipart`.
        headers: a function that gives further headers; called per attempt.
    """

    method: str
    path: str | Callable[[Context], str]
    body: Callable[[Context], Any] | None = None
    role: str = Role.VIEWER
    status: int = 200
    scope: str = ""
    stranger: int = 0
    weaker: int = 403
    format: str = "json"
    headers: Callable[[Context], dict[str, str]] | None = None
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.name:
            return self.name
        where = self.path if isinstance(self.path, str) else f"line-{self.path.__code__.co_firstlineno}"
        return f"{self.method}-{where.removeprefix('/api/v1/')}"

    def address(self, ctx: Context) -> str:
        return self.path if isinstance(self.path, str) else self.path(ctx)

    def route(self, ctx: Context) -> tuple[str, str]:
        """Method and route, as the URLconf names it. Makes objects."""
        return self.method, resolve(self.address(ctx).split("?")[0]).route

    @property
    def needed_scope(self) -> str:
        return self.scope or (TokenScope.READ if self.method in SAFE else TokenScope.WRITE)


def context(role: str) -> Context:
    """A new project with everybody around it; `caller` is who has that role."""
    project = ProjectFactory.create()
    other = ProjectFactory.create(organisation=project.organisation, team=project.team)
    viewer, editor, admin = (member(project, each) for each in Role.values)
    stranger, anybody = (UserFactory.create(organisation=project.organisation) for _ in range(2))
    grant(stranger, other, Role.ADMIN)
    superuser = UserFactory.create(organisation=project.organisation, is_superuser=True, is_staff=True)
    for user in (viewer, editor, admin, stranger, anybody):
        user.teams.add(project.team)
    callers = {Role.VIEWER: viewer, Role.EDITOR: editor, Role.ADMIN: admin, ANY_USER: anybody, SUPERUSER: superuser}
    TeamFactory.create(organisation=project.organisation, name="default")
    return Context(project, viewer, editor, admin, stranger, other, anybody, superuser, callers[role])


def check(case: Case) -> None:
    """Try the case as every kind of caller; raises AssertionError with who got what."""
    ctx = context(case.role)
    _refused(case, ctx, "nobody", None, 401)
    _try_stranger(case, ctx)
    for role in _weaker(case.role):
        user: User = getattr(ctx, role)
        answer = _refused(case, ctx, role, token_for(user), case.weaker)
        if case.weaker == 403:
            assert answer.json()["code"] == "forbidden", f"{case} as {role}: {answer.json()}"
    if case.needed_scope != TokenScope.READ:
        others = [scope for scope in TokenScope.values if scope != case.needed_scope]
        _refused(case, ctx, "a token that may only read", token_for(ctx.caller, TokenScope.READ), 403)
        _refused(case, ctx, "a token without the scope", token_for(ctx.caller, *others), 403)
    else:
        _refused(case, ctx, "a token that may not read", token_for(ctx.caller, TokenScope.INFER), 403)
    answer = _send(case, ctx, token_for(ctx.caller, case.needed_scope))
    assert answer.status_code == case.status, f"{case} as {case.role}: {answer.status_code} {_text(answer)[:2000]}"
    inactive = ctx.caller
    inactive.is_active = False
    inactive.save()
    _refused(case, ctx, "an inactive account", token_for(inactive), 401)


def _try_stranger(case: Case, ctx: Context) -> None:
    address = case.address(ctx)
    names_object = bool(resolve(address.split("?")[0]).kwargs)
    if case.role == ANY_USER and not names_object:
        return
    if case.stranger:
        expected = case.stranger
    elif case.role == SUPERUSER:
        expected = 403
    elif case.method in SAFE and not names_object:
        expected = 200
    else:
        expected = 404
    answer = _refused(case, ctx, "a stranger", token_for(ctx.stranger), expected, address)
    if expected == 200:
        assert str(ctx.project.pk) not in _text(answer), f"{case} as a stranger shows the project: {_text(answer)}"
    if expected == 404:
        assert answer.json()["code"] == "not_found", f"{case} as a stranger: {answer.json()}"


def _weaker(role: str) -> list[str]:
    if role == SUPERUSER:
        return list(Role.values)
    return list(Role.values[: Role.values.index(role)]) if role in Role.values else []


def _refused(case: Case, ctx: Context, who: str, token: str | None, status: int, address: str = "") -> Any:
    """Send, and see that nothing came of it."""
    address = address or case.address(ctx)
    body = case.body(ctx) if case.body else None
    before = _rows()
    answer = _send(case, ctx, token, address, body)
    assert answer.status_code == status, f"{case} as {who}: {answer.status_code}, not {status}: {_text(answer)[:2000]}"
    after = _rows()
    changed = {table: (before[table], after[table]) for table in before if before[table] != after[table]}
    assert not changed, f"{case} as {who} was answered {status}, and yet something happened: {changed}"
    return answer


def _send(case: Case, ctx: Context, token: str | None, address: str = "", body: Any = None) -> Any:
    client = APIClient(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= case.headers(ctx) if case.headers else {}
    address = address or case.address(ctx)
    body = body if body is not None else case.body(ctx) if case.body else None
    return (
        client.generic(case.method, address, headers=headers)
        if body is None
        else getattr(client, case.method.lower())(address, body, format=case.format, headers=headers)
    )


def _rows() -> dict[str, int]:
    """How many rows each table has. One statement, planned once for a connection: that is nearly all of its time."""
    with connection.cursor() as cursor:
        if connection.connection not in _planned:
            tables = [model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()]
            counts = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables)
            cursor.execute(f"PREPARE rows_of_tables AS {counts}")
            _planned.add(connection.connection)
        cursor.execute("EXECUTE rows_of_tables")
        return dict(cursor.fetchall())


_planned: WeakSet[Any] = WeakSet()
"""Connections that know the statement."""


def _text(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content.decode(errors="replace"))
