"""Uploads of files in parts over REST: several parts at a time, and on from where they broke off."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.experiments.api.artifact_files import PutFileSerializer
from apps.experiments.api.artifact_parts import part_address
from apps.experiments.api.examples import AT, PROJECT_ID, RUN_ID, asked_as, shown_as
from apps.experiments.models import ArtifactUpload, LoggedModel, Run
from apps.experiments.models.artifact import NAME
from apps.experiments.models.artifact import SHA256 as DIGEST
from apps.experiments.services.artifact_uploads import (
    PARTS_MOST,
    artifact_upload_begin,
    artifact_upload_cancel,
    artifact_upload_complete,
    parts_there,
)
from apps.experiments.services.artifacts import Owner
from apps.experiments.states import ArtifactKind, UploadState

UPLOAD = {
    "id": "01936f2e-0000-7000-8000-000000000111",
    "project": PROJECT_ID,
    "run": RUN_ID,
    "logged_model": None,
    "name": "checkpoints/step-50.pt",
    "kind": "file",
    "parts": 2,
    "size_bytes": 73400320,
    "sha256": "",
    "state": "receiving",
    "state_at": AT,
    "artifact": None,
    "expires_at": AT,
    "created_at": AT,
}
PARTS_AT_ONCE = 1000
"""In one answer: a bucket's address takes half a millisecond to sign."""
PART = {"number": 1, "url": "https://…/api/v1/artifact-parts/…", "size_bytes": None}


@shown_as(UPLOAD)
class ArtifactUploadSerializer(serializers.ModelSerializer[ArtifactUpload]):
    class Meta:
        model = ArtifactUpload
        fields = (
            "id", "project", "run", "logged_model", "name", "kind", "parts", "size_bytes", "sha256", "state",
            "state_at", "artifact", "expires_at", "created_at",
        )  # fmt: skip
        read_only_fields = fields


@asked_as({"run": RUN_ID, "name": "checkpoints/step-50.pt", "parts": 2, "size_bytes": 73400320})
class ArtifactUploadCreateSerializer(serializers.Serializer[Any]):
    run = VisibleRelatedField(Run, required=False, allow_null=True, default=None)
    logged_model = VisibleRelatedField(LoggedModel, required=False, allow_null=True, default=None)
    name = serializers.CharField(max_length=500, validators=[NAME], help_text="With its folders")
    kind = serializers.ChoiceField(ArtifactKind.choices, default=ArtifactKind.FILE)
    parts = serializers.IntegerField(min_value=1, max_value=PARTS_MOST)
    size_bytes = serializers.IntegerField(min_value=0, max_value=1 << 60, allow_null=True, default=None)
    sha256 = serializers.CharField(required=False, allow_blank=True, default="", validators=[DIGEST])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["run"] is None) is (attrs["logged_model"] is None):
            raise serializers.ValidationError({"run": ["Name a run or a logged model."]})
        return attrs


class PartSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField(allow_null=True, help_text="Where it is sent to by PUT, for an hour, without a token")
    size_bytes = serializers.IntegerField(allow_null=True, help_text="Of a part that is there")


class PartsQuerySerializer(serializers.Serializer[Any]):
    first = serializers.IntegerField(min_value=1, max_value=PARTS_MOST, default=1, help_text="Number of the first one")


@shown_as({"parts": [PART], "next": None})
class PartsSerializer(serializers.Serializer[Any]):
    parts = PartSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`first` of the next answer; null: these are the last")


@extend_schema_view(
    list=extend_schema(summary="List uploads of artifacts"),
    retrieve=extend_schema(summary="One upload of an artifact"),
    create=extend_schema(
        summary="Begin an upload in parts",
        request=ArtifactUploadCreateSerializer,
        responses={201: ArtifactUploadSerializer},
    ),
)
class ArtifactUploadViewSet(CreateViewSet):
    """Files that arrive in numbered parts."""

    queryset = ArtifactUpload.objects.select_related("run", "logged_model", "project")
    serializer_class = ArtifactUploadSerializer
    create_serializer_class = ArtifactUploadCreateSerializer
    filterset_fields = ("project", "run", "logged_model", "state", "name")
    ordering_fields = ("created_at", "name", "expires_at")

    def perform_service(self, data: dict[str, Any]) -> ArtifactUpload:
        user = caller(self.request)
        owner = Owner(run=data.pop("run"), logged_model=data.pop("logged_model"))
        require(user, owner.project, Role.EDITOR)
        return artifact_upload_begin(owner=owner, started_by=user, **data)

    @extend_schema(
        summary="Parts of an upload, and where they are sent to",
        parameters=[PartsQuerySerializer],
        responses=PartsSerializer,
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def parts(self, request: Request, pk: str) -> Response:
        """A thousand at a time. Those that are there have a size; an upload that broke off goes on with the others."""
        asked = PartsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        upload: ArtifactUpload = self.get_object()
        require(request.user, upload.project, Role.EDITOR)
        there, is_open = parts_there(upload), upload.state == UploadState.RECEIVING
        first: int = asked.validated_data["first"]
        after = min(first + PARTS_AT_ONCE, upload.parts + 1)
        rows = [
            {
                "number": number,
                "url": part_address(request, upload, number) if is_open else None,
                "size_bytes": there.get(number),
            }
            for number in range(first, after)
        ]
        return Response({"parts": rows, "next": after if after <= upload.parts else None})

    @extend_schema(summary="Put the parts together", request=None, responses=PutFileSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """The file is an artifact then; asked again, the same. 409 `parts_missing` names what has not come."""
        upload: ArtifactUpload = self.get_object()
        require(request.user, upload.project, Role.EDITOR)
        made = artifact_upload_complete(upload=upload, actor=Actor.user(request.user))
        return Response(PutFileSerializer(made).data)

    @extend_schema(summary="Give an upload up", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What had arrived is removed."""
        upload: ArtifactUpload = self.get_object()
        require(request.user, upload.project, Role.EDITOR)
        artifact_upload_cancel(upload=upload, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)
