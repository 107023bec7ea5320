"""Rules for files, what they would do, and holds, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.experiments.api.examples import ARTIFACT_ID, AT, PROJECT_ID, RUN_ID, SHA256, asked_as, shown_as
from apps.experiments.api.submit_examples import BUNDLE_ID
from apps.experiments.models import FileHold, FileRule, ModelVersion, Run
from apps.experiments.models.retention import GRACE_DAYS
from apps.experiments.selectors.keeping import NEEDS
from apps.experiments.selectors.keeping_bundles import BUNDLE_NEEDS
from apps.experiments.selectors.keeping_report import files_report
from apps.experiments.services.keeping import file_hold_lift, file_hold_place, file_rule_delete, file_rule_set

DAYS_MOST = 36_500
RULE = {"keep_checkpoints": 3, "keep_best": True, "keep_days": 90, "grace_days": 7}
HOLD = {
    "id": "01936f2e-0000-7000-8000-000000000113",
    "project": PROJECT_ID,
    "run": RUN_ID,
    "model_version": None,
    "reason": "Audit of the first quarter",
    "placed_by_name": "ada",
    "lifted_at": None,
    "created_at": AT,
}


@shown_as({"id": "01936f2e-0000-7000-8000-000000000112", "project": PROJECT_ID, **RULE, "changed_at": AT})
class FileRuleSerializer(serializers.ModelSerializer[FileRule]):
    class Meta:
        model = FileRule
        fields = ("id", "project", "keep_checkpoints", "keep_best", "keep_days", "grace_days", "changed_at")
        read_only_fields = fields


@asked_as({"project": PROJECT_ID, **RULE})
class FileRuleSetSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    keep_checkpoints = serializers.IntegerField(min_value=0, max_value=100_000, default=3)
    keep_best = serializers.BooleanField(default=True, help_text="The checkpoint at which the metric was best")
    keep_days = serializers.IntegerField(
        min_value=1,
        max_value=DAYS_MOST,
        allow_null=True,
        default=None,
        help_text="Null: artifacts are kept without end",
    )
    grace_days = serializers.IntegerField(min_value=1, max_value=DAYS_MOST, default=GRACE_DAYS)


class ReportQuerySerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)


class ReasonShape(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=list(NEEDS))
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()


class UnkeptShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=("artifact", "checkpoint"))
    name = serializers.CharField()
    run = serializers.UUIDField(allow_null=True)
    size_bytes = serializers.IntegerField()
    tombstoned_at = serializers.DateTimeField(allow_null=True)


class UnkeptBundleShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sent_at = serializers.DateTimeField(help_text="When it was sent last")


class BundleReasonShape(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(list(BUNDLE_NEEDS))
    files = serializers.IntegerField(help_text="Archives")
    bytes = serializers.IntegerField()


class BundlesReportShape(serializers.Serializer[Any]):
    reasons = BundleReasonShape(many=True)
    unkept_files = serializers.IntegerField()
    unkept_bytes = serializers.IntegerField()
    unkept = UnkeptBundleShape(many=True, help_text="The first hundred of them")


@shown_as(
    {
        "project": PROJECT_ID,
        "looked_at": 2,
        "is_all": True,
        "reasons": [{"reason": "registered", "files": 1, "bytes": 40120}],
        "unkept_files": 1,
        "unkept_bytes": 12,
        "unkept": [
            {
                "id": ARTIFACT_ID, "kind": "artifact", "name": "notes.txt", "run": RUN_ID, "size_bytes": 12,
                "tombstoned_at": None,
            }
        ],
        "source_bundles": {
            "reasons": [{"reason": "run", "files": 3, "bytes": 9120}, {"reason": "recent", "files": 1, "bytes": 800}],
            "unkept_files": 1,
            "unkept_bytes": 812,
            "unkept": [{"id": BUNDLE_ID, "sha256": SHA256, "size_bytes": 812, "sent_at": AT}],
        },
    }
)  # fmt: skip
class FilesReportShape(serializers.Serializer[Any]):
    """What the rules would do now. Nothing is changed by asking."""

    project = serializers.UUIDField()
    looked_at = serializers.IntegerField(help_text="Files")
    is_all = serializers.BooleanField(help_text="False: there are more files than were looked at")
    reasons = ReasonShape(many=True, help_text="A file may be kept for several")
    unkept_files = serializers.IntegerField()
    unkept_bytes = serializers.IntegerField()
    unkept = UnkeptShape(many=True, help_text="The first hundred of them")
    source_bundles = BundlesReportShape(help_text="Kept for the reasons of a table of their own")


@extend_schema_view(
    list=extend_schema(summary="List rules for files"),
    retrieve=extend_schema(summary="One rule for files"),
    create=extend_schema(
        summary="Set the rule for a project's files",
        request=FileRuleSetSerializer,
        responses={201: FileRuleSerializer},
    ),
)
class FileRuleViewSet(CreateViewSet):
    """Which artifacts and checkpoints of a project are kept."""

    queryset = FileRule.objects.all()
    serializer_class = FileRuleSerializer
    create_serializer_class = FileRuleSetSerializer
    filterset_fields = ("project",)

    def perform_service(self, data: dict[str, Any]) -> FileRule:
        user = caller(self.request)
        require(user, data["project"], Role.ADMIN)
        return file_rule_set(**data, changed_by=user, actor=Actor.user(user))

    @extend_schema(summary="Remove a rule for files", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whatever nobody deleted is kept then."""
        rule: FileRule = self.get_object()
        require(request.user, rule.project, Role.ADMIN)
        file_rule_delete(rule, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="What the rules would do to a project's files",
        parameters=[ReportQuerySerializer],
        responses=FilesReportShape,
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None)
    def report(self, request: Request) -> Response:
        """Files and bytes by reason, and what no reason keeps."""
        asked = ReportQuerySerializer(data=request.query_params, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        return Response(FilesReportShape(files_report(asked.validated_data["project"].pk)).data)


@shown_as(HOLD)
class FileHoldSerializer(serializers.ModelSerializer[FileHold]):
    placed_by_name = serializers.CharField(source="placed_by.username", read_only=True, default="")

    class Meta:
        model = FileHold
        fields = ("id", "project", "run", "model_version", "reason", "placed_by_name", "lifted_at", "created_at")
        read_only_fields = fields


@asked_as({"run": RUN_ID, "reason": "Audit of the first quarter"})
class FileHoldCreateSerializer(serializers.Serializer[Any]):
    run = VisibleRelatedField(Run, required=False, allow_null=True, default=None)
    model_version = VisibleRelatedField(ModelVersion, required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["run"] is None) is (attrs["model_version"] is None):
            raise serializers.ValidationError({"run": ["Name a run or a model version."]})
        return attrs


@extend_schema_view(
    list=extend_schema(summary="List holds on files"),
    retrieve=extend_schema(summary="One hold on files"),
    create=extend_schema(
        summary="Keep the files of a run or a model version",
        request=FileHoldCreateSerializer,
        responses={201: FileHoldSerializer},
    ),
)
class FileHoldViewSet(CreateViewSet):
    """Somebody's word that files stay, whatever a rule says."""

    queryset = FileHold.objects.select_related("placed_by", "project")
    serializer_class = FileHoldSerializer
    create_serializer_class = FileHoldCreateSerializer
    filterset_fields = ("project", "run", "model_version")

    def perform_service(self, data: dict[str, Any]) -> FileHold:
        user = caller(self.request)
        project = (data["run"] or data["model_version"]).project
        require(user, project, Role.ADMIN)
        return file_hold_place(project=project, placed_by=user, actor=Actor.user(user), **data)

    @extend_schema(summary="Lift a hold", request=None, responses=FileHoldSerializer)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """The files are left to the rules again."""
        hold: FileHold = self.get_object()
        user = caller(request)
        require(user, hold.project, Role.ADMIN)
        return Response(self.represent(file_hold_lift(hold, lifted_by=user, actor=Actor.user(user))))
