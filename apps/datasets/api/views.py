"""Datasets, sources, recipes and edges of lineage over REST."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from uuid6 import uuid7

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, ReadViewSet, VisibleRelatedField, once
from apps.common.audit import Actor
from apps.common.downloads import download
from apps.common.errors import Invalid
from apps.common.pages import SEARCHED
from apps.datasets.api import serializers as shapes
from apps.datasets.api.alias_views import REFERENCE_PARAMETER
from apps.datasets.api.examples import PROJECT_ID, STEPS, SUMMARY
from apps.datasets.api.shapes import SummaryShape
from apps.datasets.models import Dataset, LineageEdge, Recipe, Source
from apps.datasets.selectors.references import reference_resolve
from apps.datasets.selectors.shown import datasets_shown, recipes_shown, sources_shown, versions_shown
from apps.datasets.selectors.summary import datasets_summary
from apps.datasets.services.datasets import dataset_create
from apps.datasets.services.recipes import recipe_create
from apps.datasets.services.sources import name_of, size_check, source_create, source_discard, source_store

BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
FORM_BYTES = 64 << 10
"""What a multipart body may have around its file."""


class ReferenceQuerySerializer(serializers.Serializer[Any]):
    ref = serializers.CharField(max_length=200)


class SummaryQuerySerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project, required=False, default=None)


@extend_schema_view(
    list=extend_schema(summary="List datasets"),
    retrieve=extend_schema(summary="One dataset"),
    create=extend_schema(
        summary="Make an empty dataset",
        request=shapes.DatasetCreateSerializer,
        responses={201: shapes.DatasetSerializer},
        examples=[OpenApiExample("A dataset", {"project": PROJECT_ID, "name": "loans"}, request_only=True)],
    ),
)
class DatasetViewSet(CreateViewSet):
    """Named lines of versions."""

    queryset = datasets_shown()
    serializer_class = shapes.DatasetSerializer
    create_serializer_class = shapes.DatasetCreateSerializer
    filter_backends = SEARCHED
    filterset_fields = ("project", "name")
    search_fields = ("name", "title", "description")
    ordering_fields = ("created_at", "name", "row_count", "size_bytes", "published_at", "version_count")

    def perform_service(self, data: dict[str, Any]) -> Dataset:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return dataset_create(**data, created_by=user, actor=Actor.user(user))

    @extend_schema(
        summary="Counts over the datasets that the caller can see",
        parameters=[OpenApiParameter("project", OpenApiTypes.UUID, description="Of one project only")],
        responses=SummaryShape,
        examples=[OpenApiExample("Example", SUMMARY, response_only=True)],
    )
    @action(detail=False, filter_backends=(), pagination_class=None)
    def summary(self, request: Request) -> Response:
        """How many there are, how large, which jobs are under way, and what failed of late."""
        asked = SummaryQuerySerializer(data=request.query_params, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        return Response(datasets_summary(request.user, project=asked.validated_data["project"]))

    @extend_schema(
        summary="The version that a reference means",
        parameters=[REFERENCE_PARAMETER],
        responses=shapes.DatasetVersionSerializer,
    )
    @action(detail=False, filter_backends=(), pagination_class=None)
    def resolve(self, request: Request) -> Response:
        """`project/dataset@version`: now, since an alias may move. 409 for `latest` where nothing is published."""
        asked = ReferenceQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = reference_resolve(request.user, asked.validated_data["ref"])
        shown = versions_shown().defer("manifest", "report", "preprocessor").get(pk=found.pk)
        return Response(shapes.DatasetVersionSerializer(shown).data)


@extend_schema_view(
    list=extend_schema(summary="List uploaded files"),
    retrieve=extend_schema(summary="One uploaded file"),
    create=extend_schema(
        summary="Upload a file",
        request={"multipart/form-data": shapes.SourceCreateSerializer},
        responses={201: shapes.SourceSerializer},
    ),
)
class SourceViewSet(CreateViewSet):
    """Uploaded files, as they came."""

    queryset = sources_shown()
    serializer_class = shapes.SourceSerializer
    create_serializer_class = shapes.SourceCreateSerializer
    filterset_fields = ("project", "dataset", "file_format", "sha256")
    ordering_fields = ("created_at", "name", "size_bytes")
    parser_classes = (MultiPartParser,)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a file: it goes to the object store in chunks; a request that fails leaves nothing there."""
        said = str(request.META.get("CONTENT_LENGTH") or "")
        size_check((int(said) if said.isdecimal() else 0) - FORM_BYTES)
        if len(request.FILES.getlist("file")) > 1:
            raise Invalid("A source is one file.", fields={"file": ["Takes one file, not several."]})
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        dataset, upload = serializer.validated_data["dataset"], serializer.validated_data["file"]
        user = caller(request)
        require(user, dataset.project, Role.EDITOR)
        size_check(upload.size)
        source_id, name = uuid7(), name_of(upload.name)
        try:
            stored = source_store(source_id=source_id, name=name, chunks=upload.chunks())

            def produce() -> tuple[Any, int]:
                source = source_create(
                    source_id=source_id,
                    dataset=dataset,
                    name=name,
                    stored=stored,
                    uploaded_by=user,
                    actor=Actor.user(user),
                )
                return self.represent(source), status.HTTP_201_CREATED

            return once(request, {"dataset": dataset, "name": name, "sha256": stored.sha256}, produce)
        finally:
            source_discard(source_id)  # unless there is a source: not after an error, nor beside a replayed answer

    @extend_schema(summary="Download an uploaded file", responses=BINARY)
    @action(detail=True, filter_backends=())
    def download(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The file, byte by byte as it was uploaded."""
        source: Source = self.get_object()
        return download(request, source.path, name=source.name, size_bytes=source.size_bytes, tag=source.sha256)


@extend_schema_view(
    list=extend_schema(summary="List recipes"),
    retrieve=extend_schema(summary="One recipe"),
    create=extend_schema(
        summary="Make a recipe, the next number of its name",
        request=shapes.RecipeCreateSerializer,
        responses={201: shapes.RecipeSerializer},
        examples=[
            OpenApiExample("Loans", {"project": PROJECT_ID, "name": "loans", "steps": STEPS}, request_only=True),
        ],
    ),
)
class RecipeViewSet(CreateViewSet):
    """Ordered lists of cleaning steps, numbered under their name; never changed."""

    queryset = recipes_shown()
    serializer_class = shapes.RecipeSerializer
    create_serializer_class = shapes.RecipeCreateSerializer
    filter_backends = SEARCHED
    filterset_fields = ("project", "name", "number", "digest")
    search_fields = ("name", "description")
    ordering_fields = ("created_at", "name", "number")

    def perform_service(self, data: dict[str, Any]) -> Recipe:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return recipe_create(**data, created_by=user, actor=Actor.user(user))


@extend_schema_view(
    list=extend_schema(summary="List lineage edges"), retrieve=extend_schema(summary="One lineage edge")
)
class LineageEdgeViewSet(ReadViewSet):
    """What was made of what: `from` relation `to`."""

    queryset = LineageEdge.objects.all()
    serializer_class = shapes.LineageEdgeSerializer
    filterset_fields = ("project", "from_kind", "from_id", "relation", "to_kind", "to_id")
