"""What a job asks about its data, with its attempt token."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.datasets.api.manifest_shapes import ManifestFileShape, ManifestShape
from apps.datasets.services.resolve import data_open, data_resolve
from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt


class ResolveSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, help_text="As the spec calls the input or output")
    mode = serializers.ChoiceField(choices=["read", "write"])


class ResolvedFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    path = serializers.CharField(allow_null=True, help_text="Where the job shares a disk with the store")
    url = serializers.CharField(
        allow_null=True, help_text="Short-lived, elsewhere; one that begins with `/` is of the control plane"
    )
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(allow_null=True, required=False, help_text="Where it is known")


class ResolvedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    uri = serializers.CharField()
    path = serializers.CharField(
        allow_null=True, help_text="Null for an output: send what is written to `runtime/outputs`"
    )
    files = ResolvedFileSerializer(many=True, required=False, help_text="Of an input")


class OpenSerializer(serializers.Serializer[Any]):
    ref = serializers.CharField(max_length=200, help_text="`project/dataset@version`")


class OpenedFileSerializer(ManifestFileShape, ResolvedFileSerializer):
    """A file, and where the job reads it."""

    url = serializers.CharField(allow_null=True, help_text="Short-lived, where it does not share a disk with the store")
    sha256 = serializers.CharField()


class OpenedSerializer(ManifestShape):
    files = OpenedFileSerializer(many=True)


EXAMPLES = [
    OpenApiExample("An input", {"name": "dataset", "mode": "read"}, request_only=True),
    OpenApiExample("An output", {"name": "dataset", "mode": "write"}, request_only=True),
]


class ResolveView(APIView):
    """Names of the spec become paths or addresses."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)

    @extend_schema(
        summary="Where an input is, or an output goes",
        request=ResolveSerializer,
        responses=ResolvedSerializer,
        examples=EXAMPLES,
        tags=["runtime"],
    )
    def post(self, request: Request) -> Response:
        """403 `not_an_input` for a name that the job's spec does not have."""
        asked = ResolveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        attempt = cast(Attempt, request.auth)
        return Response(data_resolve(attempt=attempt, **asked.validated_data))


class OpenView(APIView):
    """Versions by the words in which people name them."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)

    @extend_schema(
        summary="A dataset version that is an input of the job",
        request=OpenSerializer,
        responses=OpenedSerializer,
        examples=[OpenApiExample("By an alias", {"ref": "risk/loans@gold"}, request_only=True)],
        tags=["runtime"],
    )
    def post(self, request: Request) -> Response:
        """An alias means what it meant when the job was asked for. 403 `not_an_input` for any other version."""
        asked = OpenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        attempt = cast(Attempt, request.auth)
        found = data_open(attempt=attempt, reference=asked.validated_data["ref"])
        return Response(OpenedSerializer(found).data)
