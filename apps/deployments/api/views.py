"""Endpoints and revisions over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet
from apps.common.audit import Actor
from apps.common.stories import StoryMixin
from apps.deployments.api import serializers as shapes
from apps.deployments.api.figures import FiguresMixin
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import with_revisions
from apps.deployments.selectors.figures import with_recent_requests
from apps.deployments.services.endpoints import endpoint_create, endpoint_stop
from apps.deployments.services.revisions import revision_create


@extend_schema_view(
    list=extend_schema(summary="List endpoints"),
    retrieve=extend_schema(summary="One endpoint"),
    create=extend_schema(
        summary="Serve a model version",
        request=shapes.EndpointCreateSerializer,
        responses={201: shapes.EndpointSerializer},
    ),
)
class EndpointViewSet(FiguresMixin, CreateViewSet):
    """Stable addresses behind which models are served."""

    queryset = Endpoint.objects.all()
    serializer_class = shapes.EndpointSerializer
    create_serializer_class = shapes.EndpointCreateSerializer
    filterset_fields = ("project", "name")
    ordering_fields: ClassVar = ("created_at", "name")

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.action == "figures" else with_recent_requests(with_revisions(rows))

    def perform_service(self, data: dict[str, Any]) -> Endpoint:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return endpoint_create(**data, requested_by=user, actor=Actor.user(user))

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

    def perform_service(self, data: dict[str, Any]) -> Revision:
        user = caller(self.request)
        require(user, data["endpoint"].project, Role.EDITOR)
        return revision_create(**data, requested_by=user, actor=Actor.user(user))
