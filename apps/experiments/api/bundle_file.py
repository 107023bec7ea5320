"""`GET /source-bundles/{id}/file`: for the viewset of source bundles."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api import examples
from apps.experiments.api.examples import shown_as
from apps.experiments.selectors.bundle_text import TEXT_BYTES_MOST, bundle_text


class BundleFileQuerySerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=1000, trim_whitespace=False, help_text="As the bundle names it")


@shown_as(
    {
        "name": "src/model.py",
        "size_bytes": 21,
        "sha256": examples.SHA256,
        "is_executable": False,
        "is_binary": False,
        "text": "import torch\nWIDTH = 3\n",
    }
)
class BundleTextSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    is_executable = serializers.BooleanField()
    is_binary = serializers.BooleanField(help_text="It is no text in UTF-8; not said of one that is too large")
    text = serializers.CharField(
        allow_null=True, allow_blank=True, help_text=f"Null: it is binary, or has more than {TEXT_BYTES_MOST} bytes"
    )


class BundleFileMixin:
    """What is in one file."""

    @extend_schema(
        summary="One file of a source bundle",
        parameters=[BundleFileQuerySerializer],
        responses=BundleTextSerializer,
        operation_id="source_bundles_file",
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def file(self: Any, request: Request, pk: str) -> Response:
        """Its text, to be read and compared. 404 where the bundle has no file of this name."""
        query = BundleFileQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = bundle_text(self.get_object(), query.validated_data["name"])
        return Response({**found.entry, "is_binary": found.is_binary, "text": found.text})
