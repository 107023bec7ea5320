"""Which versions keep their data, over REST: rules, and what one would delete."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.datasets.api.examples import AT, CLEANED_ID, DATASET_ID, PROJECT_ID, USER_ID, VERSION_ID, shown_as
from apps.datasets.models import Dataset, KeepRule
from apps.datasets.models.keeping import GRACE_DAYS
from apps.datasets.selectors.keeping import REASONS
from apps.datasets.selectors.shown import keep_rules_shown
from apps.datasets.selectors.would_keep import would_keep
from apps.datasets.services.keeping import keep_rule_delete, keep_rule_set
from apps.datasets.states import VersionState

DAYS_MOST, VERSIONS_MOST = 36_500, 10_000


@shown_as(
    {
        "id": "01936f2e-0000-7000-8000-000000000081",
        "project": PROJECT_ID,
        "project_name": "risk",
        "dataset": DATASET_ID,
        "dataset_name": "loans",
        "keep_last": 3,
        "keep_days": None,
        "keep_named": True,
        "keep_parents": False,
        "grace_days": 7,
        "changed_at": AT,
        "changed_by": USER_ID,
        "changed_by_name": "ada",
        "created_at": AT,
    }
)
class KeepRuleSerializer(serializers.ModelSerializer[KeepRule]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True, allow_null=True)
    changed_by_name = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = KeepRule
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "keep_last", "keep_days", "keep_named",
            "keep_parents", "grace_days", "changed_at", "changed_by", "changed_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class RuleSerializer(serializers.Serializer[Any]):
    """What a rule says."""

    keep_last = serializers.IntegerField(
        min_value=1, max_value=VERSIONS_MOST, allow_null=True, default=None, help_text="The newest so many versions"
    )
    keep_days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MOST, allow_null=True, default=None, help_text="Versions that are younger"
    )
    keep_named = serializers.BooleanField(default=True, help_text="Versions with a tag or an alias")
    keep_parents = serializers.BooleanField(default=False, help_text="Versions that a kept one was made of")
    grace_days = serializers.IntegerField(min_value=1, max_value=DAYS_MOST, default=GRACE_DAYS)


class KeepRuleSetSerializer(RuleSerializer):
    project = VisibleRelatedField(Project)
    dataset = VisibleRelatedField(
        Dataset, allow_null=True, default=None, help_text="Null: of every dataset of the project without its own"
    )


class WouldKeepQuerySerializer(RuleSerializer):
    dataset = VisibleRelatedField(Dataset)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["keep_last"] and not attrs["keep_days"]:
            raise serializers.ValidationError({"keep_last": ["this or keep_days is needed"]})
        return attrs


class WouldKeepVersionShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=VersionState.choices)
    created_at = serializers.DateTimeField()
    row_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=REASONS), help_text="Why it is kept; none: its data would be deleted"
    )
    data_tombstoned_at = serializers.DateTimeField(allow_null=True)


class WouldKeepShape(serializers.Serializer[Any]):
    """What a rule would do to a dataset as it is now. Nothing is changed by asking."""

    dataset = serializers.UUIDField()
    freed_bytes = serializers.IntegerField(help_text="Of files that no kept version has")
    freed_versions = serializers.IntegerField()
    versions = WouldKeepVersionShape(many=True, help_text="Those that have their data, the newest first")


WOULD_KEEP = {
    "dataset": DATASET_ID,
    "freed_bytes": 118204,
    "freed_versions": 1,
    "versions": [
        {
            "id": CLEANED_ID, "number": 2, "state": "published", "created_at": AT, "row_count": 4452,
            "size_bytes": 120000, "reasons": ["last", "named"], "data_tombstoned_at": None,
        },
        {
            "id": VERSION_ID, "number": 1, "state": "published", "created_at": AT, "row_count": 4454,
            "size_bytes": 118204, "reasons": [], "data_tombstoned_at": None,
        },
    ],
}  # fmt: skip


@extend_schema_view(
    list=extend_schema(summary="List rules of which versions keep their data"),
    retrieve=extend_schema(summary="One such rule"),
    create=extend_schema(
        summary="Set which versions of a dataset, or of a project's datasets, keep their data",
        description="In the place of the rule that was there. Without a rule everything is kept.",
        request=KeepRuleSetSerializer,
        responses={201: KeepRuleSerializer},
        examples=[
            OpenApiExample(
                "The last three", {"project": PROJECT_ID, "dataset": DATASET_ID, "keep_last": 3}, request_only=True
            )
        ],
    ),
)
class KeepRuleViewSet(CreateViewSet):
    """Rules of which versions keep their data."""

    queryset = keep_rules_shown()
    serializer_class = KeepRuleSerializer
    create_serializer_class = KeepRuleSetSerializer
    filterset_fields = ("project", "dataset")
    ordering_fields: ClassVar = ("created_at", "changed_at")

    def perform_service(self, data: dict[str, Any]) -> KeepRule:
        user = caller(self.request)
        require(user, data["project"], Role.ADMIN)
        return keep_rule_set(**data, changed_by=user, actor=Actor.user(user))

    @extend_schema(summary="Remove such a rule", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Everything is kept from then on; what is to be deleted is kept, too."""
        rule: KeepRule = self.get_object()
        require(request.user, rule.project, Role.ADMIN)
        keep_rule_delete(rule, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="What a rule would keep of a dataset, and how much it would free",
        parameters=[
            OpenApiParameter("dataset", OpenApiTypes.UUID, required=True),
            OpenApiParameter("keep_last", OpenApiTypes.INT),
            OpenApiParameter("keep_days", OpenApiTypes.INT),
            OpenApiParameter("keep_named", OpenApiTypes.BOOL),
            OpenApiParameter("keep_parents", OpenApiTypes.BOOL),
        ],
        responses=WouldKeepShape,
        examples=[OpenApiExample("Example", WOULD_KEEP, response_only=True)],
    )
    @action(detail=False, url_path="would-keep", filter_backends=(), pagination_class=None)
    def would_keep(self, request: Request) -> Response:
        """A dry run: the same decision as the one that deletes."""
        asked = WouldKeepQuerySerializer(data=request.query_params.dict(), context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        rule = dict(asked.validated_data)
        return Response(WouldKeepShape(would_keep(rule.pop("dataset"), SimpleNamespace(**rule))).data)
