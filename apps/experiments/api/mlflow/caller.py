"""Who sends a request of MLflow's protocol, and what of the projects' things they may read and change.

A person with an API token has the roles that REST asks for. A job with its attempt token reads what its project has,
makes new things there, and changes its own run and those that it made, nothing else.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.access.models import ApiToken, Project, User
from apps.access.permissions import require
from apps.access.services.tokens import token_used, token_verify
from apps.access.states import Role, TokenScope
from apps.common.audit import Actor
from apps.common.errors import Forbidden, NotFound, Unauthenticated
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.models import Run
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import PREFIX, attempt_of

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
NO_WORKSPACE = "default"
"""What a client says that was told no workspace."""
Rows = TypeVar("Rows", bound=QuerySet[Any])


class MlflowAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, or Basic with the token as the password and any name.

    The token is a person's API token (`request.auth` is the ApiToken) or a job's (`request.auth` is the open Attempt).
    """

    def authenticate(self, request: Request) -> tuple[Any, ApiToken | Attempt] | None:
        """None without such a header.

        Raises:
            Unauthenticated: the header is there and not good, whatever is wrong with it.
        """
        text = token_of(get_authorization_header(request))
        if text is None:
            return None
        if text.startswith(PREFIX):
            return AnonymousUser(), attempt_of(text)
        token = token_verify(text)
        token_used(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def token_of(header: bytes) -> str | None:
    """The token in an `Authorization` header; None where there is no header of a kind that has one.

    Raises:
        Unauthenticated: it is of such a kind, and broken.
    """
    words = header.split()
    kind = words[0].lower() if words else b""
    if kind not in (b"bearer", b"basic"):
        return None
    if len(words) != 2 or not words[1].isascii():
        raise Unauthenticated("The token is not valid.")
    if kind == b"bearer":
        return words[1].decode()
    try:
        _, _, password = base64.b64decode(words[1], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated("The token is not valid.") from error
    return password


class MlflowPermission(BasePermission):
    """Anybody with a token whose scopes allow it: `read` for views with `reads`, which ask by POST, too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if isinstance(token, ApiToken):
            needed = TokenScope.READ if request.method in ("GET", "HEAD") or view.reads else TokenScope.WRITE
            if needed not in token.scopes:
                raise Forbidden(f"This needs a token with the scope {needed}; yours has {', '.join(token.scopes)}.")
        elif not isinstance(token, Attempt):
            raise Unauthenticated
        return True


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and which project they named.

    Args:
        user: a person, or nobody where a job calls.
        attempt: of a job, with its workload.
        named: the project's name in the address or in the header of client 3.x; may be empty.
    """

    user: Any
    attempt: Attempt | None
    named: str = ""

    @classmethod
    def of(cls, request: Request, named: str) -> Caller:
        """The sender of an authenticated request; `named` is the project in its address."""
        workspace = request.headers.get(WORKSPACE_HEADER, "").strip()
        auth = request.auth
        attempt = auth if isinstance(auth, Attempt) else None
        return cls(request.user, attempt, named or ("" if workspace == NO_WORKSPACE else workspace))

    @cached_property
    def actor(self) -> Actor:
        return Actor.attempt(self.attempt.pk) if self.attempt is not None else Actor.user(self.user)

    @property
    def person(self) -> User | None:
        """Who it is, where it is somebody; a job is nobody."""
        return self.user if isinstance(self.user, User) else None

    @cached_property
    def own_run(self) -> Run | None:
        """The run of the job that calls. One query."""
        if self.attempt is None:
            return None
        rows = Run.objects.select_related("experiment__project", "requested_by")
        found: Run | None = rows.filter(workload_id=self.attempt.workload_id).first()
        return found

    def rows(self, rows: Rows) -> Rows:
        """Those that the caller may see, of a table with a project. The start of every read."""
        if self.attempt is not None:
            return rows.filter(project_id=self.attempt.workload.project_id)
        seen: Rows = rows.visible_to(self.user)  # type: ignore[attr-defined]  # of every table with a project
        return seen

    def rows_here(self, rows: Rows) -> Rows:
        """Those of the project that was named; without one, all that the caller may see."""
        found = self.rows(rows)
        return found.filter(project=self.project) if self.named else found

    @cached_property
    def project(self) -> Project:
        """The project that a request is about which names nothing in it.

        Raises:
            MlflowError: the named one is not visible; or none was named, and it is not the only one.
        """
        if self.attempt is not None:
            own: Project = self.attempt.workload.project
            if self.named not in ("", own.name):
                raise missing(f"Project {self.named} was not found.")
            return own
        seen = Project.objects.visible_to(self.user)
        if self.named:
            found = seen.filter(name=self.named).first()
            if found is None:
                raise missing(f"Project {self.named} was not found.")
            return found
        two = list(seen.order_by("id")[:2])
        if len(two) != 1:
            raise invalid(
                "Say which project this is about: end the tracking URI with /mlflow/<project>, or name the project as"
                f" workspace ({WORKSPACE_HEADER}). You {'see several' if two else 'have none'}."
            )
        return two[0]

    def require_maker(self, project: Project) -> None:
        """Let through who may make things in the project.

        Raises:
            NotFound: it is not visible.
            Forbidden: the role is too weak.
        """
        if self.attempt is None:
            require(self.user, project, Role.EDITOR)
        elif self.attempt.workload.project_id != project.pk:
            raise NotFound

    def require_keeper(self, project: Project) -> None:
        """Let through who may change what others made in the project; a job may not. Raises as `require_maker`."""
        self.require_maker(project)
        if self.attempt is not None:
            raise Forbidden("A job may change its own run and what it made, nothing else.")

    def require_run(self, run: Run) -> None:
        """Let through who may write to this run. Raises as `require_maker`."""
        self.require_maker(run.project)
        if self.attempt is not None and run.workload_id != self.attempt.workload_id:
            own = self.own_run
            if own is None or run.provenance.get("made_by_run") != str(own.pk):
                raise Forbidden("A job may write to its own run and to those that it made, not to others.")
