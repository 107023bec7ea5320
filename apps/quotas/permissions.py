"""Callers that are no people: a job with its attempt token, the gateway with its own."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.common.errors import Unauthenticated
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import attempt_of

GATEWAY = "gateway"
"""`request.auth` of the gateway."""


def bearer(request: Request) -> str:
    """The token of an `Authorization: Bearer …` header, or nothing."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


class AttemptAuthentication(BaseAuthentication):
    """`request.auth` is the open Attempt with its workload; `request.user` is nobody. One query.

    Raises Unauthenticated for a wrong token, AttemptSuperseded for one whose attempt has ended.
    """

    def authenticate(self, request: Request) -> tuple[Any, Attempt] | None:
        token = bearer(request)
        return (AnonymousUser(), attempt_of(token)) if token else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsAttempt(BasePermission):
    """Only a job with its attempt token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Attempt)


class GatewayAuthentication(BaseAuthentication):
    """`request.auth` is `GATEWAY` for the bearer of the installation's gateway token."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        token = bearer(request)
        if not token:
            return None
        if not hmac.compare_digest(token.encode(), settings.BEDPLATE_GATEWAY_TOKEN.encode()):
            raise Unauthenticated("This is not the gateway's token.")
        return AnonymousUser(), GATEWAY

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsGateway(BasePermission):
    """Only the gateway."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.auth == GATEWAY)


class AttemptScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # of the library
    """How the API's document tells of attempt tokens."""

    target_class = "apps.quotas.permissions.AttemptAuthentication"
    name = "attemptToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "bpa_…: what a job finds in its token file"}


class GatewayScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # of the library
    """How the API's document tells of the gateway's token."""

    target_class = "apps.quotas.permissions.GatewayAuthentication"
    name = "gatewayToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "BEDPLATE_GATEWAY_TOKEN"}
