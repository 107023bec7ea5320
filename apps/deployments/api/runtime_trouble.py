"""What a replica says when it cannot start."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.openapi import EmptySerializer
from apps.deployments.services.trouble import replica_trouble_note
from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt


class TroubleSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(min_value=0)
    detail = serializers.CharField(max_length=10_000, help_text="For people; the first 1,000 characters are kept")


_EXAMPLE = {"rank": 0, "detail": "The model cannot be loaded: ValueError: the model takes 2 features …"}


class ReplicaTroubleView(APIView):
    """Why it ends before it was ready."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)

    @extend_schema(
        summary="Why a replica cannot start",
        tags=["runtime"],
        request=TroubleSerializer,
        responses=EmptySerializer,
        examples=[OpenApiExample("A model that does not fit", _EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Shown as the detail of the revision while its replicas do not get ready."""
        said = TroubleSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        replica_trouble_note(cast(Attempt, request.auth), **said.validated_data)
        return Response({})
