"""What the API shows and takes of expectations, validation runs and holds."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api import VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.datasets.api.examples import shown_as
from apps.datasets.api.expectation_examples import EXPECTATION, QUALITY_HOLD, VALIDATION_RUN
from apps.datasets.api.expectation_shapes import ParametersField, ResultsField
from apps.datasets.api.job_serializers import JOB, DataJobSerializer
from apps.datasets.models import Dataset, Expectation, QualityHold, ValidationRun
from apps.datasets.selectors.quality import label_of
from apps.datasets.states import ExpectationKind, Severity, VersionState

BULK_MOST = 200


@shown_as(EXPECTATION)
class ExpectationSerializer(serializers.ModelSerializer[Expectation]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    created_by_name = serializers.CharField(read_only=True, allow_null=True)
    parameters = ParametersField(read_only=True)
    label = serializers.SerializerMethodField(  # type: ignore[assignment]  # hides an attribute that only fields use
        help_text="How sentences call it: `between(age)`"
    )

    class Meta:
        model = Expectation
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "kind", "parameters", "label", "severity",
            "is_active", "description", "revision", "created_by", "created_by_name", "created_at", "changed_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_label(self, expectation: Expectation) -> str:
        return label_of(expectation)


class WantedSerializer(serializers.Serializer[Any]):
    """One expectation, without the dataset that it is of."""

    kind = serializers.ChoiceField(choices=ExpectationKind.choices)
    parameters = ParametersField()
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.BLOCK)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ExpectationCreateSerializer(WantedSerializer):
    dataset = VisibleRelatedField(Dataset)


class ExpectationsCreateSerializer(serializers.Serializer[Any]):
    """Several at once, all or none."""

    dataset = VisibleRelatedField(Dataset)
    expectations = serializers.ListField(child=WantedSerializer(), min_length=1, max_length=BULK_MOST)


class ExpectationChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays."""

    parameters = ParametersField(required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    is_active = serializers.BooleanField(required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)


RUN = (
    "id", "project", "project_name", "dataset", "dataset_name", "version", "version_number", "passed_count",
    "warned_count", "blocked_count", *JOB,
)  # fmt: skip


class ValidationRunSerializer(DataJobSerializer):
    """A validation run in a list: without its results."""

    dataset = serializers.UUIDField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    version_number = serializers.IntegerField(read_only=True)

    class Meta:
        model = ValidationRun
        fields: tuple[str, ...] = RUN
        read_only_fields: tuple[str, ...] = RUN


@shown_as(VALIDATION_RUN)
class ValidationRunDetailSerializer(ValidationRunSerializer):
    results = ResultsField(read_only=True, allow_null=True)

    class Meta(ValidationRunSerializer.Meta):
        fields = (*RUN, "results")
        read_only_fields = fields


@shown_as(QUALITY_HOLD)
class QualityHoldSerializer(serializers.ModelSerializer[QualityHold]):
    """A workload that waits, or waited, for a version."""

    workload_name = serializers.CharField(read_only=True)
    workload_state = serializers.CharField(read_only=True)
    owner_kind = serializers.CharField(read_only=True, help_text="What it works for: a run")
    owner = serializers.UUIDField(read_only=True)
    version_number = serializers.IntegerField(read_only=True)
    version_state = serializers.ChoiceField(choices=VersionState.choices, read_only=True)
    dataset = serializers.UUIDField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)

    class Meta:
        model = QualityHold
        fields = (
            "id", "project", "workload", "workload_name", "workload_state", "owner_kind", "owner", "version",
            "version_number", "version_state", "dataset", "dataset_name", "created_at", "settled_at",
        )  # fmt: skip
        read_only_fields = fields


class OverrideAskedSerializer(serializers.Serializer[Any]):
    """A request for an override that nobody has decided."""

    id = serializers.UUIDField(source="pk")
    comment = serializers.CharField()
    requested_by_name = serializers.CharField(source="requested_by.username")
    created_at = serializers.DateTimeField()


class OverrideSerializer(serializers.Serializer[Any]):
    """That it was published although it failed."""

    approval = serializers.UUIDField(source="approval_id")
    failing = serializers.ListField(child=serializers.CharField())
    requested_by_name = serializers.CharField(source="approval.requested_by.username")
    decided_by_name = serializers.CharField(source="approval.decided_by.username", allow_null=True)
    comment = serializers.CharField(source="approval.comment")
    created_at = serializers.DateTimeField()


class VersionQualitySerializer(serializers.Serializer[Any]):
    """What is known of a version's quality, and what can be done."""

    version = serializers.UUIDField()
    state = serializers.ChoiceField(choices=VersionState.choices)
    state_message = StateMessageField(source="state_detail")
    expectation_count = serializers.IntegerField(help_text="Active ones of its dataset")
    is_outdated = serializers.BooleanField(help_text="An expectation is new or was changed since the newest results")
    newest = ValidationRunDetailSerializer(allow_null=True, help_text="The last run with results")
    under_way = serializers.SerializerMethodField(help_text="A run that has not ended")
    failed_run = serializers.SerializerMethodField(help_text="A run that failed since, if the last one did")
    waiting = QualityHoldSerializer(many=True, help_text="What waits for it and you may see; at most 50")
    waiting_count = serializers.IntegerField(help_text="Of everybody")
    asked = OverrideAskedSerializer(allow_null=True)
    override = OverrideSerializer(allow_null=True)

    @extend_schema_field(ValidationRunSerializer(allow_null=True))
    def get_under_way(self, quality: Any) -> Any:
        return ValidationRunSerializer(quality.under_way).data if quality.under_way is not None else None

    @extend_schema_field(ValidationRunSerializer(allow_null=True))
    def get_failed_run(self, quality: Any) -> Any:
        return ValidationRunSerializer(quality.failed_run).data if quality.failed_run is not None else None


class RejectSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True, default="", help_text="Why")


class OverrideCreateSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=2000, help_text="Why it may be published all the same")
