"""What the API shows of datasets, and what it takes."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import Project
from apps.common.api import VisibleRelatedField
from apps.datasets.api.examples import (
    CLEANING_RUN,
    DATASET,
    DATASET_VERSION,
    INGESTION,
    LINEAGE_EDGE,
    PROFILE,
    RECIPE,
    SOURCE,
    shown_as,
)
from apps.datasets.api.shapes import (
    ColumnsField,
    DataFileShape,
    FittedShape,
    ProfileField,
    RejectedField,
    ReportField,
    SplitsField,
    StepsField,
)
from apps.datasets.models import (
    CleaningRun,
    Dataset,
    DatasetVersion,
    Ingestion,
    LineageEdge,
    Profile,
    Recipe,
    Source,
)

STATE = ("state", "state_reason", "state_detail", "state_at")
JOB = (*STATE, "workload", "workload_state", "workload_reason", "workload_detail", "requested_by", "created_at")


class DataJobSerializer(serializers.ModelSerializer[Any]):
    """Base of what is shown of an ingestion, a profile and a cleaning run."""

    workload_state = serializers.CharField(source="workload.state", read_only=True)
    workload_reason = serializers.CharField(
        source="workload.state_reason", read_only=True, help_text="Why it waits, while it waits"
    )
    workload_detail = serializers.CharField(source="workload.state_detail", read_only=True)


@shown_as(DATASET)
class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    class Meta:
        model = Dataset
        fields = ("id", "project", "name", "title", "description", "created_by", "created_at")
        read_only_fields = fields


class DatasetCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")


@shown_as(SOURCE)
class SourceSerializer(serializers.ModelSerializer[Source]):
    class Meta:
        model = Source
        fields = (
            "id", "project", "dataset", "name", "file_format", "sha256", "size_bytes", "uploaded_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class SourceCreateSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    file = serializers.FileField(help_text="CSV, TSV, JSON lines or Parquet, by its ending")


@shown_as(INGESTION)
class IngestionSerializer(DataJobSerializer):
    version = serializers.UUIDField(
        source="version.id", read_only=True, allow_null=True, help_text="What it made, once it has succeeded"
    )
    rejected = RejectedField(read_only=True)

    class Meta:
        model = Ingestion
        fields = ("id", "project", "dataset", "source", "options", "version", "rejected", *JOB)
        read_only_fields = fields


class IngestionCreateSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    source = VisibleRelatedField(Source)  # type: ignore[assignment]  # hides an attribute that only fields use
    options = serializers.DictField(
        required=False,
        default=dict,
        help_text="`format` (csv, tsv, jsonl, parquet), `delimiter`, `null_values`, `header`, `encoding`, `types`",
    )


VERSION = (
    "id", "project", "dataset", "number", *STATE, "digest", "schema", "row_count", "size_bytes", "parent", "ingestion",
    "cleaning_run", "splits", "sensitivity", "created_at",
)  # fmt: skip


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    """A version in a list: without its files and its report."""

    schema = ColumnsField(read_only=True)
    splits = SplitsField(read_only=True)

    class Meta:
        model = DatasetVersion
        fields: ClassVar[tuple[str, ...]] = VERSION
        read_only_fields: ClassVar[tuple[str, ...]] = VERSION


@shown_as(DATASET_VERSION)
class DatasetVersionDetailSerializer(DatasetVersionSerializer):
    """A whole version."""

    report = ReportField(read_only=True)
    files = serializers.SerializerMethodField(help_text="Downloads: GET /dataset-versions/{id}/files/{name}")
    preprocessor = serializers.SerializerMethodField(help_text="What was fitted on the training part; a file too")

    class Meta(DatasetVersionSerializer.Meta):
        fields = (*VERSION, "files", "report", "preprocessor")
        read_only_fields = fields

    @extend_schema_field(DataFileShape(many=True))
    def get_files(self, version: DatasetVersion) -> list[dict[str, Any]]:
        files: list[dict[str, Any]] = version.manifest["files"]
        return files

    @extend_schema_field(FittedShape(allow_null=True))
    def get_preprocessor(self, version: DatasetVersion) -> dict[str, Any] | None:
        fitted: dict[str, Any] | None = version.preprocessor
        return fitted and {key: value for key, value in fitted.items() if key != "path"}


class DeprecateSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True, default="", help_text="Why")


@shown_as(PROFILE)
class ProfileSerializer(DataJobSerializer):
    result = ProfileField(read_only=True, allow_null=True)

    class Meta:
        model = Profile
        fields = ("id", "project", "version", "result", *JOB)
        read_only_fields = fields


class ProfileCreateSerializer(serializers.Serializer[Any]):
    version = VisibleRelatedField(DatasetVersion)


@shown_as(RECIPE)
class RecipeSerializer(serializers.ModelSerializer[Recipe]):
    steps = StepsField(read_only=True)

    class Meta:
        model = Recipe
        fields = (
            "id", "project", "name", "number", "description", "steps", "digest", "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class RecipeCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.SlugField(max_length=60)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")
    steps = StepsField(help_text="A list of steps, each an object with its `kind` and options")


@shown_as(CLEANING_RUN)
class CleaningRunSerializer(DataJobSerializer):
    output_version = serializers.UUIDField(
        source="output_version.id", read_only=True, allow_null=True, help_text="What it made, once it has succeeded"
    )
    report = ReportField(
        source="output_version.report", read_only=True, allow_null=True, help_text="Per step: rows in and out, changes"
    )

    class Meta:
        model = CleaningRun
        fields = (
            "id", "project", "recipe", "input_version", "output_dataset", "output_version", "report", *JOB,
        )  # fmt: skip
        read_only_fields = fields


class CleaningRunCreateSerializer(serializers.Serializer[Any]):
    recipe = VisibleRelatedField(Recipe)
    input_version = VisibleRelatedField(DatasetVersion)
    output_dataset = VisibleRelatedField(
        Dataset, required=False, allow_null=True, default=None, help_text="Left out: the version's own dataset"
    )


@shown_as(LINEAGE_EDGE)
class LineageEdgeSerializer(serializers.ModelSerializer[LineageEdge]):
    class Meta:
        model = LineageEdge
        fields = ("id", "project", "from_kind", "from_id", "relation", "to_kind", "to_id", "created_at")
        read_only_fields = fields
