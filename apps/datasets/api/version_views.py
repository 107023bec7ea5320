"""Versions over REST: what they hold, how they came about, how two of them differ."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ReadViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.common.downloads import download
from apps.common.stories import StoryMixin
from apps.datasets.api import examples
from apps.datasets.api import serializers as shapes
from apps.datasets.api.filters import VersionFilter
from apps.datasets.api.job_serializers import ProfileSerializer
from apps.datasets.api.manifest_shapes import MANIFEST, ManifestShape
from apps.datasets.api.profile_shapes import DiffShape, SampleShape
from apps.datasets.api.shapes import ReportShape, whole_step
from apps.datasets.api.thumbnail_shapes import THUMBNAILS, ThumbnailsShape
from apps.datasets.api.version_examples import DIFF, REPORT, SAMPLE
from apps.datasets.api.version_quality_views import VersionQualityMixin
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors import companion_of, version_file, version_manifest
from apps.datasets.selectors.differences import version_diff
from apps.datasets.selectors.shown import profiles_shown, versions_shown
from apps.datasets.services.aliases import version_tags_set
from apps.datasets.services.keeping import version_pin
from apps.datasets.services.versions import version_deprecate
from apps.datasets.states import JobState

BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
NOT_LISTED = ("manifest", "report", "preprocessor")


class VersionProfileSerializer(serializers.Serializer[Any]):
    """The newest profile of a version; null where nobody asked for one: `POST /profiles` does."""

    version = serializers.UUIDField()
    profile = ProfileSerializer(allow_null=True)
    succeeded = ProfileSerializer(
        allow_null=True, help_text="The newest that has succeeded, where that is not `profile` itself"
    )


class DiffQuerySerializer(serializers.Serializer[Any]):
    """Of the query string; `with` is a word of Python, hence declared apart."""

    def get_fields(self) -> dict[str, Any]:
        return {"with": VisibleRelatedField(DatasetVersion)}


@extend_schema_view(
    list=extend_schema(summary="List dataset versions, without their files", responses=shapes.DatasetVersionSerializer),
    retrieve=extend_schema(summary="One dataset version"),
)
class DatasetVersionViewSet(VersionQualityMixin, StoryMixin, ReadViewSet):
    """Immutable contents. Ingestions and cleaning runs publish them."""

    queryset = versions_shown()
    serializer_class = shapes.DatasetVersionDetailSerializer
    filterset_class = VersionFilter
    ordering_fields = ("created_at", "number", "row_count", "size_bytes")

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        return found.defer(*NOT_LISTED) if self.action == "list" else found

    def get_serializer_class(self) -> Any:
        return shapes.DatasetVersionSerializer if self.action == "list" else super().get_serializer_class()

    @extend_schema(
        summary="Some rows of a version",
        responses=SampleShape,
        examples=[OpenApiExample("Example", SAMPLE, response_only=True)],
    )
    @action(detail=True, filter_backends=())
    def sample(self, request: Request, pk: str) -> Response:
        """The first rows and some of all rows, as the version's job wrote them down."""
        version: DatasetVersion = self.get_object()
        found = companion_of(version, "sample") or {"columns": [], "first": [], "random": []}
        has = "sample" in version.companions
        return Response({"version": version.pk, "is_available": has, "row_count": version.row_count, **found})

    @extend_schema(
        summary="Small pictures of some rows of a version",
        responses=ThumbnailsShape,
        examples=[OpenApiExample("Example", THUMBNAILS, response_only=True)],
    )
    @action(detail=True, filter_backends=())
    def thumbnails(self, request: Request, pk: str) -> Response:
        """Of rows that the sample shows, by ordinal, as the version's job wrote them down."""
        version: DatasetVersion = self.get_object()
        return Response(
            {"version": version.pk, "column": None, "thumbnails": [], **(companion_of(version, "thumbnails") or {})}
        )

    @extend_schema(
        summary="The newest profile of a version",
        responses=VersionProfileSerializer,
        examples=[
            OpenApiExample(
                "Example",
                {"version": examples.VERSION_ID, "profile": examples.PROFILE, "succeeded": None},
                response_only=True,
            )
        ],
    )
    @action(detail=True, filter_backends=())
    def profile(self, request: Request, pk: str) -> Response:
        """Statistics per column; the profile may be under way, or have failed."""
        version: DatasetVersion = self.get_object()
        profiles = profiles_shown().visible_to(request.user).filter(version=version).order_by("-id")  # type: ignore[attr-defined]  # of our querysets
        newest, before = profiles.first(), None
        if newest is not None and newest.state != JobState.SUCCEEDED:
            before = profiles.filter(state=JobState.SUCCEEDED).first()
        found = {"version": version.pk, "profile": newest, "succeeded": before}
        return Response(VersionProfileSerializer(found).data)

    @extend_schema(
        summary="The cleaning report of a version in full",
        responses=ReportShape,
        examples=[OpenApiExample("Example", REPORT, response_only=True)],
    )
    @action(detail=True, filter_backends=())
    def report(self, request: Request, pk: str) -> Response:
        """Step by step: options, rows and cells, warnings, what it learned, and some of the rows that it changed."""
        version: Any = self.get_object()
        found = companion_of(version, "report") or {"steps": [], "rows_watched": 0, "is_cut": False}
        beside = {step["step"]: step for step in found["steps"]}
        return Response(
            {
                "version": version.pk,
                "recipe": version.recipe,
                "recipe_name": version.recipe_name,
                "recipe_number": version.recipe_number,
                "input_version": version.parent_id,
                "input_version_number": version.parent_number,
                "rows_watched": found["rows_watched"],
                "is_cut": found["is_cut"],
                "steps": [
                    {"fitted": [], "examples": [], **whole_step(step), **beside.get(step["step"], {})}
                    for step in version.report
                ],
            }
        )

    @extend_schema(
        summary="What is different from another version",
        parameters=[
            OpenApiParameter(
                "with", OpenApiTypes.UUID, required=True, description="The version that it is held against"
            )
        ],
        responses=DiffShape,
        examples=[OpenApiExample("Example", DIFF, response_only=True)],
    )
    @action(detail=True, filter_backends=())
    def diff(self, request: Request, pk: str) -> Response:
        """Schema and statistics, from stored profiles: `with` is before, the version in the path after."""
        after: DatasetVersion = self.get_object()
        asked = DiffQuerySerializer(data=request.query_params, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        before = self.get_queryset().get(pk=asked.validated_data["with"].pk)
        return Response(version_diff(before, after))

    @extend_schema(
        summary="The data files of a version, for programs",
        responses=ManifestShape,
        examples=[OpenApiExample("Example", MANIFEST, response_only=True)],
    )
    @action(detail=True, filter_backends=())
    def manifest(self, request: Request, pk: str) -> Response:
        """What `workers.runtime.datasets` reads it by: digests to keep files by, addresses to fetch them from."""
        found = version_manifest(self.get_object())
        for file in found["files"]:
            file["url"] = f"/api/v1/dataset-versions/{found['id']}/files/{file['name']}"
        return Response(ManifestShape(found).data)

    @extend_schema(summary="Download a file of a version", responses=BINARY)
    @action(detail=True, url_path=r"files/(?P<file_name>[^/]+)", filter_backends=())
    def files(self, request: Request, pk: str, file_name: str) -> StreamingHttpResponse:
        """One of the version's files: a Parquet part, or what was fitted."""
        version: DatasetVersion = self.get_object()
        file = version_file(version, file_name)
        name = f"{version.pk}-{file_name}"
        return download(request, file["path"], name=name, size_bytes=file["size_bytes"], tag=file["sha256"])

    @extend_schema(
        summary="Tag a version",
        request=shapes.VersionTagsSerializer,
        responses=shapes.DatasetVersionDetailSerializer,
        examples=[OpenApiExample("Two", {"tags": ["q1", "reviewed"]}, request_only=True)],
    )
    @action(detail=True, methods=["put"], filter_backends=())
    def tags(self, request: Request, pk: str) -> Response:
        """In the place of the tags that it has; what it holds stays."""
        version = self._to_write(request)
        asked = shapes.VersionTagsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version_tags_set(version, tags=asked.validated_data["tags"], actor=Actor.user(request.user))
        return Response(self.represent(version))

    @extend_schema(
        summary="Keep the data of a version whatever a rule says, or leave it to the rule",
        request=shapes.PinSerializer,
        responses=shapes.DatasetVersionDetailSerializer,
        examples=[OpenApiExample("Keep it", {"is_pinned": True}, request_only=True)],
    )
    @action(detail=True, methods=["put"], filter_backends=())
    def pin(self, request: Request, pk: str) -> Response:
        """A version that is to be deleted comes back by it. 409 once its data is deleted."""
        version = self._to_write(request)
        asked = shapes.PinSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version_pin(version, is_pinned=asked.validated_data["is_pinned"], actor=Actor.user(request.user))
        return Response(self.represent(version))

    @extend_schema(
        summary="Deprecate a version",
        request=shapes.DeprecateSerializer,
        responses=shapes.DatasetVersionDetailSerializer,
        examples=[OpenApiExample("Why", {"detail": "Version 3 has the missing branch."}, request_only=True)],
    )
    @action(detail=True, methods=["post"], filter_backends=())
    def deprecate(self, request: Request, pk: str) -> Response:
        """Take it out of use: no new job reads it; what it holds stays."""
        version = self._to_write(request)
        asked = shapes.DeprecateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version_deprecate(version, detail=asked.validated_data["detail"], actor=Actor.user(request.user))
        return Response(self.get_serializer(version).data)
