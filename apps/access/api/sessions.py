"""Signing in and out, and who one is."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.api.serializers import LoginSerializer, MeSerializer
from apps.access.permissions import caller
from apps.access.services.sign_in import sign_in
from apps.common.errors import Forbidden
from apps.common.parsers import JsonParser


class LoginView(APIView):
    """A session for a browser.

    There is no session yet whose CSRF token could be asked for. Another site cannot call this in a visitor's name
    either: only JSON is read, which a browser sends to another origin after asking first, and a foreign `Origin` is
    refused.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JsonParser,)

    @extend_schema(
        summary="Sign in",
        tags=["auth"],
        request=LoginSerializer,
        responses={200: MeSerializer},
        examples=[OpenApiExample("Sign in", {"username": "demo", "password": "…"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        _refuse_foreign_origin(request)
        wanted = LoginSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = sign_in(**wanted.validated_data, address=str(request.META.get("REMOTE_ADDR", "")))
        login(request._request, user)
        get_token(request._request)  # sets the cookie that later writes send back
        return Response(MeSerializer(user).data)


class LogoutView(APIView):
    """The end of the session."""

    @extend_schema(summary="Sign out", tags=["auth"], request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=204)


class MeView(APIView):
    """The caller."""

    @extend_schema(summary="Who am I, and in which projects", tags=["auth"], responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(caller(request)).data)


def _refuse_foreign_origin(request: Request) -> None:
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return
    if urlsplit(origin).netloc != request.get_host():
        raise Forbidden("Sign in from this site itself.")
