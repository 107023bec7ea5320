"""API tokens: made, checked, revoked, expired."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import models, transaction

from apps.access.models import ApiToken, User
from apps.access.states import TokenScope, TokenState
from apps.common import clock
from apps.common.alerts import rights_changed
from apps.common.audit import Actor, record
from apps.common.errors import Invalid, Unauthenticated
from apps.common.states import Move, transition, transition_many

MARK = "bp"
USED_EVERY = timedelta(minutes=1)
NO_DIGEST = hashlib.sha256(b"").hexdigest()
BATCH = 500


@transaction.atomic
def token_create(
    *, user: User, name: str, scopes: Collection[str], expires_at: datetime | None = None, actor: Actor
) -> tuple[ApiToken, str]:
    """Make a token; returns it with its text `bp_<prefix>_<secret>`, which nobody can read again.

    Raises:
        Invalid: no scope, an unknown one, or an expiry that is past.
    """
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        raise Invalid(f"A token has scopes of {', '.join(TokenScope.values)}.", fields={"scopes": ["not possible"]})
    if expires_at is not None and expires_at <= clock.db_now():
        raise Invalid("The token would have expired already.", fields={"expires_at": ["is past"]})
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken(user=user, name=name, prefix=prefix, digest=_digest(secret), expires_at=expires_at)
    token.scopes = [scope for scope in TokenScope.values if scope in set(scopes)]
    token.clean_fields(exclude=["expires_at", "last_used_at"])
    token.save()
    record(actor, "api_token.created", token, detail={"scopes": token.scopes, "expires_at": expires_at})
    return token, f"{MARK}_{prefix}_{secret}"


@transaction.atomic
def token_revoke(*, token: ApiToken, actor: Actor) -> None:
    """End a token at once.

    Raises:
        IllegalTransition: it was revoked or has expired already.
    """
    transition(token, TokenState.REVOKED, actor=actor)
    record(actor, "api_token.revoked", token)
    rights_changed(f"api_token.{token.pk}")


def tokens_expire() -> int:
    """Move tokens past their time to *expired*, some hundreds at a time; returns how many moved.

    A token past its time is refused before this runs; this only makes the state say so.
    """
    due = ApiToken.objects.filter(state=TokenState.ACTIVE, expires_at__lte=clock.db_now()).order_by("id")[:BATCH]
    return len(transition_many([Move(token, TokenState.EXPIRED) for token in due], actor=Actor.system("expire")))


def token_verify(text: str) -> ApiToken:
    """The token that this text is, with its user; one query. Every failure looks and takes the same.

    Raises:
        Unauthenticated: malformed, unknown, revoked, expired, or its user is inactive.
    """
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    rows = ApiToken.objects.select_related("user").annotate(time_there=clock.db_time())
    token = rows.filter(prefix=prefix[:12]).first()
    same = hmac.compare_digest(token.digest if token else NO_DIGEST, _digest(secret))
    if token is not None:
        token.read_at = getattr(token, "time_there")  # noqa: B009 - annotated above, which no type says
    if token is None or not same or mark != MARK or not _is_good(token):
        raise Unauthenticated("The token is not valid.")
    return token


def token_used(token: ApiToken) -> None:
    """Note the time of use, at most once a minute."""
    now = token.read_at or clock.db_now()
    if token.last_used_at is not None and token.last_used_at > now - USED_EVERY:
        return
    longer_ago = models.Q(last_used_at__isnull=True) | models.Q(last_used_at__lte=now - USED_EVERY)
    ApiToken.objects.filter(longer_ago, pk=token.pk).update(last_used_at=now)


def _is_good(token: ApiToken) -> bool:
    expired = token.expires_at is not None and token.expires_at <= (token.read_at or clock.db_now())
    return token.state == TokenState.ACTIVE and not expired and token.user.is_active


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
