"""Ingestions, profiles and cleaning runs over REST: asked for, followed, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, once
from apps.common.audit import Actor
from apps.common.downloads import download
from apps.common.errors import NotFound
from apps.common.stories import StoryMixin
from apps.datasets.api import job_serializers as shapes
from apps.datasets.api.examples import DATASET_ID, RECIPE_ID, SOURCE_ID, VERSION_ID
from apps.datasets.api.filters import CleaningRunFilter, ProfileFilter
from apps.datasets.models import CleaningRun, DataJob, Ingestion
from apps.datasets.selectors.shown import cleaning_runs_shown, ingestions_shown, profiles_shown
from apps.datasets.services.cleaning import cleaning_run_cancel, cleaning_run_create
from apps.datasets.services.ingestions import ingestion_cancel, ingestion_create
from apps.datasets.services.profiles import profile_cancel, profile_create

BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class DataJobViewSet(StoryMixin, CreateViewSet):
    """Base: a job is shown with the state of its workload and can be cancelled."""

    ordering_fields = ("created_at", "state_at")
    cancel_service: ClassVar[Callable[..., None]]
    tells_faults = True

    @extend_schema(summary="Cancel", request=None)
    @action(detail=True, methods=["post"], filter_backends=())
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask for its end. The state follows once its processes are gone; 409 when it has ended already."""
        job: DataJob = self.get_object()
        require(request.user, job.project, Role.EDITOR)
        type(self).cancel_service(job, actor=Actor.user(request.user))
        return Response(self.represent(job))


@extend_schema_view(
    list=extend_schema(summary="List ingestions"),
    retrieve=extend_schema(summary="One ingestion"),
    create=extend_schema(
        summary="Parse an uploaded file into the next version of its dataset",
        request=shapes.IngestionCreateSerializer,
        responses={201: shapes.IngestionSerializer},
        examples=[
            OpenApiExample(
                "CSV with NA",
                {"dataset": DATASET_ID, "source": SOURCE_ID, "options": {"null_values": ["", "NA"]}},
                request_only=True,
            )
        ],
    ),
)
class IngestionViewSet(DataJobViewSet):
    """Uploaded files on their way to a version."""

    queryset = ingestions_shown()
    serializer_class = shapes.IngestionSerializer
    create_serializer_class = shapes.IngestionCreateSerializer
    filterset_fields = ("project", "dataset", "source", "schedule", "state")
    cancel_service = staticmethod(ingestion_cancel)

    @extend_schema(summary="Download the rows that an ingestion left out", responses=BINARY)
    @action(detail=True, filter_backends=())
    def quarantine(self, request: Request, pk: str) -> StreamingHttpResponse:
        """All of them, as gzip-compressed CSV: line, column, reason, text, file. 404 where none was left out."""
        ingestion: Any = self.get_object()
        file = ingestion.quarantine
        if file is None:
            raise NotFound("this ingestion left no row out")
        name = f"{ingestion.source_name or ingestion.pk}-quarantine.csv.gz"
        return download(request, file["path"], name=name, size_bytes=file["size_bytes"], tag=file["sha256"])

    def perform_service(self, data: dict[str, Any]) -> Ingestion:
        user = caller(self.request)
        require(user, data["dataset"].project, Role.EDITOR)
        return ingestion_create(**data, requested_by=user, actor=Actor.user(user))


@extend_schema_view(list=extend_schema(summary="List profiles"), retrieve=extend_schema(summary="One profile"))
class ProfileViewSet(DataJobViewSet):
    """Statistics of versions."""

    queryset = profiles_shown()
    serializer_class = shapes.ProfileSerializer
    create_serializer_class = shapes.ProfileCreateSerializer
    filterset_class = ProfileFilter
    cancel_service = staticmethod(profile_cancel)

    @extend_schema(
        summary="Profile a version",
        request=shapes.ProfileCreateSerializer,
        responses={200: shapes.ProfileSerializer, 201: shapes.ProfileSerializer},
        examples=[OpenApiExample("A version", {"version": VERSION_ID}, request_only=True)],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for the profile of a version and target: 201 when it is new, 200 when one is there or under way."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version, target = serializer.validated_data["version"], serializer.validated_data["target"]
        user = caller(request)
        require(user, version.project, Role.EDITOR)

        def produce() -> tuple[Any, int]:
            profile, made = profile_create(version=version, target=target, requested_by=user, actor=Actor.user(user))
            return self.represent(profile), status.HTTP_201_CREATED if made else status.HTTP_200_OK

        return once(request, {"version": version, "target": target}, produce)


@extend_schema_view(
    list=extend_schema(summary="List cleaning runs"),
    retrieve=extend_schema(summary="One cleaning run"),
    create=extend_schema(
        summary="Apply a recipe to a version",
        request=shapes.CleaningRunCreateSerializer,
        responses={201: shapes.CleaningRunSerializer},
        examples=[
            OpenApiExample(
                "Into the same dataset", {"recipe": RECIPE_ID, "input_version": VERSION_ID}, request_only=True
            )
        ],
    ),
)
class CleaningRunViewSet(DataJobViewSet):
    """Recipes on their way through a version."""

    queryset = cleaning_runs_shown()
    serializer_class = shapes.CleaningRunSerializer
    create_serializer_class = shapes.CleaningRunCreateSerializer
    filterset_class = CleaningRunFilter
    cancel_service = staticmethod(cleaning_run_cancel)

    def perform_service(self, data: dict[str, Any]) -> CleaningRun:
        user = caller(self.request)
        require(user, data["input_version"].project, Role.EDITOR)
        return cleaning_run_create(**data, requested_by=user, actor=Actor.user(user))
