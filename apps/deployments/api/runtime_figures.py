"""What gateways and replicas counted: sent once a second by each of them."""

from __future__ import annotations

import base64
from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.deployments.api.runtime import GatewayView
from apps.deployments.api.serializers import ENDPOINT_ID, REVISION
from apps.deployments.api.wire import FiguresParser, counted_in, taken
from apps.deployments.services.figures import gateway_figures_store, replica_figures_store
from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt
from workers.contracts.latencies import bucket_of, pack


class OwnFigureSerializer(serializers.Serializer[Any]):
    """Documentation; `wire` decodes."""

    requests = serializers.IntegerField(min_value=0)
    caller_errors = serializers.IntegerField(min_value=0, help_text="Answered with 4xx, or the caller went away")
    server_errors = serializers.IntegerField(min_value=0, help_text="Answered with 5xx")
    latencies = serializers.CharField(help_text="Base64 of a packed histogram: `workers.contracts.latencies`")


class FigureSerializer(OwnFigureSerializer):
    endpoint = serializers.UUIDField()
    revision = serializers.UUIDField(required=False, help_text="Left out: no replica got the request")


class OwnSecondSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Unix seconds at its begin, by the sender's clock")
    figures = OwnFigureSerializer(many=True)


class SecondSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Unix seconds at its begin, by the sender's clock")
    figures = FigureSerializer(many=True)


class SentSerializer(serializers.Serializer[Any]):
    sent_at = serializers.FloatField(help_text="The sender's clock when it sends: places its seconds in our time")
    rank = serializers.IntegerField(min_value=0, default=0)

    def get_fields(self) -> dict[str, Any]:
        process = serializers.UUIDField(help_text="Of the process: a new one at each start")
        return {"source": process, **super().get_fields()}


class OwnFiguresSerializer(SentSerializer):
    seconds = OwnSecondSerializer(many=True)


class FiguresSerializer(SentSerializer):
    seconds = SecondSerializer(many=True)


class AcceptedSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="Figures that were new")


_COUNTS = {
    "requests": 3,
    "caller_errors": 1,
    "server_errors": 0,
    "latencies": base64.b64encode(pack([(bucket_of(0.002), 2), (bucket_of(0.01), 1)])).decode(),
}
_BODY: dict[str, Any] = {"source": "5d7c4c9e-6f0e-4b39-9a52-0d9b2a1f3c11", "sent_at": 1772443801.05, "rank": 0}
_OWN = _BODY | {"seconds": [{"number": 1772443800, "figures": [_COUNTS]}]}
_FIGURE = {**_COUNTS, "endpoint": ENDPOINT_ID, "revision": REVISION["id"]}
_ALL = _BODY | {"seconds": [{"number": 1772443800, "figures": [_FIGURE]}]}


class GatewayFiguresView(GatewayView):
    """Requests per revision and second."""

    parser_classes = (FiguresParser,)

    @extend_schema(
        summary="What a gateway counted",
        tags=["runtime"],
        request=FiguresSerializer,
        responses=AcceptedSerializer,
        examples=[OpenApiExample("One second", _ALL, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Closed seconds, the oldest at most 3,660 s old. One that is sent again changes nothing."""
        sent = taken(request)
        counted = counted_in(sent, named=True)
        return Response({"accepted": gateway_figures_store(source=sent.source, sent_at=sent.sent_at, counted=counted)})


class ReplicaFiguresView(APIView):
    """The same by a replica: its own time, without the network."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)
    parser_classes = (FiguresParser,)

    @extend_schema(
        summary="What a replica counted",
        tags=["runtime"],
        request=OwnFiguresSerializer,
        responses=AcceptedSerializer,
        examples=[OpenApiExample("One second", _OWN, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Closed seconds, of the revision that the attempt serves. One that is sent again changes nothing."""
        sent = taken(request)
        attempt = cast(Attempt, request.auth)
        accepted = replica_figures_store(
            attempt, rank=sent.rank, source=sent.source, sent_at=sent.sent_at, counted=counted_in(sent, named=False)
        )
        return Response({"accepted": accepted})
