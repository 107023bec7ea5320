"""What a model version is made of, over REST: its files and what was seen in them, its card, approvals."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import ApprovalState, Role
from apps.common.audit import Actor
from apps.experiments.api.examples import AT, SHA256, asked_as, shown_as
from apps.experiments.api.registry_shapes import LabelsField
from apps.experiments.api.verified import file_named, verified_download
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.card_markdown import markdown_of
from apps.experiments.selectors.cards import approvals_of, card_of
from apps.experiments.selectors.model_files import files_of
from apps.experiments.services.model_approvals import use_request
from apps.experiments.services.registry import model_version_change
from workers.contracts.inspection.reports import Format, Verdict

BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
APPROVAL = {
    "id": "01936f2e-0000-7000-8000-000000000114",
    "state": "approved",
    "comment": "Our own estimator",
    "requested_by": "ada",
    "requested_at": AT,
    "decided_by": "grace",
    "decision": "Read and reviewed",
    "decided_at": AT,
}


class RefusedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="What it names")
    how = serializers.ChoiceField(choices=("imports", "calls", "changes"))


class VersionFileSerializer(serializers.Serializer[Any]):
    """One file, and what was seen in it; empty texts: nobody looked yet."""

    name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    file_format = serializers.ChoiceField(choices=["", *(str(one) for one in Format)], source="format")
    verdict = serializers.ChoiceField(choices=["", *(str(one) for one in Verdict)])
    detail = serializers.CharField()
    refused = RefusedSerializer(many=True, help_text="What a pickle names that is not on the list of allowed names")


class VersionApprovalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=ApprovalState.choices)
    comment = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    decided_by = serializers.CharField()
    decision = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)


@shown_as(
    {
        "manifest": f"sha256:{SHA256}",
        "verdict": "listed",
        "inspected_at": AT,
        "files": [
            {
                "name": "model.pkl", "size_bytes": 711, "sha256": SHA256, "file_format": "pickle", "verdict": "listed",
                "detail": "", "refused": [],
            }
        ],
        "approvals": [APPROVAL],
    }
)  # fmt: skip
class VersionFilesSerializer(serializers.Serializer[Any]):
    manifest = serializers.CharField(help_text="Over names, sizes and digests of all files")
    verdict = serializers.ChoiceField(choices=["", *(str(one) for one in Verdict)], help_text="The worst of its files")
    inspected_at = serializers.DateTimeField(allow_null=True)
    files = VersionFileSerializer(many=True)
    approvals = VersionApprovalSerializer(many=True, help_text="Requests to use it although loading it runs code")


class VersionFileQuerySerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=500)


class CardQuerySerializer(serializers.Serializer[Any]):
    form = serializers.ChoiceField(choices=("json", "markdown"), default="json")
    language = serializers.ChoiceField(choices=("en", "zh"), default="en", help_text="Of the words in Markdown")


@asked_as({"comment": "Our own estimator; its code is reviewed."})
class UseRequestSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


@asked_as({"description": "Trained anew after the fix of March.", "labels": {"stage": "shadow"}})
class VersionChangeSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(required=False, allow_blank=True, max_length=100_000, trim_whitespace=False)
    labels = LabelsField(required=False)


class VersionFilesMixin:
    """For the viewset of model versions."""

    get_object: Any
    represent: Any

    @extend_schema(summary="Files of a model version", responses=VersionFilesSerializer)
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def files(self, request: Request, pk: str) -> Response:
        """With their digests, and what was seen in them when the version was registered."""
        return _files_shown(self.get_object())

    @extend_schema(
        summary="Download a file of a model version", parameters=[VersionFileQuerySerializer], responses=BINARY
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def download(self, request: Request, pk: str) -> HttpResponseBase:
        """Compared with its digest. 409 `version_unusable` where the version may not be loaded: it is being read, waits
        for an approval, or is damaged."""
        asked = VersionFileQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        version: ModelVersion = self.get_object()
        return verified_download(request._request, version, file_named(version, asked.validated_data["name"]))

    @extend_schema(
        summary="The card of a model version",
        parameters=[CardQuerySerializer],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/markdown"): OpenApiTypes.STR,
        },
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def card(self, request: Request, pk: str) -> HttpResponseBase:
        """Made of what is known: data with sensitivity and quality, parameters, metrics, evaluation, signature, files
        with digests and what was seen in them, where it came from, approvals, who and when."""
        asked = CardQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        version: ModelVersion = self.get_object()
        card = card_of(version)
        if asked.validated_data["form"] == "json":
            return Response(card)
        answer = HttpResponse(
            markdown_of(card, asked.validated_data["language"]), content_type="text/markdown; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="model-card-{version.number}.md"'
        return answer

    @extend_schema(
        summary="Ask that a version may be used although loading it runs code",
        request=UseRequestSerializer,
        responses=VersionFilesSerializer,
    )
    @action(detail=True, methods=["post"], url_path="request-approval", filter_backends=())
    def request_approval(self, request: Request, pk: str) -> Response:
        """An approval request: an admin of the project who did not ask decides. 409 unless it waits for that, and where
        there is one already."""
        version: ModelVersion = self.get_object()
        user = caller(request)
        require(user, version.project, Role.EDITOR)
        asked = UseRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        comment = asked.validated_data["comment"]
        use_request(version=version, comment=comment, requested_by=user, actor=Actor.user(user))
        return _files_shown(version)

    @extend_schema(summary="Describe a model version", request=VersionChangeSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Words and labels; what it is made of never changes."""
        version: ModelVersion = self.get_object()
        require(request.user, version.project, Role.EDITOR)
        asked = VersionChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        model_version_change(version=version, actor=Actor.user(request.user), **asked.validated_data)
        return Response(self.represent(version))


def _files_shown(version: ModelVersion) -> Response:
    seen = version.inspection.get("files", {})
    empty = {"format": "", "verdict": "", "detail": "", "refused": []}
    files = [
        {"name": one.name, "size_bytes": one.size_bytes, "sha256": one.sha256, **empty, **seen.get(one.name, {})}
        for one in files_of(version)
    ]
    found = {
        "manifest": version.manifest,
        "verdict": version.inspection.get("verdict", ""),
        "inspected_at": version.inspection.get("inspected_at"),
        "files": files,
        "approvals": approvals_of(version),
    }
    return Response(VersionFilesSerializer(found).data)
