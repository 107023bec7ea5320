"""Comparisons of versions over REST: asked for once per pair and key, followed, read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import NamedRelatedField, once
from apps.common.audit import Actor
from apps.datasets.api.comparison_examples import COMPARISON
from apps.datasets.api.drift_shapes import DriftShape
from apps.datasets.api.examples import CLEANED_ID, VERSION_ID, shown_as
from apps.datasets.api.job_serializers import JOB, DataJobSerializer
from apps.datasets.api.job_views import DataJobViewSet
from apps.datasets.api.shapes import ScalarField
from apps.datasets.models import DatasetVersion, VersionComparison
from apps.datasets.selectors.references import reference_resolve
from apps.datasets.selectors.shown import comparisons_shown
from apps.datasets.services.comparisons import KEY_MOST, comparison_cancel, comparison_create


class ComparedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()


class RetypedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class SchemaChangesShape(serializers.Serializer[Any]):
    added = ComparedColumnShape(many=True)
    removed = ComparedColumnShape(many=True)
    type_changed = RetypedColumnShape(many=True)


class RowCountsShape(serializers.Serializer[Any]):
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField(allow_null=True, help_text="Null without a key")
    same = serializers.IntegerField()


class ChangedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    changed = serializers.IntegerField(help_text="Cells, of rows that are in both")


class WholeRowShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField()
    values = serializers.DictField(child=ScalarField(allow_null=True), help_text="Of the columns that both have")


class ChangedCellShape(serializers.Serializer[Any]):
    column = serializers.CharField()
    before = ScalarField(allow_null=True)
    after = ScalarField(allow_null=True)


class ChangedRowShape(serializers.Serializer[Any]):
    key = serializers.DictField(child=ScalarField(allow_null=True))
    ordinal_before = serializers.IntegerField()
    ordinal_after = serializers.IntegerField()
    cells = ChangedCellShape(many=True, help_text="Those that changed")


class RowExamplesShape(serializers.Serializer[Any]):
    added = WholeRowShape(many=True)
    removed = WholeRowShape(many=True)
    changed = ChangedRowShape(many=True)


class ComparisonShape(serializers.Serializer[Any]):
    """What was found. Examples are the first rows, 50 of a kind at most."""

    key = serializers.ListField(child=serializers.CharField())
    schema = SchemaChangesShape()
    rows = RowCountsShape()
    columns = ChangedColumnShape(many=True)
    examples = RowExamplesShape()
    drift = DriftShape(help_text="Of the first 100 columns that both have")


@extend_schema_field(ComparisonShape(allow_null=True))
class ComparisonField(serializers.JSONField):
    """As it was found."""


COLUMNS = (
    "id", "project", "project_name", "before", "before_number", "before_dataset", "before_dataset_name", "after",
    "after_number", "after_dataset", "after_dataset_name", "key", *JOB,
)  # fmt: skip


class VersionComparisonRowSerializer(DataJobSerializer):
    """A comparison in a list: without what it found."""

    key = serializers.ListField(child=serializers.CharField(), read_only=True)
    before_number = serializers.IntegerField(read_only=True)
    before_dataset = serializers.UUIDField(read_only=True)
    before_dataset_name = serializers.CharField(read_only=True)
    after_number = serializers.IntegerField(read_only=True)
    after_dataset = serializers.UUIDField(read_only=True)
    after_dataset_name = serializers.CharField(read_only=True)

    class Meta:
        model = VersionComparison
        fields: Any = COLUMNS
        read_only_fields: Any = fields


@shown_as(COMPARISON)
class VersionComparisonSerializer(VersionComparisonRowSerializer):
    result = ComparisonField(read_only=True, allow_null=True)

    class Meta(VersionComparisonRowSerializer.Meta):
        fields = (*COLUMNS, "result")
        read_only_fields = fields


class VersionComparisonCreateSerializer(serializers.Serializer[Any]):
    before = NamedRelatedField(
        DatasetVersion,
        named_by=reference_resolve,
        help_text="The earlier version: its id, or `project/dataset@version`",
    )
    after = NamedRelatedField(
        DatasetVersion, named_by=reference_resolve, help_text="The later version: its id, or `project/dataset@version`"
    )
    key = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=KEY_MOST,
        required=False,
        default=list,
        help_text="Columns that tell rows apart; left out: whole rows are compared, and none is changed",
    )


@extend_schema_view(
    list=extend_schema(
        summary="List comparisons of versions, without what they found", responses=VersionComparisonRowSerializer
    ),
    retrieve=extend_schema(summary="One comparison of versions"),
)
class VersionComparisonViewSet(DataJobViewSet):
    """What became of the rows of one version in another."""

    queryset = comparisons_shown()
    serializer_class = VersionComparisonSerializer
    create_serializer_class = VersionComparisonCreateSerializer
    filterset_fields = ("project", "before", "after", "state")
    cancel_service = staticmethod(comparison_cancel)

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        return found.defer("result") if self.action == "list" else found

    def get_serializer_class(self) -> Any:
        return VersionComparisonRowSerializer if self.action == "list" else super().get_serializer_class()

    @extend_schema(
        summary="Compare two versions",
        request=VersionComparisonCreateSerializer,
        responses={200: VersionComparisonSerializer, 201: VersionComparisonSerializer},
        examples=[
            OpenApiExample("By a key", {"before": VERSION_ID, "after": CLEANED_ID, "key": ["id"]}, request_only=True)
        ],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """201 when it is new, 200 when the same was compared already or is under way."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        user = caller(request)
        require(user, data["after"].project, Role.EDITOR)

        def produce() -> tuple[Any, int]:
            found, made = comparison_create(**data, requested_by=user, actor=Actor.user(user))
            return self.represent(found), status.HTTP_201_CREATED if made else status.HTTP_200_OK

        return once(request, data, produce)
