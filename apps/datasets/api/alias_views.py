"""Names of versions over REST: aliases, their moves, and what a reference means."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.datasets.api.alias_examples import ALIAS, MOVES
from apps.datasets.api.examples import DATASET_ID, VERSION_ID, shown_as
from apps.datasets.models import Dataset, DatasetVersion, VersionAlias
from apps.datasets.models.alias import ALIAS as NAME
from apps.datasets.selectors.references import alias_history
from apps.datasets.selectors.shown import aliases_shown
from apps.datasets.services.aliases import version_alias_delete, version_alias_set


@shown_as(ALIAS)
class VersionAliasSerializer(serializers.ModelSerializer[VersionAlias]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    number = serializers.IntegerField(read_only=True, help_text="Of the version")
    version_state = serializers.CharField(read_only=True)
    moved_by_name = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = VersionAlias
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "name", "version", "number", "version_state",
            "moved_at", "moved_by", "moved_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class VersionAliasSetSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    name = serializers.CharField(max_length=60, validators=[NAME], help_text="`gold`; not `latest`")
    version = VisibleRelatedField(DatasetVersion)


class AliasMoveShape(serializers.Serializer[Any]):
    """One time at which an alias came to point elsewhere."""

    at = serializers.DateTimeField()
    by = serializers.CharField(help_text="Who moved it; empty for a part of the installation")
    version = serializers.UUIDField()
    number = serializers.IntegerField()
    number_before = serializers.IntegerField(allow_null=True, help_text="Null when it was new")


class AliasHistoryShape(serializers.Serializer[Any]):
    alias = serializers.UUIDField()
    moves = AliasMoveShape(many=True, help_text="Newest first, 200 at most")


@extend_schema_view(
    list=extend_schema(summary="List aliases of dataset versions"),
    retrieve=extend_schema(summary="One alias of a dataset version"),
    create=extend_schema(
        summary="Let a name point at a dataset version",
        description="A name that points at another version of the dataset moves. 403 (`approval_required`): an "
        "expectation that refers to it keeps a version back, and who is no administrator of the project would move it.",
        request=VersionAliasSetSerializer,
        responses={201: VersionAliasSerializer},
        examples=[
            OpenApiExample("Gold", {"dataset": DATASET_ID, "name": "gold", "version": VERSION_ID}, request_only=True)
        ],
    ),
)
class VersionAliasViewSet(CreateViewSet):
    """Names that point at versions of datasets."""

    queryset = aliases_shown()
    serializer_class = VersionAliasSerializer
    create_serializer_class = VersionAliasSetSerializer
    filterset_fields = ("project", "dataset", "name", "version")
    ordering_fields: ClassVar = ("created_at", "name", "moved_at")

    def perform_service(self, data: dict[str, Any]) -> VersionAlias:
        user = caller(self.request)
        require(user, data["dataset"].project, Role.EDITOR)
        return version_alias_set(**data, moved_by=user, actor=Actor.user(user))

    @extend_schema(summary="Remove an alias of a dataset version", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The name goes, the version stays. 403 (`approval_required`): as when it would move."""
        alias: VersionAlias = self.get_object()
        require(request.user, alias.project, Role.EDITOR)
        user = caller(request)
        version_alias_delete(alias, deleted_by=user, actor=Actor.user(user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Where an alias pointed",
        responses=AliasHistoryShape,
        examples=[OpenApiExample("Example", MOVES, response_only=True)],
    )
    @action(detail=True, filter_backends=(), pagination_class=None)
    def history(self, request: Request, pk: str) -> Response:
        """Who let it point where, and when: from the audit trail."""
        alias: VersionAlias = self.get_object()
        return Response({"alias": alias.pk, "moves": AliasMoveShape(alias_history(alias), many=True).data})


REFERENCE_PARAMETER = OpenApiParameter(
    "ref",
    OpenApiTypes.STR,
    required=True,
    description="`project/dataset@version`: a number, an alias, or `latest`; with or without `bedplate://`",
    examples=[OpenApiExample("An alias", "risk/loans@gold")],
)
