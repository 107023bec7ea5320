"""How files come to jobs that do not share a disk with the store, and how what they write gets there."""

from __future__ import annotations

from typing import Any, cast

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.addresses import fetch_check
from apps.common.bodies import chunks_of
from apps.common.downloads import download
from apps.common.errors import NotFound
from apps.common.storage import store
from apps.datasets.services.outputs import output_place, output_receive
from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt

SIZE_MOST = 1 << 60


class FileSaidSerializer(serializers.Serializer[Any]):
    """What a file is."""

    size_bytes = serializers.IntegerField(min_value=0, max_value=SIZE_MOST)
    sha256 = serializers.CharField(max_length=64)


class UploadAskedSerializer(FileSaidSerializer):
    output = serializers.CharField(max_length=200, help_text="As the spec calls it")
    path = serializers.CharField(max_length=1000, help_text="Below the folder of the output")


class UploadPlaceSerializer(serializers.Serializer[Any]):
    is_stored = serializers.BooleanField(help_text="The store has it: nothing is to be sent")
    url = serializers.CharField(
        allow_null=True, help_text="Where to PUT it, without a token; null: to `runtime/outputs/{output}/{path}`"
    )
    headers = serializers.DictField(child=serializers.CharField(), help_text="To be sent along")


ASKED = OpenApiExample(
    "A part",
    {"output": "dataset", "path": "part-00000.parquet", "size_bytes": 118204, "sha256": "5e" * 32},
    request_only=True,
)


class UploadPlaceView(APIView):
    """Where a file goes."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)

    @extend_schema(
        summary="Where a file of an output is sent to",
        tags=["runtime"],
        request=UploadAskedSerializer,
        responses=UploadPlaceSerializer,
        examples=[ASKED],
    )
    def post(self, request: Request) -> Response:
        """409 `object_differs` where another file has the name; 413 where it may not be so large."""
        asked = UploadAskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        place = output_place(attempt=cast(Attempt, request.auth), **asked.validated_data)
        address = place.address
        return Response(
            {
                "is_stored": place.is_stored,
                "url": address.url if address else None,
                "headers": address.headers if address else {},
            }
        )


class OutputView(APIView):
    """Files of an output, one at a time."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)
    parser_classes = ()

    @extend_schema(
        summary="Send a file of an output",
        tags=["runtime"],
        parameters=[
            OpenApiParameter("size_bytes", int, required=True),
            OpenApiParameter("sha256", str, required=True),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: None},
    )
    def put(self, request: Request, output: str, path: str) -> Response:
        """The bytes, as they are. It appears whole and as it was said to be, or not at all; again is no error."""
        said = FileSaidSerializer(data=request.query_params)
        said.is_valid(raise_exception=True)
        output_receive(
            attempt=cast(Attempt, request.auth),
            output=output,
            path=path,
            chunks=chunks_of(request),
            **said.validated_data,
        )
        return Response(status=status.HTTP_201_CREATED)


class ObjectView(APIView):
    """What an address that was given to a job stands for. The address is the permission; no query is made."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        summary="Read an object by a short-lived address",
        tags=["runtime"],
        auth=[],
        parameters=[
            OpenApiParameter(name, str, required=True) for name in ("attempt", "expires", "sha256", "signature")
        ]
        + [OpenApiParameter("Range", str, OpenApiParameter.HEADER)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, path: str) -> StreamingHttpResponse:
        """Takes `Range`. 410 `address_expired` after an hour: resolving the input again gives another."""
        digest = fetch_check(path, request.query_params)
        local = store().local_path(path)
        try:
            found = local.stat() if local is not None and local.is_file() else None
        except OSError:
            found = None
        if found is None:
            raise NotFound("the object store does not have this file")
        tag = digest or f"{found.st_size}-{found.st_mtime_ns}"
        return download(request, path, name=path.rsplit("/", 1)[-1], size_bytes=found.st_size, tag=tag)
