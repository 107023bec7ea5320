"""Uploads that can be continued, by the tus protocol 1.0.0; their list and state as JSON beside it."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import ReadViewSet, VisibleRelatedField, once
from apps.common.audit import Actor
from apps.common.bodies import chunks_of
from apps.common.stories import StateMessageField, StoryMixin
from apps.datasets.api import tus
from apps.datasets.api.examples import DATASET_ID, PROJECT_ID, SOURCE_ID, USER_ID, shown_as
from apps.datasets.models import Dataset, Upload
from apps.datasets.services.upload_bytes import upload_append
from apps.datasets.services.uploads import UploadGone, upload_cancel, upload_create
from apps.datasets.states import UploadState

UPLOAD = {
    "id": SOURCE_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "name": "loans.csv",
    "size_bytes": 2147483648,
    "offset_bytes": 536870912,
    "fingerprint": "loans.csv-2147483648-1767225600000",
    "state": "receiving",
    "state_reason": "",
    "state_detail": "",
    "state_message": [],
    "state_at": "2026-03-02T09:30:00Z",
    "source": None,
    "uploaded_by": USER_ID,
    "uploaded_by_name": "ada",
    "expires_at": "2026-03-03T09:30:00Z",
    "created_at": "2026-03-02T09:30:00Z",
}


def _header(name: str, about: str, *, required: bool = True, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=about)


SPEAKS = _header("Tus-Resumable", f"`{tus.VERSION}`")
CREATED = OpenApiResponse(description="Begun; `Location` is where the bytes go", response=None)


@shown_as(UPLOAD)
class UploadSerializer(serializers.ModelSerializer[Upload]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    uploaded_by_name = serializers.CharField(read_only=True, allow_null=True)
    state_message = StateMessageField(source="state_detail")

    class Meta:
        model = Upload
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "name", "size_bytes", "offset_bytes",
            "fingerprint", "state", "state_reason", "state_detail", "state_message", "state_at", "source",
            "uploaded_by", "uploaded_by_name", "expires_at", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class MetadataSerializer(serializers.Serializer[Any]):
    """What `Upload-Metadata` says."""

    filename = serializers.CharField(max_length=1000, required=False, default="")
    name = serializers.CharField(max_length=1000, required=False, default="")
    dataset = VisibleRelatedField(Dataset)
    sha256 = serializers.CharField(max_length=64, required=False, default="")
    fingerprint = serializers.CharField(max_length=200, required=False, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        name = attrs.pop("name")
        attrs["file_name"] = attrs.pop("filename") or name
        if not attrs["file_name"]:
            raise serializers.ValidationError({"filename": ["Say the name of the file."]})
        return attrs


class BytesParser(BaseParser):
    """Says in the API's document what a PATCH carries; the view reads the body itself."""

    media_type = tus.CONTENT_TYPE


@extend_schema_view(
    list=extend_schema(summary="List uploads"),
    retrieve=extend_schema(summary="One upload; HEAD says how much of it has arrived"),
)
class UploadViewSet(StoryMixin, ReadViewSet):
    """Files that arrive in pieces, and go on where they broke off."""

    queryset = Upload.objects.select_related("dataset").annotate(
        project_name=F("project__name"), dataset_name=F("dataset__name"), uploaded_by_name=F("uploaded_by__username")
    )
    serializer_class = UploadSerializer
    parser_classes = (BytesParser,)
    filterset_fields = ("project", "dataset", "state", "fingerprint", "uploaded_by")
    ordering_fields = ("created_at", "name", "size_bytes", "expires_at")

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = tus.VERSION
        if answer.status_code == tus.WrongVersion.status:
            answer["Tus-Version"] = tus.VERSION
        return answer

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return tus.options()

    @extend_schema(
        summary="Begin an upload (tus)",
        request=None,
        responses={201: CREATED},
        parameters=[
            SPEAKS,
            _header("Upload-Length", "Bytes of the whole file", kind=OpenApiTypes.INT64),
            _header(
                "Upload-Metadata",
                "`filename` and `dataset` (its id), and where it helps `sha256` of the whole, and a `fingerprint` by "
                "which the sender finds the upload again; each with its text in Base64",
            ),
        ],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The bytes follow by PATCH to `Location`. What has not come after a day (a setting) is forgotten."""
        tus.version_check(request)
        size_bytes = tus.whole(request, "Upload-Length")
        asked = MetadataSerializer(data=tus.metadata_of(request), context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        user = caller(request)
        require(user, data["dataset"].project, Role.EDITOR)

        def produce() -> tuple[Any, int]:
            upload = upload_create(**data, size_bytes=size_bytes, uploaded_by=user, actor=Actor.user(user))
            return {"id": str(upload.pk)}, status.HTTP_201_CREATED

        answer = once(request, {**data, "size_bytes": size_bytes}, produce)
        answer["Location"] = f"{request.path}/{answer.data['id']}"
        return answer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        upload: Upload = self.get_object()
        if request.method == "HEAD" and upload.is_terminal and upload.state != UploadState.COMPLETED:
            raise UploadGone(f"The upload is {upload.state}.")
        return Response(self.get_serializer(upload).data, headers=tus.said_of(upload))

    @extend_schema(
        summary="Send what comes next (tus)",
        request={tus.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={204: OpenApiResponse(description="Kept; `Upload-Offset` says up to where")},
        parameters=[
            SPEAKS,
            _header("Upload-Offset", "Where the bytes begin: as HEAD says", kind=OpenApiTypes.INT64),
            _header("Upload-Checksum", "`sha1`, `sha256` or `md5`, a blank, the digest in Base64", required=False),
        ],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What arrives is kept, also when the connection breaks; with the last byte the upload becomes a source.

        409 `offset_mismatch` where it continues elsewhere, 423 `upload_locked` while another request writes, 460
        `checksum_mismatch`, 410 once it has ended.
        """
        tus.version_check(request)
        if (request.content_type or "").split(";")[0] != tus.CONTENT_TYPE:
            raise tus.WrongMediaType
        offset, checksum = tus.whole(request, "Upload-Offset"), tus.checksum_of(request)
        upload: Upload = self.get_object()
        user = caller(request)
        require(user, upload.project, Role.EDITOR)
        upload = upload_append(
            upload, offset=offset, chunks=chunks_of(request), checksum=checksum, actor=Actor.user(user)
        )
        return Response(status=status.HTTP_204_NO_CONTENT, headers=tus.said_of(upload))

    @extend_schema(summary="Give an upload up (tus)", responses={204: None}, parameters=[SPEAKS])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What had arrived is removed."""
        tus.version_check(request)
        upload: Upload = self.get_object()
        require(request.user, upload.project, Role.EDITOR)
        upload_cancel(upload, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)
