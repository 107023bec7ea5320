"""What the deployments API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from apps.access.models import Project
from apps.common.api import VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.deployments.analysis.health import Status
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import endpoint_health, endpoint_state, endpoint_url
from apps.deployments.selectors.figures import RECENT_SECONDS
from apps.deployments.states import EndpointState
from apps.experiments.models import ModelVersion

REPLICAS_MOST = 100
PROJECT_ID = "01936f2e-0000-7000-8000-000000000001"
ENDPOINT_ID = "01936f2e-0000-7000-8000-000000000201"
MODEL_VERSION_ID = "01936f2e-0000-7000-8000-000000000106"
AT = "2026-03-02T09:30:00Z"
REVISION: dict[str, Any] = {
    "id": "01936f2e-0000-7000-8000-000000000202",
    "project": PROJECT_ID,
    "endpoint": ENDPOINT_ID,
    "number": 1,
    "model_version": MODEL_VERSION_ID,
    "model": "01936f2e-0000-7000-8000-000000000105",
    "model_name": "risk",
    "model_version_number": 1,
    "requested_by_name": "demo",
    "workload": "01936f2e-0000-7000-8000-000000000008",
    "state": "ready",
    "state_reason": "",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "replicas": 1,
    "ready_replicas": 1,
    "weight": 100,
    "trouble": "",
    "requested_by": "01936f2e-0000-7000-8000-000000000007",
    "created_at": AT,
}
ENDPOINT = {
    "id": ENDPOINT_ID,
    "project": PROJECT_ID,
    "project_name": "credit-risk",
    "name": "risk",
    "health": {
        "status": "healthy",
        "wanted_replicas": 1,
        "ready_replicas": 1,
        "last_error": "",
        "last_error_at": None,
    },
    "url": "http://127.0.0.1:8001/credit-risk/risk/predict",
    "state": "serving",
    "ready_replicas": 1,
    "requests_per_second": 125.3,
    "revisions": [REVISION],
    "created_at": AT,
}


def _example(value: dict[str, Any], *, request: bool = False) -> list[OpenApiExample]:
    return [OpenApiExample("Example", value=value, request_only=request, response_only=not request)]


@extend_schema_serializer(examples=_example(REVISION))
class RevisionSerializer(serializers.ModelSerializer[Revision]):
    """Takes revisions of `selectors.endpoints.with_names`."""

    model = serializers.UUIDField(read_only=True)
    model_name = serializers.CharField(read_only=True)
    model_version_number = serializers.IntegerField(read_only=True)
    requested_by_name = serializers.CharField(read_only=True)
    state_message = StateMessageField(source="state_detail")

    class Meta:
        model = Revision
        fields = (
            "id", "project", "endpoint", "number", "model", "model_name", "model_version", "model_version_number",
            "workload", "state", "state_reason", "state_detail", "state_message", "state_at", "replicas",
            "ready_replicas", "weight", "trouble", "requested_by", "requested_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField([(str(one), str(one).capitalize()) for one in Status])
    wanted_replicas = serializers.IntegerField(help_text="Of the revision that takes the requests, or the next one")
    ready_replicas = serializers.IntegerField(help_text="Of the same revision")
    last_error = serializers.CharField(allow_blank=True, help_text="Of the newest revision that has one")
    last_error_at = serializers.DateTimeField(allow_null=True, help_text="Null while that revision still tries")


@extend_schema_serializer(examples=_example(ENDPOINT))
class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """Takes endpoints of `selectors.endpoints.with_revisions` and `selectors.figures.with_recent_requests`."""

    project_name = serializers.CharField(source="project.name", read_only=True)
    health = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField(help_text="POST {records: [...]} with a token of scope `infer`")
    state = serializers.SerializerMethodField()
    ready_replicas = serializers.SerializerMethodField(help_text="Of all its revisions")
    requests_per_second = serializers.SerializerMethodField(help_text="Mean of the last ten seconds, at the gateway")
    revisions = RevisionSerializer(
        source="shown_revisions", many=True, read_only=True, help_text="The active ones and the newest, newest first"
    )

    class Meta:
        model = Endpoint
        fields = (
            "id", "project", "project_name", "name", "url", "state", "health", "ready_replicas", "requests_per_second",
            "revisions", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, endpoint: Endpoint) -> str:
        return endpoint_url(endpoint)

    @extend_schema_field(HealthSerializer)
    def get_health(self, endpoint: Any) -> Any:
        return HealthSerializer(endpoint_health(endpoint.shown_revisions)).data

    @extend_schema_field(serializers.ChoiceField(EndpointState.choices))
    def get_state(self, endpoint: Any) -> str:
        return endpoint_state(endpoint.shown_revisions).value

    def get_ready_replicas(self, endpoint: Any) -> int:
        return sum(revision.ready_replicas for revision in endpoint.shown_revisions)

    def get_requests_per_second(self, endpoint: Any) -> float:
        return float(endpoint.recent_requests) / RECENT_SECONDS


@extend_schema_serializer(
    examples=_example(
        {"project": PROJECT_ID, "name": "risk", "model_version": MODEL_VERSION_ID, "replicas": 1}, request=True
    )
)
class EndpointCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.SlugField(max_length=60, help_text="Part of the address")
    model_version = VisibleRelatedField(ModelVersion)
    replicas = serializers.IntegerField(min_value=1, max_value=REPLICAS_MOST, default=1)


@extend_schema_serializer(
    examples=_example({"endpoint": ENDPOINT_ID, "model_version": MODEL_VERSION_ID, "replicas": 1}, request=True)
)
class RevisionCreateSerializer(serializers.Serializer[Any]):
    endpoint = VisibleRelatedField(Endpoint)
    model_version = VisibleRelatedField(ModelVersion)
    replicas = serializers.IntegerField(min_value=1, max_value=REPLICAS_MOST, default=1)


class EndpointFilterSerializer(serializers.Serializer[Any]):
    """What of endpoints is asked for beside their own columns."""

    model = serializers.UUIDField(required=False, help_text="With an active revision of the model")
    model_version = serializers.UUIDField(required=False, help_text="With an active revision of the model version")


class EndpointsOfSerializer(serializers.Serializer[Any]):
    """Which endpoints."""

    project = serializers.UUIDField(required=False)


@extend_schema_serializer(
    examples=_example({"total": 3, "healthy": 1, "degraded": 0, "unhealthy": 1, "loading": 0, "stopped": 1})
)
class EndpointNumbersSerializer(serializers.Serializer[Any]):
    """How many there are, in all and by their health."""

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.IntegerField() for name in ("total", *map(str, Status))}
