"""Who calls: a session of a browser, or an API token; and what the token may be used for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.access.models import ApiToken, User
from apps.access.services.tokens import token_used, token_verify
from apps.access.states import TokenScope
from apps.common.errors import Forbidden, Unauthenticated

KEYWORD = "bearer"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer bp_<prefix>_<secret>`; `request.auth` is the ApiToken."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """None without such a header, so that a session may count.

        Raises:
            Unauthenticated: the header is there and not good, whatever is wrong with it.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != KEYWORD.encode():
            return None
        if len(words) != 2 or not words[1].isascii():
            raise Unauthenticated("The token is not valid.")
        token = token_verify(words[1].decode())
        token_used(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ScopePermission(BasePermission):
    """What the caller's token may be used for: `read` for safe methods, the view's `write_scope` for the rest.

    A view may say more exactly: `action_scopes = {"approve": TokenScope.ADMIN}`. A session has every scope.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if isinstance(token, ApiToken):
            needed = self.scope_of(request, view)
            if needed not in token.scopes:
                raise Forbidden(f"This needs a token with the scope {needed}; yours has {', '.join(token.scopes)}.")
        return True

    def scope_of(self, request: Request, view: Any) -> str:
        """The scope that this request needs."""
        if request.method in SAFE_METHODS:
            return TokenScope.READ
        named: dict[str, str] = getattr(view, "action_scopes", {})
        by_view: str = getattr(view, "write_scope", TokenScope.WRITE)
        return named.get(getattr(view, "action", None) or "", by_view)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # of the library
    """How the API's document tells of it."""

    target_class = "apps.access.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "bp_<prefix>_<secret>"}
