"""Datasets in the admin: for reading, because only services write them."""

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
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


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "created_by", "created_at")
    list_select_related = ("project", "created_by")
    list_filter = ("project",)
    search_fields = ("name", "title")


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "dataset", "file_format", "size_bytes", "uploaded_by", "created_at")
    list_select_related = ("dataset", "uploaded_by")
    search_fields = ("name", "sha256")


@admin.register(Ingestion)
class IngestionAdmin(ReadOnlyAdmin):
    list_display = ("id", "dataset", "source", "state", "state_reason", "created_at")
    list_select_related = ("dataset", "source")
    list_filter = ("state", "state_reason")


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnlyAdmin):
    list_display = ("id", "dataset", "number", "state", "row_count", "size_bytes", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("state", "sensitivity")
    search_fields = ("digest",)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    list_display = ("id", "version", "state", "state_reason", "created_at")
    list_select_related = ("version",)
    list_filter = ("state", "state_reason")


@admin.register(Recipe)
class RecipeAdmin(ReadOnlyAdmin):
    list_display = ("name", "number", "project", "created_by", "created_at")
    list_select_related = ("project", "created_by")
    search_fields = ("name", "digest")


@admin.register(CleaningRun)
class CleaningRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "recipe", "input_version", "state", "state_reason", "created_at")
    list_select_related = ("recipe", "input_version")
    list_filter = ("state", "state_reason")


@admin.register(LineageEdge)
class LineageEdgeAdmin(ReadOnlyAdmin):
    list_display = ("from_kind", "from_id", "relation", "to_kind", "to_id", "project")
    list_select_related = ("project",)
    list_filter = ("relation",)
