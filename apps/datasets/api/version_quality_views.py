"""What can be asked about a version's quality, and done about it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.audit import Actor
from apps.datasets.api.expectation_examples import PROPOSALS, QUALITY
from apps.datasets.api.expectation_serializers import (
    OverrideCreateSerializer,
    RejectSerializer,
    VersionQualitySerializer,
)
from apps.datasets.api.expectation_shapes import ProposalsShape
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors.quality_shown import proposals_shown, quality_of
from apps.datasets.services.approvals import override_request
from apps.datasets.services.gate import version_reject
from apps.datasets.services.validation_runs import validate

EXAMPLES = [OpenApiExample("Kept back", QUALITY, response_only=True)]


class VersionQualityMixin:
    """For the viewset of versions."""

    get_object: Any

    @extend_schema(summary="The quality of a version", responses=VersionQualitySerializer, examples=EXAMPLES)
    @action(detail=True, filter_backends=())
    def quality(self, request: Request, pk: str) -> Response:
        """Results of its dataset's expectations, what waits for it, and whether somebody asked for an override."""
        return self._quality(self.get_object(), request)

    @extend_schema(
        summary="Validate a version again", request=None, responses=VersionQualitySerializer, examples=EXAMPLES
    )
    @action(detail=True, methods=["post"], filter_backends=())
    def validate(self, request: Request, pk: str) -> Response:
        """Evaluate the expectations as they are now: a job, or the one that is under way. A version that is validating
        is published once nothing that blocks fails; without any active expectation, at once."""
        version = self._to_write(request)
        user = caller(request)
        validate(version, requested_by=user, actor=Actor.user(user))
        return self._quality(DatasetVersion.objects.get(pk=version.pk), request)

    @extend_schema(
        summary="Reject a version",
        request=RejectSerializer,
        responses=VersionQualitySerializer,
        examples=[*EXAMPLES, OpenApiExample("Why", {"detail": "The wrong branch was exported."}, request_only=True)],
    )
    @action(detail=True, methods=["post"], filter_backends=())
    def reject(self, request: Request, pk: str) -> Response:
        """It will never be published, and what waits for it ends. 409 unless it is validating."""
        version = self._to_write(request)
        asked = RejectSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version_reject(version, detail=asked.validated_data["detail"], actor=Actor.user(request.user))
        return self._quality(DatasetVersion.objects.get(pk=version.pk), request)

    @extend_schema(
        summary="Ask that a version be published although it fails",
        request=OverrideCreateSerializer,
        responses=VersionQualitySerializer,
        examples=[*EXAMPLES, OpenApiExample("Why", {"comment": "The two rows are known."}, request_only=True)],
    )
    @action(detail=True, methods=["post"], filter_backends=())
    def override(self, request: Request, pk: str) -> Response:
        """An approval request: an admin of the project who did not ask decides. 409 when there is one already."""
        version = self._to_write(request)
        user = caller(request)
        asked = OverrideCreateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        override_request(
            version=version, comment=asked.validated_data["comment"], requested_by=user, actor=Actor.user(user)
        )
        return self._quality(version, request)

    @extend_schema(
        summary="Expectations that a version's profile suggests",
        responses=ProposalsShape,
        examples=[OpenApiExample("Example", PROPOSALS, response_only=True)],
    )
    @action(detail=True, url_path="proposed-expectations", filter_backends=())
    def proposed_expectations(self, request: Request, pk: str) -> Response:
        """What this version fulfils now; nothing is saved: `POST /expectations/bulk` does that."""
        return Response(proposals_shown(self.get_object()))

    def _to_write(self, request: Request) -> DatasetVersion:
        version: DatasetVersion = self.get_object()
        require(request.user, version.project, Role.EDITOR)
        return version

    def _quality(self, version: DatasetVersion, request: Request) -> Response:
        return Response(VersionQualitySerializer(quality_of(version, request.user)).data)
