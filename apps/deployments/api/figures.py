"""The figures of an endpoint over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.deployments.api.serializers import ENDPOINT_ID, REVISION
from apps.deployments.models import Endpoint
from apps.deployments.selectors.figures import endpoint_figures

STEP_MOST = 3600
_SERIES: dict[str, Any] = {
    "requests_per_second": [120.0, 131.5],
    "errors_per_second": {"caller": [0.0, 0.5], "server": [0.0, 0.0]},
    "p50_ms": [2.1, 2.1],
    "p95_ms": [4.6, 5.0],
    "p99_ms": [9.1, 11.9],
}
_VIEW = {"total": _SERIES, "revisions": [{"revision": REVISION["id"], "number": 1, **_SERIES}]}
FIGURES = {
    "endpoint": ENDPOINT_ID,
    "since": "2026-03-02T09:30:00Z",
    "until": "2026-03-02T09:30:20Z",
    "step_seconds": 10,
    "times": [1772443800, 1772443810],
    "gateway": _VIEW,
    "replicas": _VIEW,
}


class FiguresQuerySerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(
        required=False, help_text="An hour before `until` by default. To go on: `until` of the answer before"
    )
    until = serializers.DateTimeField(required=False, help_text="Two seconds ago by default, and at the latest")
    step = serializers.IntegerField(
        min_value=1,
        max_value=STEP_MOST,
        default=1,
        help_text="Seconds. Longer where there would be more than 2,000 points; whole minutes beyond the last hour",
    )


class FigureErrorsSerializer(serializers.Serializer[Any]):
    caller = serializers.ListField(child=serializers.FloatField(), help_text="4xx")
    server = serializers.ListField(child=serializers.FloatField(), help_text="5xx")


class FiguresSeriesSerializer(serializers.Serializer[Any]):
    """A value for each of `times`."""

    requests_per_second = serializers.ListField(child=serializers.FloatField())
    errors_per_second = FigureErrorsSerializer()
    p50_ms = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="At most 4.5 % off; null without a request"
    )
    p95_ms = serializers.ListField(child=serializers.FloatField(allow_null=True))
    p99_ms = serializers.ListField(child=serializers.FloatField(allow_null=True))


class RevisionFiguresSerializer(FiguresSeriesSerializer):
    revision = serializers.UUIDField(allow_null=True, help_text="Null: requests that no replica got")
    number = serializers.IntegerField(allow_null=True)


class FiguresViewSerializer(serializers.Serializer[Any]):
    total = FiguresSeriesSerializer()
    revisions = RevisionFiguresSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("Two steps", FIGURES, response_only=True)])
class EndpointFiguresSerializer(serializers.Serializer[Any]):
    endpoint = serializers.UUIDField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    step_seconds = serializers.IntegerField(help_text="Of each point")
    times = serializers.ListField(child=serializers.IntegerField(), help_text="Unix seconds at the begin of each step")
    gateway = FiguresViewSerializer(help_text="What callers see, tries at other replicas included")
    replicas = FiguresViewSerializer(help_text="Each replica's own time, without the network")


class FiguresMixin:
    """`GET …/figures` for the viewset of endpoints."""

    @extend_schema(
        summary="Requests, errors and latencies over time",
        parameters=[FiguresQuerySerializer],
        responses=EndpointFiguresSerializer,
    )
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def figures(self: Any, request: Request, pk: str) -> Response:
        """Per revision and in total, in whole steps."""
        endpoint: Endpoint = self.get_object()
        asked = FiguresQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        found = endpoint_figures(endpoint, since=given.get("since"), until=given.get("until"), step=given["step"])
        return Response(found)
