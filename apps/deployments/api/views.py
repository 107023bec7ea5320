"""Endpoints and revisions over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role, TokenScope
from apps.common.api import CreateViewSet
from apps.common.audit import Actor
from apps.common.pages import SEARCHED
from apps.common.stories import StoryMixin
from apps.deployments.api import serializers as shapes
from apps.deployments.api.figures import FiguresMixin
from apps.deployments.api.trying import TryMixin
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import endpoint_numbers, serving_model, with_names, with_revisions
from apps.deployments.selectors.figures import with_recent_requests
from apps.deployments.services.endpoints import endpoint_create, endpoint_stop
from apps.deployments.services.revisions import revision_create


@extend_schema_view(
    list=extend_schema(summary="List endpoints", parameters=[shapes.EndpointFilterSerializer]),
    retrieve=extend_schema(summary="One endpoint"),
    create=extend_schema(
        summary="Serve a model version",
        request=shapes.EndpointCreateSerializer,
        responses={201: shapes.EndpointSerializer},
    ),
)
class EndpointViewSet(FiguresMixin, TryMixin, CreateViewSet):
    """Stable addresses behind which models are served."""

    queryset = Endpoint.objects.all()
    serializer_class = shapes.EndpointSerializer
    create_serializer_class = shapes.EndpointCreateSerializer
    filterset_fields = ("project", "name")
    filter_backends = SEARCHED
    search_fields = ("name",)
    ordering_fields: ClassVar = ("created_at", "name")
    action_scopes: ClassVar = {"try_out": TokenScope.INFER}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if self.action == "figures":
            return rows
        if self.action == "list":
            asked = shapes.EndpointFilterSerializer(data=self.request.query_params)
            asked.is_valid(raise_exception=True)
            given = asked.validated_data
            rows = serving_model(rows, model=given.get("model"), model_version=given.get("model_version"))
        return with_recent_requests(with_revisions(rows))

    def perform_service(self, data: dict[str, Any]) -> Endpoint:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return endpoint_create(**data, requested_by=user, actor=Actor.user(user))

    @extend_schema(
        summary="How endpoints are",
        parameters=[shapes.EndpointsOfSerializer],
        responses=shapes.EndpointNumbersSerializer,
        operation_id="endpoints_summary",
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None, url_path="summary")
    def numbers(self, request: Request) -> Response:
        """How many there are, and how many cannot answer."""
        asked = shapes.EndpointsOfSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(endpoint_numbers(Endpoint.objects.visible_to(request.user).filter(**asked.validated_data)))

    @extend_schema(summary="Stop serving", request=None, responses=shapes.EndpointSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Every revision drains and is stopped. The address stays taken; a new revision brings it back."""
        endpoint: Endpoint = self.get_object()
        require(request.user, endpoint.project, Role.EDITOR)
        endpoint_stop(endpoint=endpoint, actor=Actor.user(request.user))
        return Response(self.represent(endpoint))


@extend_schema_view(
    list=extend_schema(summary="List revisions"),
    retrieve=extend_schema(summary="One revision"),
    create=extend_schema(
        summary="Serve another model version at an endpoint",
        description="It takes the requests once it is ready; the revision before it then drains and is stopped.",
        request=shapes.RevisionCreateSerializer,
        responses={201: shapes.RevisionSerializer},
    ),
)
class RevisionViewSet(StoryMixin, CreateViewSet):
    """What an endpoint serves and served."""

    queryset = Revision.objects.all()
    serializer_class = shapes.RevisionSerializer
    create_serializer_class = shapes.RevisionCreateSerializer
    filterset_fields = ("project", "endpoint", "model_version", "state", "number")
    ordering_fields: ClassVar = ("created_at", "number", "state_at")

    def get_queryset(self) -> Any:
        return with_names(super().get_queryset())

    def perform_service(self, data: dict[str, Any]) -> Revision:
        user = caller(self.request)
        require(user, data["endpoint"].project, Role.EDITOR)
        return revision_create(**data, requested_by=user, actor=Actor.user(user))
