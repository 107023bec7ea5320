"""Previews of recipes over REST: opened, asked, ended."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import VisibleRelatedField, once
from apps.common.audit import Actor
from apps.common.messages import message_of
from apps.datasets.api.examples import PREVIEW, PREVIEWED, STEPS, VERSION_ID, shown_as
from apps.datasets.api.job_serializers import JOB, DataJobSerializer
from apps.datasets.api.job_views import DataJobViewSet
from apps.datasets.api.preview_shapes import PreviewedShape
from apps.datasets.models import DatasetVersion, Preview
from apps.datasets.selectors.shown import previews_shown
from apps.datasets.services.preview_asking import preview_apply
from apps.datasets.services.previews import preview_cancel, preview_open, preview_touch


@shown_as(PREVIEW)
class PreviewSerializer(DataJobSerializer):
    dataset = serializers.UUIDField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    version_number = serializers.IntegerField(read_only=True)
    is_ready = serializers.BooleanField(read_only=True, help_text="Its process can be asked")

    class Meta:
        model = Preview
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "version", "version_number", "is_ready",
            "is_closing", "used_at", *JOB,
        )  # fmt: skip
        read_only_fields = fields


class PreviewCreateSerializer(serializers.Serializer[Any]):
    version = VisibleRelatedField(DatasetVersion)


class PreviewApplySerializer(serializers.Serializer[Any]):
    steps = serializers.ListField(
        child=serializers.DictField(), max_length=100, help_text="As in a recipe; none shows the sample as it is"
    )


@extend_schema_view(list=extend_schema(summary="List previews"), retrieve=extend_schema(summary="One preview"))
class PreviewViewSet(DataJobViewSet):
    """Warm processes that show what a recipe does to a sample; one per project."""

    queryset = previews_shown()
    serializer_class = PreviewSerializer
    create_serializer_class = PreviewCreateSerializer
    filterset_fields = ("project", "version", "state")
    cancel_service = staticmethod(preview_cancel)

    @extend_schema(
        summary="Open the preview of a version",
        request=PreviewCreateSerializer,
        responses={200: PreviewSerializer, 201: PreviewSerializer},
        examples=[OpenApiExample("A version", {"version": VERSION_ID}, request_only=True)],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """201 when it is new, 200 when it is warm already. That of another version of the project is ended."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = serializer.validated_data["version"]
        user = caller(request)
        require(user, version.project, Role.EDITOR)

        def produce() -> tuple[Any, int]:
            preview, made = preview_open(version=version, requested_by=user, actor=Actor.user(user))
            return self.represent(preview), status.HTTP_201_CREATED if made else status.HTTP_200_OK

        return once(request, {"version": version}, produce)

    @extend_schema(
        summary="Apply steps to the sample",
        request=PreviewApplySerializer,
        responses=PreviewedShape,
        examples=[
            OpenApiExample("Steps", {"steps": STEPS}, request_only=True),
            OpenApiExample("Example", PREVIEWED, response_only=True),
        ],
    )
    @action(detail=True, methods=["post"], filter_backends=())
    def apply(self, request: Request, pk: str) -> Response:
        """What each step does to some rows, spread over the version. Nothing is stored.

        503 `preview_not_ready` while its process starts, 409 `superseded` when a newer recipe came, 409
        `preview_ended` when it was closed, or unused for long.
        """
        preview: Preview = self.get_object()
        require(request.user, preview.project, Role.EDITOR)
        asked = PreviewApplySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        preview_touch(preview)
        answer = preview_apply(preview=preview, steps=asked.validated_data["steps"])
        if answer.get("error"):
            answer["error"]["message"] = message_of(str(answer["error"]["detail"]), faults=True)
        return Response(answer)
