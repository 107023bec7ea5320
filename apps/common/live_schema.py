"""The socket's protocol as JSON Schemas, beside the API's document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.live_messages import schemas


class LiveSchemaView(APIView):
    """For everybody, as the API's own document."""

    authentication_classes: Any = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        summary="JSON Schemas of the live socket",
        tags=["live"],
        responses=OpenApiTypes.OBJECT,
        auth=[],
        operation_id="live_schema",
    )
    def get(self, request: Request) -> Response:
        """`#/$defs/FromClient` is what may be sent to `/ws/v1/live/`, `#/$defs/FromServer` what comes from it."""
        return Response(schemas())
