"""`POST /endpoints/{id}/try` and what a form for it needs: for the viewset of endpoints."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller
from apps.common.errors import NotFound
from apps.deployments.api.serializers import MODEL_VERSION_ID, REVISION
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import endpoint_health
from apps.deployments.services.trying import NoReadyReplica, endpoint_try
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.signatures import signature_of

RECORDS_MOST = 100


@extend_schema_serializer(
    examples=[OpenApiExample("One record", {"records": [{"Income": 129, "Home": "rent"}]}, request_only=True)]
)
class TrySerializer(serializers.Serializer[Any]):
    records = serializers.ListField(
        child=serializers.DictField(), min_length=1, max_length=RECORDS_MOST, help_text="Raw, as before cleaning"
    )


class PredictionSerializer(serializers.Serializer[Any]):
    score = serializers.FloatField(
        required=False, help_text="Of one that tells two classes apart: how sure it is of the positive one"
    )
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # a field, which the class takes out of the way
    value = serializers.FloatField(required=False, help_text="Of one that predicts a number, and alone then")


class TriedRevisionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()


_TRIED = {
    "predictions": [{"score": 0.8134, "label": "bad"}],
    "model_version": MODEL_VERSION_ID,
    "revision": {"id": REVISION["id"], "number": 1},
    "latency_ms": 3.41,
}


@extend_schema_serializer(examples=[OpenApiExample("One record", _TRIED, response_only=True)])
class TriedSerializer(serializers.Serializer[Any]):
    predictions = PredictionSerializer(many=True, help_text="One per record, in order")
    model_version = serializers.UUIDField()
    revision = TriedRevisionSerializer(allow_null=True, help_text="Which answered")
    latency_ms = serializers.FloatField(help_text="From the control plane through the gateway and back")


class TryMixin:
    """For the viewset of endpoints."""

    @extend_schema(summary="What an endpoint takes", responses={200: {"$ref": "#/components/schemas/Signature"}})
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def signature(self: Any, request: Request, pk: str) -> Response:
        """Of the model version that answers, else of the newest: as `GET /model-versions/{id}/signature`."""
        endpoint: Any = self.get_object()
        shown = endpoint.shown_revisions
        revision = next((one for one in shown if one.weight), next(iter(shown), None))
        if revision is None:
            raise NotFound("This endpoint has no revision.")
        return Response(signature_of(ModelVersion.objects.get(pk=revision.model_version_id)))

    @extend_schema(
        summary="Try an endpoint",
        request=TrySerializer,
        responses=TriedSerializer,
        operation_id="endpoints_try",
    )
    @action(detail=True, methods=["post"], url_path="try")
    def try_out(self: Any, request: Request, pk: str) -> Response:
        """Predictions through the gateway, in the caller's name. Its problems are passed on: 422 `invalid_record` names
        record and field, 503 `no_ready_replica`, 503 `gateway_unavailable`, 504 `upstream_timeout`."""
        endpoint: Endpoint = self.get_object()
        asked = TrySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        _answers(endpoint)
        tried = endpoint_try(endpoint=endpoint, records=asked.validated_data["records"], user=caller(request))
        revision = Revision.objects.filter(endpoint=endpoint, number=tried.revision_number or 0).first()
        return Response(
            {
                "predictions": tried.predictions,
                "model_version": tried.model_version,
                "revision": {"id": str(revision.pk), "number": revision.number} if revision else None,
                "latency_ms": round(tried.latency_seconds * 1000, 3),
            }
        )


def _answers(endpoint: Any) -> None:
    """Say at once what the gateway would find out in five seconds. Raises NoReadyReplica."""
    health = endpoint_health(endpoint.shown_revisions)
    if any(one.weight and one.ready_replicas for one in endpoint.shown_revisions):
        return
    newest = next(iter(endpoint.shown_revisions), None)
    if newest is None:
        raise NoReadyReplica("This endpoint has no revision.")
    why = health.last_error or newest.state_detail
    ready = f"{newest.ready_replicas} of {newest.replicas} replicas"
    raise NoReadyReplica(f"Revision {newest.number} is {newest.state}; {ready} can answer. {why}".strip())
