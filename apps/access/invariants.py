"""What must hold of people, roles, tokens, secrets and approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import Permission

from apps.access.models import (
    ApiToken,
    ApprovalRequest,
    Organisation,
    Project,
    ProjectScoped,
    ProjectUserPermission,
    Secret,
    Team,
    User,
)
from apps.access.permissions import NEEDED
from apps.access.services.secrets import secrets_open
from apps.access.states import Role
from apps.common.checks import audited, audited_all, story_of
from apps.common.errors import BedplateError
from apps.common.invariants import Check, Finding, Instant, Level, by_query, listed, rows, together
from apps.common.models import AuditEvent

_HELD = """
WITH held AS (
    SELECT g.content_object_id AS project_id, g.user_id,
           CASE WHEN bool_or(p.codename = %(admin)s) THEN 'admin'
                WHEN bool_or(p.codename = %(editor)s) THEN 'editor' ELSE 'viewer' END AS role,
           count(DISTINCT p.codename) FILTER (WHERE p.codename = ANY(%(known)s)) AS permissions,
           count(*) AS grants
    FROM {grant} g JOIN {permission} p ON p.id = g.permission_id
    GROUP BY g.content_object_id, g.user_id
)
"""
_NAMES = {"admin": NEEDED[Role.ADMIN], "editor": NEEDED[Role.EDITOR], "known": listed(NEEDED.values())}

_LAST_WORD = """,
told AS (
    SELECT subject_id, detail->>'user_id' AS user_id, detail->>'role' AS role, at,
           max(at) OVER (PARTITION BY subject_id, detail->>'user_id') AS last_at
    FROM {audit} WHERE action IN ('project.member_granted', 'project.member_revoked')
),
word AS (
    SELECT subject_id, user_id, array_agg(role) AS roles FROM told
    WHERE at > last_at - interval '30 seconds' GROUP BY subject_id, user_id
)
SELECT coalesce(w.user_id, h.user_id::text), coalesce(w.subject_id, h.project_id::text),
       coalesce(h.role, 'no role'), coalesce(array_to_string(w.roles, ' or '), 'nothing')
FROM held h FULL JOIN word w ON w.subject_id = h.project_id::text AND w.user_id = h.user_id::text
WHERE coalesce(h.role, '') <> ALL(coalesce(w.roles, '{{}}'))
"""
"""Two changes within half a minute may be noted in either order: each holds the project, after its time was taken."""


def _all_scoped(base: type[ProjectScoped] = ProjectScoped) -> Iterator[type[ProjectScoped]]:
    for model in base.__subclasses__():
        if not model._meta.abstract:
            yield model
        yield from _all_scoped(model)


def _strays(instant: Instant) -> Iterator[Finding]:
    for model in _all_scoped():
        name = model._meta.object_name
        yield from by_query(
            f"{name} {{}} says organisation {{}} and team {{}}; its project {{}} is of another",
            "SELECT r.id, r.organisation_id, r.team_id, p.id FROM {row} r JOIN {project} p ON p.id = r.project_id"
            " WHERE r.organisation_id <> p.organisation_id OR r.team_id <> p.team_id",
            row=model,
            project=Project,
        )(instant)


def _closed_secrets(instant: Instant) -> Iterator[Finding]:
    for project in Project.objects.filter(pk__in=Secret.objects.values("project")).order_by("id"):
        names = dict(Secret.objects.filter(project=project).order_by("id").values_list("name", "id"))
        if _why_closed(project, list(names)):
            for name, pk in names.items():
                if why := _why_closed(project, [name]):
                    yield Finding(f"secret {pk} ({name}) does not open: {why}")


def _why_closed(project: Project, names: list[str]) -> str:
    try:
        secrets_open(project, names)
    except BedplateError as error:
        return error.detail
    return ""


def _of_roles(text: str, sql: str, level: Level = Level.WRONG) -> Any:
    tables = {"grant": ProjectUserPermission, "permission": Permission, "audit": AuditEvent, "user": User}
    return by_query(text, _HELD + sql, _NAMES, level=level, **tables, project=Project)


def _last_words(instant: Instant) -> Iterator[Finding]:
    found = rows(_HELD + _LAST_WORD, _NAMES, grant=ProjectUserPermission, permission=Permission, audit=AuditEvent)
    for user_id, project_id, held, said in found:
        yield Finding(f"user {user_id} has {held} in project {project_id}; the audit trail says {said}")


CHECKS: Sequence[Check] = (
    story_of(ApiToken),
    story_of(ApprovalRequest),
    Check("project.rows", "Whatever belongs to a project is of its organisation and team.", _strays),
    Check(
        "project.roles",
        "A role is the whole of its permissions, within the organisation, and a project has an admin.",
        together(
            _of_roles(
                "user {} has {} permissions in project {}, which make no whole role",
                "SELECT user_id, grants, project_id FROM held WHERE grants <> permissions OR permissions <>"
                " CASE role WHEN 'admin' THEN 3 WHEN 'editor' THEN 2 ELSE 1 END",
            ),
            _of_roles(
                "user {} has a role in project {} of another organisation",
                "SELECT h.user_id, h.project_id FROM held h JOIN {user} u ON u.id = h.user_id"
                " JOIN {project} p ON p.id = h.project_id WHERE u.organisation_id IS DISTINCT FROM p.organisation_id",
                Level.WARNING,
            ),
            _of_roles(
                "project {} has no active admin",
                "SELECT p.id FROM {project} p WHERE NOT EXISTS (SELECT FROM held h JOIN {user} u ON u.id = h.user_id"
                " WHERE h.project_id = p.id AND h.role = 'admin' AND u.is_active)",
                Level.WARNING,
            ),
        ),
    ),
    Check("project.last_word", "Who has which role is what the audit trail said last.", _last_words),
    Check(
        "api_token.expiry",
        "A token is expired only after its time, and its secret is kept as a digest.",
        together(
            by_query(
                "token {} is expired, and its time is {}",
                "SELECT id, expires_at FROM {token} WHERE state = 'expired'"
                " AND (expires_at IS NULL OR expires_at > %(at)s)",
                token=ApiToken,
            ),
            by_query(
                "token {} holds no SHA-256",
                "SELECT id FROM {token} WHERE digest !~ '^[0-9a-f]{{64}}$'",
                token=ApiToken,
            ),
            by_query(
                "token {} is past its time {}; it is refused, and its state does not say so yet",
                "SELECT id, expires_at FROM {token}"
                " WHERE state = 'active' AND expires_at < %(settled)s - interval '5 minutes'",
                level=Level.WARNING,
                token=ApiToken,
            ),
        ),
    ),
    Check(
        "approval_request.decided",
        "Approved and denied requests name who decided; a command ran only if it was approved.",
        together(
            by_query(
                "request {} is {}; decided by {}, applied at {}",
                "SELECT id, state, decided_by_id, applied_at FROM {approval}"
                " WHERE (state IN ('approved', 'denied')) <> (decided_by_id IS NOT NULL)"
                " OR (applied_at IS NOT NULL AND state <> 'approved')",
                approval=ApprovalRequest,
            ),
            by_query(
                "request {} was approved at {}, and its command has not run",
                "SELECT id, state_at FROM {approval}"
                " WHERE state = 'approved' AND applied_at IS NULL AND state_at < %(settled)s - interval '5 minutes'",
                approval=ApprovalRequest,
                level=Level.WARNING,
            ),
        ),
    ),
    Check("secret.opens", "Every stored secret opens with the installation's keys.", _closed_secrets),
    *audited_all(
        [
            (Organisation, "organisation.created"),
            (Team, "team.created"),
            (Project, "project.created"),
            (ApiToken, "api_token.created"),
            (ApprovalRequest, "approval_request.requested"),
        ]
    ),
    audited(User, "user.created", level=Level.WARNING),  # `createsuperuser` and a shell go past the service
    audited(Secret, "secret.created"),
    audited(Secret, "secret.replaced", where="r.replaced_at IS NOT NULL"),
    audited(ApiToken, "api_token.revoked", where="r.state = 'revoked'"),
    audited(ApprovalRequest, "approval_request.approved", where="r.state = 'approved'"),
    audited(ApprovalRequest, "approval_request.denied", where="r.state = 'denied'"),
    audited(ApprovalRequest, "approval_request.withdrawn", where="r.state = 'withdrawn'"),
)
