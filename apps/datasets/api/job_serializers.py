"""What the API shows of ingestions, profiles and cleaning runs, and what it takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.common.api import NamedRelatedField, VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.datasets.api.examples import CLEANING_RUN, PROFILE, shown_as
from apps.datasets.api.ingestion_example import INGESTION
from apps.datasets.api.ingestion_shapes import (
    DetectedField,
    IngestionOptionsField,
    OptionsField,
    QuarantineField,
    RejectedField,
)
from apps.datasets.api.origin_shapes import OriginField
from apps.datasets.api.serializers import STATE
from apps.datasets.api.shapes import ReportField
from apps.datasets.api.statistics_shapes import ProfileField
from apps.datasets.models import CleaningRun, Dataset, DatasetVersion, Ingestion, Profile, Recipe, Source
from apps.datasets.selectors.references import reference_resolve

JOB = (
    *STATE, "workload", "workload_state", "workload_reason", "workload_detail", "workload_message", "requested_by",
    "requested_by_name", "created_at",
)  # fmt: skip


class DataJobSerializer(serializers.ModelSerializer[Any]):
    """Base of what is shown of an ingestion, a profile and a cleaning run."""

    workload_state = serializers.CharField(source="workload.state", read_only=True)
    workload_reason = serializers.CharField(
        source="workload.state_reason", read_only=True, help_text="Why it waits, while it waits"
    )
    workload_detail = serializers.CharField(source="workload.state_detail", read_only=True)
    workload_message = StateMessageField(source="workload.state_detail", faults=True)
    state_message = StateMessageField(source="state_detail", faults=True)
    project_name = serializers.CharField(read_only=True)
    requested_by_name = serializers.CharField(read_only=True, allow_null=True)


@shown_as(INGESTION)
class IngestionSerializer(DataJobSerializer):
    dataset_name = serializers.CharField(read_only=True)
    source_name = serializers.CharField(read_only=True, allow_null=True, help_text="Null until its job has fetched it")
    origin = OriginField(read_only=True, allow_null=True, help_text="Where its job fetches from; null for an upload")
    append_to_number = serializers.IntegerField(read_only=True, allow_null=True)
    options = OptionsField(read_only=True)
    version = serializers.UUIDField(
        source="version_id", read_only=True, allow_null=True, help_text="What it made, once it has succeeded"
    )
    version_number = serializers.IntegerField(read_only=True, allow_null=True)
    rejected = RejectedField(read_only=True)
    quarantine = QuarantineField(read_only=True, allow_null=True)
    detected = DetectedField(read_only=True)

    class Meta:
        model = Ingestion
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "source", "source_name", "origin", "schedule",
            "append_to",
            "append_to_number", "options", "version", "version_number", "rejected", "quarantine", "detected", *JOB,
        )  # fmt: skip
        read_only_fields = fields


class IngestionCreateSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    source = VisibleRelatedField(  # type: ignore[assignment]  # hides an attribute that only fields use
        Source, required=False, allow_null=True, default=None
    )
    origin = OriginField(required=False, allow_null=True, default=None, help_text="In place of a source")
    options = IngestionOptionsField(required=False, default=dict)
    append_to = NamedRelatedField(
        DatasetVersion,
        named_by=reference_resolve,
        required=False,
        allow_null=True,
        default=None,
        help_text="A version of the dataset: the new one begins with its rows. They are neither read nor copied",
    )


@shown_as(PROFILE)
class ProfileSerializer(DataJobSerializer):
    dataset = serializers.UUIDField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    version_number = serializers.IntegerField(read_only=True)
    result = ProfileField(read_only=True, allow_null=True)

    class Meta:
        model = Profile
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "version", "version_number", "target", "result",
            *JOB,
        )  # fmt: skip
        read_only_fields = fields


class ProfileCreateSerializer(serializers.Serializer[Any]):
    version = VisibleRelatedField(DatasetVersion)
    target = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text="The column that is to be predicted, against which leaks are looked for; guessed where left empty",
    )


@shown_as(CLEANING_RUN)
class CleaningRunSerializer(DataJobSerializer):
    recipe_name = serializers.CharField(read_only=True)
    recipe_number = serializers.IntegerField(read_only=True)
    input_dataset = serializers.UUIDField(read_only=True)
    input_dataset_name = serializers.CharField(read_only=True)
    input_version_number = serializers.IntegerField(read_only=True)
    output_dataset_name = serializers.CharField(read_only=True)
    output_version = serializers.UUIDField(
        source="output_version_id", read_only=True, allow_null=True, help_text="What it made, once it has succeeded"
    )
    output_version_number = serializers.IntegerField(read_only=True, allow_null=True)
    report = ReportField(read_only=True, allow_null=True, help_text="Per step: rows in and out, changes")

    class Meta:
        model = CleaningRun
        fields = (
            "id", "project", "project_name", "recipe", "recipe_name", "recipe_number", "input_dataset",
            "input_dataset_name", "input_version", "input_version_number", "input_reference", "output_dataset",
            "output_dataset_name", "output_version", "output_version_number", "report", *JOB,
        )  # fmt: skip
        read_only_fields = fields


class CleaningRunCreateSerializer(serializers.Serializer[Any]):
    recipe = VisibleRelatedField(Recipe)
    input_version = NamedRelatedField(
        DatasetVersion,
        named_by=reference_resolve,
        help_text="Its id, or `project/dataset@version` with a number, an alias or `latest`, as it is now",
    )
    output_dataset = VisibleRelatedField(
        Dataset, required=False, allow_null=True, default=None, help_text="Left out: the version's own dataset"
    )
