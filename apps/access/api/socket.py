"""Who opens a socket: a session of a browser on this site, or an API token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session

from apps.access.models import ApiToken
from apps.access.services.session_store import session_subject
from apps.access.services.tokens import token_used, token_verify
from apps.access.states import TokenScope
from apps.common import clock
from apps.common.errors import Unauthenticated
from apps.common.mailbox import Who

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

SUBPROTOCOL = "bedplate.token."
"""A browser cannot set headers: it offers `bedplate.live.1` and `bedplate.token.<token>`."""


class SocketAuthentication:
    """Sets `scope["user"]`, and in `scope["who"]` by which right.

    A cookie counts only from this site's own pages; a token from anywhere, because no browser adds it by itself.
    """

    def __init__(self, inner: Application) -> None:
        self.inner = inner
        self.by_session: Application = AllowedHostsOriginValidator(AuthMiddlewareStack(self._with_session))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        text = _token_of(scope)
        if text is None:
            await self.by_session(scope, receive, send)
            return
        token = await database_sync_to_async(_checked)(text)
        user, who = (token.user, _by_token(token)) if token else (AnonymousUser(), None)
        await self.inner(scope | {"user": user, "who": who}, receive, send)

    async def _with_session(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        who = await database_sync_to_async(_by_session)(scope)
        await self.inner(scope | {"who": who}, receive, send)


def _by_token(token: ApiToken) -> Who:
    left = (token.expires_at - (token.read_at or clock.db_now())).total_seconds() if token.expires_at else None
    keys = frozenset({f"user.{token.user_id}", f"api_token.{token.pk}"})
    return Who(token.user_id, token_id=token.pk, keys=keys, good_for_seconds=left)


def _by_session(scope: dict[str, Any]) -> Who | None:
    user, session = scope["user"], scope["session"]
    if not user.is_authenticated or not session.session_key:
        return None
    keys = frozenset({f"user.{user.pk}", session_subject(session.session_key)})
    # Not `get_expiry_age()`: that is how long a session lasts, not how long this one still does.
    ends_at = Session.objects.filter(pk=session.session_key).values_list("expire_date", flat=True).first()
    left = (ends_at - clock.db_now()).total_seconds() if ends_at is not None else 0.0
    return Who(user.pk, session_key=session.session_key, keys=keys, good_for_seconds=left)


def _token_of(scope: dict[str, Any]) -> str | None:
    """The text of the token that was sent, good or not; None without one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            keyword, _, text = value.decode("latin-1").partition(" ")
            return str(text).strip() if keyword.lower() == "bearer" else ""
    offered = [text for text in scope.get("subprotocols", []) if text.startswith(SUBPROTOCOL)]
    return str(offered[0]).removeprefix(SUBPROTOCOL) if offered else None


def _checked(text: str) -> ApiToken | None:
    try:
        token = token_verify(text)
    except Unauthenticated:
        return None
    if TokenScope.READ not in token.scopes:
        return None
    token_used(token)
    return token
