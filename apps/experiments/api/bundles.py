"""Source bundles over REST: a folder of code, sent as a zip archive or file by file, kept once by its content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import F, Func, IntegerField
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField, once
from apps.common.audit import Actor
from apps.common.deletions import nothing_deleted
from apps.common.downloads import download
from apps.common.errors import TooLarge
from apps.experiments.api import submit_examples
from apps.experiments.api.bundle_file import BundleFileMixin
from apps.experiments.api.bundle_upload import FolderUpload
from apps.experiments.api.examples import shown_as
from apps.experiments.models import SourceBundle
from apps.experiments.services.bundle_files import Entry, of_folder, of_zip
from apps.experiments.services.bundle_rules import NAMES_MOST, UPLOAD_BYTES_MOST
from apps.experiments.services.bundles import bundle_create, bundle_packed, bundle_put, left_out_shown

FORM_BYTES = 16 << 20
"""What a form with many names may have beside its files."""
BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class BundleFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Below the bundle's folder")
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    is_executable = serializers.BooleanField()


class LeftOutSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of a file, or of a whole folder: it ends with /")
    rule = serializers.CharField(help_text="Place and line of the `.gitignore`, or `always`")


ROW = ("id", "project", "sha256", "size_bytes", "file_count", "git_commit", "uploaded_by", "created_at", "sent_at")


@shown_as({name: submit_examples.BUNDLE[name] for name in ROW})
class SourceBundleRowSerializer(serializers.ModelSerializer[SourceBundle]):
    file_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = SourceBundle
        fields: ClassVar[tuple[str, ...]] = ROW
        read_only_fields: ClassVar[tuple[str, ...]] = ROW


@shown_as(submit_examples.BUNDLE)
class SourceBundleSerializer(SourceBundleRowSerializer):
    files = BundleFileSerializer(many=True, read_only=True, help_text="By name")

    class Meta(SourceBundleRowSerializer.Meta):
        fields = (*ROW, "files")
        read_only_fields = fields


@shown_as(submit_examples.BUNDLE_MADE)
class SourceBundleMadeSerializer(SourceBundleSerializer):
    """A bundle with what was not taken into it."""

    is_new = serializers.BooleanField(help_text="False: the project had one of this content")
    left_out = LeftOutSerializer(many=True, help_text="The first thousand")
    left_out_count = serializers.IntegerField()

    class Meta(SourceBundleRowSerializer.Meta):
        fields = (*ROW, "files", "is_new", "left_out", "left_out_count")
        read_only_fields = fields


class PathsField(serializers.CharField):
    """A JSON list of names."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise serializers.ValidationError("is not a JSON list of names")
        return found


class SourceBundleCreateSerializer(serializers.Serializer[Any]):
    """A zip archive, or files with their names below the folder."""

    project = VisibleRelatedField(Project)
    archive = serializers.FileField(required=False, help_text="A zip archive")
    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, max_length=NAMES_MOST,
        help_text="The files of a folder",
    )  # fmt: skip
    paths = PathsField(
        required=False, max_length=FORM_BYTES, help_text="Their names below the folder, as a JSON list, in their order"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("archive" in attrs) == ("files" in attrs):
            raise serializers.ValidationError("either archive, or files and paths")
        if len(attrs.get("files", ())) != len(attrs.get("paths", ())):
            raise serializers.ValidationError({"paths": "there are not as many names as files"})
        return attrs


@extend_schema_view(
    list=extend_schema(summary="List source bundles", responses=SourceBundleRowSerializer(many=True)),
    retrieve=extend_schema(summary="One source bundle with its files"),
    create=extend_schema(
        summary="Send a source bundle",
        request={"multipart/form-data": SourceBundleCreateSerializer},
        responses={200: SourceBundleMadeSerializer, 201: SourceBundleMadeSerializer},
    ),
)
class SourceBundleViewSet(BundleFileMixin, CreateViewSet):
    """Folders of code that runs execute, each content once."""

    queryset = SourceBundle.objects.all()
    serializer_class = SourceBundleSerializer
    create_serializer_class = SourceBundleCreateSerializer
    filterset_fields = ("project", "sha256", "uploaded_by")
    ordering_fields: ClassVar[Sequence[str]] = ("created_at", "size_bytes")
    parser_classes = (MultiPartParser,)

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        self.upload = FolderUpload(request)
        request.upload_handlers = [self.upload]  # before anything of it is read
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        self.upload.close()
        return super().finalize_response(request, response, *args, **kwargs)

    def get_queryset(self) -> Any:
        counted = Func(F("files"), function="jsonb_array_length", output_field=IntegerField())
        found = super().get_queryset().annotate(file_count=counted)
        return found.defer("files") if self.action == "list" else found

    def get_serializer_class(self) -> Any:
        return SourceBundleRowSerializer if self.action == "list" else super().get_serializer_class()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """201, or 200 where the project has one of the same content. What `.gitignore` files name is left out."""
        said = str(request.META.get("CONTENT_LENGTH") or "")
        if said.isdecimal() and int(said) > UPLOAD_BYTES_MOST + FORM_BYTES:
            raise TooLarge(f"A source bundle has at most {UPLOAD_BYTES_MOST} bytes; {said} were sent.")
        user = caller(request)
        serializer = self.get_serializer(data=_of_form(request))
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        project: Project = asked["project"]
        require(user, project, Role.EDITOR)
        with bundle_packed(_entries(asked)) as packed, nothing_deleted():
            bundle_put(project, packed)

            def produce() -> tuple[Any, int]:
                bundle, made = bundle_create(project=project, packed=packed, uploaded_by=user, actor=Actor.user(user))
                shown = SourceBundleSerializer(self.get_queryset().get(pk=bundle.pk)).data
                left_out = {"left_out": left_out_shown(packed), "left_out_count": packed.left_out_count}
                return {**shown, "is_new": made, **left_out}, status.HTTP_201_CREATED if made else status.HTTP_200_OK

            return once(request, {"project": project, "sha256": packed.sha256}, produce)

    @extend_schema(summary="Download a source bundle", responses=BINARY)
    @action(detail=True, filter_backends=())
    def download(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Its files as a zip archive."""
        bundle: SourceBundle = self.get_object()
        name = f"source-{bundle.sha256[:12]}.zip"
        return download(request, bundle.path, name=name, size_bytes=bundle.size_bytes, tag=bundle.archive_sha256)


def _of_form(request: Request) -> dict[str, Any]:
    """The form without what was not sent; of `files` all."""
    form: Any = request.data
    found = {name: form.get(name) for name in ("project", "archive", "paths") if name in form}
    files = request.FILES.getlist("files")
    return {**found, **({"files": files} if files else {})}


def _entries(asked: dict[str, Any]) -> list[Entry]:
    if "archive" in asked:
        return of_zip(asked["archive"].file)
    return of_folder([(name, file.file) for name, file in zip(asked["paths"], asked["files"], strict=True)])
