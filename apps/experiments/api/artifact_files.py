"""Files of runs and logged models over REST, as a tree: `…/{id}/files`, `…/{id}/files/{name}`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import require
from apps.access.states import Role
from apps.common.api import ReadViewSet
from apps.common.audit import Actor
from apps.common.bodies import AnyBodyParser, chunks_of
from apps.common.downloads import download
from apps.common.errors import NotFound
from apps.experiments.api.examples import ARTIFACT_ID, AT, PROJECT_ID, RUN_ID, SHA256, shown_as
from apps.experiments.api.run_shapes import ValueField
from apps.experiments.models import LoggedModel, LoggedModelMetric, Run
from apps.experiments.models.artifact import SHA256 as DIGEST
from apps.experiments.selectors.artifacts import file_named, folder_entries
from apps.experiments.selectors.registry_search import points_shown
from apps.experiments.selectors.series import number_said
from apps.experiments.services.artifacts import Owner, artifact_put, artifacts_delete, name_check
from apps.experiments.states import ArtifactKind

NAME = OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH, description="With its folders")
BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class FolderQuerySerializer(serializers.Serializer[Any]):
    folder = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


@shown_as({"name": "MLmodel", "path": "model/MLmodel", "is_folder": False, "size_bytes": 721})
class FolderEntrySerializer(serializers.Serializer[Any]):
    """A file or a folder."""

    name = serializers.CharField()
    path = serializers.CharField(help_text="With its folders")
    is_folder = serializers.BooleanField()
    size_bytes = serializers.IntegerField(allow_null=True, help_text="Of a file")


class PutQuerySerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(ArtifactKind.choices, default=ArtifactKind.FILE)
    sha256 = serializers.CharField(required=False, default="", validators=[DIGEST], help_text="What it must be")


@shown_as({"id": ARTIFACT_ID, "name": "model/MLmodel", "sha256": SHA256, "size_bytes": 721, "created_at": AT})
class PutFileSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class FilesMixin:
    """For the viewsets of what has files."""

    get_object: Any

    def get_parsers(self: Any) -> list[BaseParser]:
        """A file is taken as it arrives, whatever it is."""
        # The action itself is not known yet: REST framework asks for parsers first.
        is_file = getattr(self, "action_map", None) and self.action_map.get("put") == "put_file"
        if is_file and self.request is not None and self.request.method == "PUT":
            return [AnyBodyParser()]
        parsers: list[BaseParser] = super().get_parsers()  # type: ignore[misc]  # of the viewset beside
        return parsers

    @extend_schema(
        summary="Files in a folder", parameters=[FolderQuerySerializer], responses=FolderEntrySerializer(many=True)
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def files(self: Any, request: Request, pk: str) -> Response:
        """What lies directly in it, by name: the newest of each. Without a folder the root."""
        asked = FolderQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        folder = asked.validated_data["folder"].strip("/")
        entries = folder_entries(self.get_object(), name_check(folder) if folder else "")
        return Response(FolderEntrySerializer(entries, many=True).data)

    @extend_schema(summary="Download a file by its name", parameters=[NAME], responses=BINARY)
    @action(detail=True, methods=["get"], url_path="files/(?P<name>.+)", url_name="file", filter_backends=())
    def file(self: Any, request: Request, pk: str, name: str) -> HttpResponseBase:
        """Whole, or in part: `Range` goes on where a transfer broke off."""
        found = file_named(self.get_object(), name_check(name))
        if found is None:
            raise NotFound(f"There is no file {name[:200]!r}.")
        last = name.rpartition("/")[2]
        return download(request, found.path, name=last, size_bytes=found.size_bytes, tag=found.sha256)

    @extend_schema(
        summary="Send a file",
        parameters=[NAME, PutQuerySerializer],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: PutFileSerializer},
    )
    @file.mapping.put
    def put_file(self: Any, request: Request, pk: str, name: str) -> Response:
        """Taken as it arrives, in the place of one that has this name; of one that breaks off nothing stays. Files that
        should go on where they broke off are sent by `artifact-uploads`."""
        asked = PutQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        owner = owner_of(self.get_object())
        require(request.user, owner.project, Role.EDITOR)
        made = artifact_put(
            owner=owner, name=name, chunks=chunks_of(request), actor=Actor.user(request.user), **asked.validated_data
        )
        return Response(PutFileSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Delete a file or a folder",
        parameters=[NAME],
        responses={204: OpenApiResponse(description="No longer listed; its content goes by the rules for files")},
    )
    @file.mapping.delete
    def delete_file(self: Any, request: Request, pk: str, name: str) -> Response:
        """Only of what came through the server: what a job left stays with its attempt."""
        owner = owner_of(self.get_object())
        require(request.user, owner.project, Role.EDITOR)
        artifacts_delete(owner=owner, name=name_check(name), actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


POINT = {
    "key": "auc",
    "value": 0.91,
    "step": 3,
    "time_ms": 1772443800000,
    "run": RUN_ID,
    "dataset_name": "held-out",
    "dataset_digest": "5c1f0b7a",
}


@shown_as(POINT)
class ModelPointSerializer(serializers.ModelSerializer[LoggedModelMetric]):
    """A point that a run said of a logged model, and on which dataset it was measured, if on any."""

    value = serializers.SerializerMethodField(method_name="value_said")

    class Meta:
        model = LoggedModelMetric
        fields = ("key", "value", "step", "time_ms", "run", "dataset_name", "dataset_digest")
        read_only_fields = fields

    @extend_schema_field(ValueField())
    def value_said(self, point: LoggedModelMetric) -> float | str:
        return number_said(point.value)


def owner_of(row: Run | LoggedModel) -> Owner:
    return Owner(logged_model=row) if isinstance(row, LoggedModel) else Owner(run=row)


@shown_as(
    {
        "id": "01936f2e-0000-7000-8000-000000000110",
        "project": PROJECT_ID,
        "experiment": "01936f2e-0000-7000-8000-000000000102",
        "run": RUN_ID,
        "name": "model",
        "kind": "",
        "state": "ready",
        "state_at": AT,
        "parameters": {"depth": "4"},
        "labels": {},
        "metrics": [POINT],
        "created_at": AT,
    }
)
class LoggedModelSerializer(serializers.ModelSerializer[LoggedModel]):
    metrics = ModelPointSerializer(many=True, read_only=True, help_text="The newest of each metric and dataset")

    class Meta:
        model = LoggedModel
        fields = (
            "id", "project", "experiment", "run", "name", "kind", "state", "state_at", "parameters", "labels",
            "metrics", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class LoggedModelViewSet(FilesMixin, ReadViewSet):
    """Models as code saved them, before anybody registers them."""

    queryset = LoggedModel.objects.filter(deleted_at=None).prefetch_related(points_shown(1))
    serializer_class = LoggedModelSerializer
    filterset_fields = ("project", "experiment", "run", "name", "state")
    ordering_fields = ("created_at", "name")
