"""What the gateway asks with its token: its routes, and who may call an endpoint."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.services.tokens import token_verify
from apps.access.states import TokenScope
from apps.common.errors import Unauthenticated
from apps.deployments.api.serializers import ENDPOINT_ID, REVISION
from apps.deployments.selectors.endpoints import gateway_routes, may_infer
from apps.deployments.services.trying import is_pass, pass_holder
from apps.quotas.permissions import GatewayAuthentication, IsGateway

GRANT_SECONDS = 10
"""How long the gateway may remember an answer: as long as a revoked token may still be let in."""


class RevisionRouteSerializer(serializers.Serializer[Any]):
    revision_id = serializers.UUIDField()
    number = serializers.IntegerField()
    weight = serializers.IntegerField()
    replicas = serializers.ListField(child=serializers.CharField(), help_text="`host:port` of each that is ready")


class EndpointRouteSerializer(serializers.Serializer[Any]):
    project = serializers.CharField()
    endpoint = serializers.CharField()
    endpoint_id = serializers.UUIDField()
    revisions = RevisionRouteSerializer(many=True)


class RoutesSerializer(serializers.Serializer[Any]):
    endpoints = EndpointRouteSerializer(many=True)


class AuthorizeSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=512, help_text="API token of the caller")
    endpoint_id = serializers.UUIDField()


class GrantSerializer(serializers.Serializer[Any]):
    allowed = serializers.BooleanField()
    user = serializers.CharField(allow_blank=True)
    ttl_seconds = serializers.IntegerField()


_ROUTES = {
    "endpoints": [
        {
            "project": "credit-risk",
            "endpoint": "risk",
            "endpoint_id": ENDPOINT_ID,
            "revisions": [{"revision_id": REVISION["id"], "number": 1, "weight": 100, "replicas": ["127.0.0.1:41001"]}],
        }
    ]
}


class GatewayView(APIView):
    """Base: for the gateway only."""

    authentication_classes = (GatewayAuthentication,)
    permission_classes = (IsGateway,)


class GatewayRoutesView(GatewayView):
    """Who serves what."""

    @extend_schema(
        summary="The gateway's table",
        tags=["runtime"],
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        responses={200: RoutesSerializer, 304: OpenApiResponse(description="Still the table of that tag")},
        examples=[OpenApiExample("One endpoint", _ROUTES, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request) -> Response:
        """Every endpoint that serves or is on its way to; 304 while nothing has changed."""
        routes = gateway_routes()
        etag = f'"{hashlib.sha256(json.dumps(routes, sort_keys=True).encode()).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
        return Response(routes, headers={"ETag": etag})


class GatewayAuthorizeView(GatewayView):
    """Who may call."""

    @extend_schema(
        summary="Whether the owner of a token may call an endpoint",
        tags=["runtime"],
        request=AuthorizeSerializer,
        responses=GrantSerializer,
        examples=[
            OpenApiExample("A caller", {"token": "bp_0a1b2c3d4e5f_…", "endpoint_id": ENDPOINT_ID}, request_only=True),
            OpenApiExample(
                "Allowed", {"allowed": True, "user": "demo", "ttl_seconds": GRANT_SECONDS}, response_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Allowed with a valid token of scope `infer` whose owner sees the endpoint; an unknown one looks alike."""
        asked = AuthorizeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = self._allowed(asked.validated_data)
        return Response({"allowed": user is not None, "user": user or "", "ttl_seconds": GRANT_SECONDS})

    def _allowed(self, asked: dict[str, Any]) -> str | None:
        """The caller's name, or None."""
        if is_pass(asked["token"]):
            holder = pass_holder(asked["token"], asked["endpoint_id"])
            return holder.get_username() if holder and may_infer(holder, asked["endpoint_id"]) else None
        try:
            token = token_verify(asked["token"])
        except Unauthenticated:
            return None
        if TokenScope.INFER not in token.scopes or not may_infer(token.user, asked["endpoint_id"]):
            return None
        return token.user.get_username()
