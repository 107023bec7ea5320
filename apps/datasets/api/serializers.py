"""What the API shows of datasets, and what it takes."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import Project
from apps.common.api import VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.common.tags import TAG_CHARACTERS_MOST, TAGS_MOST
from apps.datasets.api.examples import DATASET, DATASET_VERSION, LINEAGE_EDGE, RECIPE, SOURCE, shown_as
from apps.datasets.api.origin_shapes import OriginField
from apps.datasets.api.shapes import (
    ColumnsField,
    DataFileShape,
    FittedShape,
    LatestVersionShape,
    NewestJobShape,
    NewestProfileShape,
    ReportField,
    SplitsField,
    StepsField,
)
from apps.datasets.models import Dataset, DatasetVersion, LineageEdge, Recipe, Source
from apps.datasets.selectors.shown import newest_job

STATE = ("state", "state_reason", "state_detail", "state_message", "state_at")


@shown_as(DATASET)
class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    project_name = serializers.CharField(read_only=True)
    created_by_name = serializers.CharField(read_only=True, allow_null=True)
    version_count = serializers.IntegerField(read_only=True)
    latest_version = serializers.SerializerMethodField(help_text="Of those that are published")
    newest_job = serializers.SerializerMethodField(help_text="Of ingestions, cleaning runs and profiles")

    class Meta:
        model = Dataset
        fields = (
            "id", "project", "project_name", "name", "title", "description", "created_by", "created_by_name",
            "created_at", "version_count", "latest_version", "newest_job",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(LatestVersionShape(allow_null=True))
    def get_latest_version(self, dataset: Any) -> dict[str, Any] | None:
        if dataset.latest is None:
            return None
        figures = {name: getattr(dataset, name) for name in ("row_count", "size_bytes", "published_at")}
        return {**dataset.latest, **figures}

    @extend_schema_field(NewestJobShape(allow_null=True))
    def get_newest_job(self, dataset: Any) -> dict[str, Any] | None:
        job = newest_job(dataset)
        return NewestJobShape(job).data if job is not None else None


class DatasetCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")


@shown_as(SOURCE)
class SourceSerializer(serializers.ModelSerializer[Source]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    uploaded_by_name = serializers.CharField(read_only=True, allow_null=True)
    origin = OriginField(read_only=True, allow_null=True, help_text="Where it was fetched from; null for an upload")

    class Meta:
        model = Source
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "name", "file_format", "sha256", "size_bytes",
            "origin", "uploaded_by", "uploaded_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class SourceCreateSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    file = serializers.FileField(help_text="CSV, TSV, JSON lines or Parquet, by its ending")


VERSION = (
    "id", "project", "project_name", "dataset", "dataset_name", "dataset_title", "number", *STATE, "digest", "schema",
    "row_count", "size_bytes", "parent", "parent_number", "parent_dataset", "parent_dataset_name", "ingestion",
    "source", "source_name", "cleaning_run", "recipe", "recipe_name", "recipe_number", "splits", "sensitivity",
    "created_by", "created_by_name", "created_at", "has_sample", "newest_profile", "tags", "aliases",
    "is_pinned", "data_tombstoned_at", "data_deleted_at",
)  # fmt: skip


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    """A version in a list: without its files and its report."""

    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    dataset_title = serializers.CharField(read_only=True)
    state_message = StateMessageField(source="state_detail")
    schema = ColumnsField(read_only=True)
    parent_number = serializers.IntegerField(read_only=True, allow_null=True)
    parent_dataset = serializers.UUIDField(read_only=True, allow_null=True)
    parent_dataset_name = serializers.CharField(read_only=True, allow_null=True)
    source = serializers.UUIDField(read_only=True, allow_null=True)  # type: ignore[assignment]  # as above
    source_name = serializers.CharField(read_only=True, allow_null=True)
    recipe = serializers.UUIDField(read_only=True, allow_null=True)
    recipe_name = serializers.CharField(read_only=True, allow_null=True)
    recipe_number = serializers.IntegerField(read_only=True, allow_null=True)
    splits = SplitsField(read_only=True)
    created_by = serializers.UUIDField(read_only=True, allow_null=True, help_text="Who asked for the job that made it")
    created_by_name = serializers.CharField(read_only=True, allow_null=True)
    has_sample = serializers.SerializerMethodField(help_text="Whether its job wrote sample rows down")
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    aliases = serializers.ListField(child=serializers.CharField(), source="alias_names", read_only=True)
    newest_profile = serializers.SerializerMethodField(help_text="Its statistics: GET /dataset-versions/{id}/profile")

    class Meta:
        model = DatasetVersion
        fields: ClassVar[tuple[str, ...]] = VERSION
        read_only_fields: ClassVar[tuple[str, ...]] = VERSION

    def get_has_sample(self, version: DatasetVersion) -> bool:
        return "sample" in version.companions

    @extend_schema_field(NewestProfileShape(allow_null=True))
    def get_newest_profile(self, version: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = version.newest_profile
        return found


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


class PinSerializer(serializers.Serializer[Any]):
    is_pinned = serializers.BooleanField(help_text="Its data is kept, whatever a rule says")


class VersionTagsSerializer(serializers.Serializer[Any]):
    tags = serializers.ListField(
        child=serializers.CharField(max_length=TAG_CHARACTERS_MOST), max_length=TAGS_MOST, help_text="Sorted, each once"
    )


class DeprecateSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True, default="", help_text="Why")


@shown_as(RECIPE)
class RecipeSerializer(serializers.ModelSerializer[Recipe]):
    project_name = serializers.CharField(read_only=True)
    created_by_name = serializers.CharField(read_only=True, allow_null=True)
    steps = StepsField(read_only=True)

    class Meta:
        model = Recipe
        fields = (
            "id", "project", "project_name", "name", "number", "description", "steps", "digest", "created_by",
            "created_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class RecipeCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.SlugField(max_length=60)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")
    steps = StepsField(help_text="A list of steps, each an object with its `kind` and options")


@shown_as(LINEAGE_EDGE)
class LineageEdgeSerializer(serializers.ModelSerializer[LineageEdge]):
    class Meta:
        model = LineageEdge
        fields = ("id", "project", "from_kind", "from_id", "relation", "to_kind", "to_id", "created_at")
        read_only_fields = fields
