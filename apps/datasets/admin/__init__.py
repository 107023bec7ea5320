"""Datasets in the admin: for reading, because only services write them; work on them is in the dashboard."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.panel.cells import (
    dashboard_column,
    link,
    link_column,
    moment_column,
    size_column,
    word,
)
from apps.datasets.admin import versions as versions
from apps.datasets.admin.base import DatasetsAdmin, version_name
from apps.datasets.models import (
    AllowedOrigin,
    CleaningRun,
    Dataset,
    DatasetVersion,
    Expectation,
    Ingestion,
    IngestionSchedule,
    LineageEdge,
    Preview,
    Profile,
    QualityHold,
    QualityOverride,
    Recipe,
    Source,
    Upload,
    ValidationRun,
)
from apps.datasets.selectors.quality import label_of


@admin.register(Dataset)
class DatasetAdmin(DatasetsAdmin):
    empty_text = gettext_lazy("No dataset yet. Datasets are uploaded in the dashboard.")
    list_display = ("name", "project_link", "created_by", "made", "open")
    list_select_related = ("project", "created_by")
    list_filter = ("project",)
    search_fields = ("name", "title")
    open = dashboard_column("/datasets/{}")
    dashboard = "/datasets/{}"


@admin.register(Source)
class SourceAdmin(DatasetsAdmin):
    list_display = ("name", "dataset_link", "format_said", "n_size", "uploaded_by", "made")
    list_select_related = ("dataset", "uploaded_by")
    list_filter = ("project",)
    search_fields = ("name", "sha256")
    dataset_link = link_column("dataset", "dataset")
    n_size = size_column("size_bytes", "size")

    @admin.display(description=gettext_lazy("file format"), ordering="file_format")
    def format_said(self, row: Any) -> str:
        return word(row.file_format)


@admin.register(Upload)
class UploadAdmin(DatasetsAdmin):
    list_display = ("name", "dataset_link", "state_said", "n_offset", "n_size", "uploaded_by", "made")
    list_select_related = ("dataset", "uploaded_by")
    list_filter = ("state", "project")
    search_fields = ("name", "fingerprint")
    dataset_link = link_column("dataset", "dataset")
    n_size = size_column("size_bytes", "size")
    n_offset = size_column("offset_bytes", "arrived")


@admin.register(AllowedOrigin)
class AllowedOriginAdmin(DatasetsAdmin):
    list_display = ("pattern", "project_link", "is_private", "created_by", "made")
    list_select_related = ("project", "created_by")
    list_filter = ("is_private", "project")
    search_fields = ("pattern",)


@admin.register(IngestionSchedule)
class IngestionScheduleAdmin(DatasetsAdmin):
    list_display = ("id", "dataset_link", "state_said", "reason", "cron", "every_seconds", "next_at", "last_at", "made")
    list_select_related = ("dataset",)
    list_filter = ("state", "state_reason", "mode", "project")
    dataset_link = link_column("dataset", "dataset")


@admin.register(Ingestion)
class IngestionAdmin(DatasetsAdmin):
    list_display = ("id", "dataset_link", "source", "state_said", "reason", "made", "open")
    list_select_related = ("dataset", "source")
    list_filter = ("state", "state_reason", "project")
    dataset_link = link_column("dataset", "dataset")
    open = dashboard_column("/dataset-jobs/ingestion/{}")
    dashboard = "/dataset-jobs/ingestion/{}"

    def said(self, row: Any) -> str:
        return _("ingestion of %(name)s") % {"name": row.source.name if row.source else row.dataset.name}


@admin.register(DatasetVersion)
class DatasetVersionAdmin(DatasetsAdmin):
    list_display = ("dataset_name", "n_number", "state_said", "n_rows", "n_size", "sensitivity_said", "made", "open")
    list_select_related = ("dataset",)
    list_filter = ("state", "sensitivity", "project")
    search_fields = ("digest", "dataset__name")
    n_size = size_column("size_bytes", "size")
    open = dashboard_column("/dataset-versions/{}")
    dashboard = "/dataset-versions/{}"

    def said(self, row: Any) -> str:
        return version_name(row)

    @admin.display(description=gettext_lazy("dataset"), ordering="dataset__name")
    def dataset_name(self, row: Any) -> str:
        return str(row.dataset.name)

    @admin.display(description=gettext_lazy("version"), ordering="number")
    def n_number(self, row: Any) -> int | None:
        found: int | None = row.number
        return found

    @admin.display(description=gettext_lazy("sensitivity"), ordering="sensitivity")
    def sensitivity_said(self, row: Any) -> str:
        return word(row.sensitivity)

    @admin.display(description=gettext_lazy("rows"), ordering="row_count")
    def n_rows(self, row: Any) -> str:
        return "–" if row.row_count is None else f"{row.row_count:,}"


@admin.register(Profile)
class ProfileAdmin(DatasetsAdmin):
    list_display = ("id", "of_version", "state_said", "reason", "made")
    list_select_related = ("version__dataset",)
    list_filter = ("state", "state_reason", "project")

    def said(self, row: Any) -> str:
        return _("profile of %(name)s") % {"name": version_name(row.version)}

    @admin.display(description=gettext_lazy("version"))
    def of_version(self, row: Any) -> Any:
        return link(row.version, version_name(row.version))


@admin.register(Preview)
class PreviewAdmin(DatasetsAdmin):
    list_display = ("id", "of_version", "state_said", "reason", "requested_by", "used", "made")
    list_select_related = ("version__dataset", "requested_by")
    list_filter = ("state", "state_reason", "project")
    used = moment_column("used_at", "last used")

    def said(self, row: Any) -> str:
        return _("preview of %(name)s") % {"name": version_name(row.version)}

    @admin.display(description=gettext_lazy("version"))
    def of_version(self, row: Any) -> Any:
        return link(row.version, version_name(row.version))


@admin.register(Recipe)
class RecipeAdmin(DatasetsAdmin):
    list_display = ("name", "n_number", "project_link", "created_by", "made")
    list_select_related = ("project", "created_by")
    list_filter = ("project",)
    search_fields = ("name", "digest")

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def n_number(self, row: Any) -> int:
        return int(row.number)


@admin.register(CleaningRun)
class CleaningRunAdmin(DatasetsAdmin):
    list_display = ("id", "recipe", "of_version", "state_said", "reason", "made", "open")
    list_select_related = ("recipe", "input_version__dataset")
    list_filter = ("state", "state_reason", "project")
    open = dashboard_column("/dataset-jobs/cleaning_run/{}")
    dashboard = "/dataset-jobs/cleaning_run/{}"

    def said(self, row: Any) -> str:
        return _("cleaning run of %(name)s") % {"name": version_name(row.input_version)}

    @admin.display(description=gettext_lazy("version"))
    def of_version(self, row: Any) -> Any:
        return link(row.input_version, version_name(row.input_version))


@admin.register(Expectation)
class ExpectationAdmin(DatasetsAdmin):
    list_display = ("said", "dataset_link", "severity_said", "is_active", "created_by", "made")
    list_select_related = ("dataset", "created_by")
    list_filter = ("kind", "severity", "is_active", "project")
    search_fields = ("dataset__name", "description")
    dataset_link = link_column("dataset", "dataset")

    @admin.display(description=gettext_lazy("expectation"))
    def said(self, row: Any) -> str:
        return label_of(row)

    @admin.display(description=gettext_lazy("severity"), ordering="severity")
    def severity_said(self, row: Any) -> str:
        return word(row.severity)


class _OfVersion(DatasetsAdmin):
    @admin.display(description=gettext_lazy("version"))
    def of_version(self, row: Any) -> Any:
        return link(row.version, version_name(row.version))


@admin.register(ValidationRun)
class ValidationRunAdmin(_OfVersion):
    list_display = ("id", "of_version", "state_said", "reason", "passed_count", "warned_count", "blocked_count", "made")
    list_select_related = ("version__dataset",)
    list_filter = ("state", "state_reason", "project")

    def said(self, row: Any) -> str:
        return _("validation of %(name)s") % {"name": version_name(row.version)}


@admin.register(QualityHold)
class QualityHoldAdmin(_OfVersion):
    list_display = ("id", "of_version", "workload", "made", "settled")
    list_select_related = ("version__dataset", "workload")
    list_filter = ("project",)
    settled = moment_column("settled_at", "settled")


@admin.register(QualityOverride)
class QualityOverrideAdmin(_OfVersion):
    list_display = ("id", "of_version", "approval", "made")
    list_select_related = ("version__dataset", "approval")
    list_filter = ("project",)


@admin.register(LineageEdge)
class LineageEdgeAdmin(DatasetsAdmin):
    list_display = ("id", "from_said", "from_id", "relation_said", "to_said", "to_id", "project_link")
    list_select_related = ("project",)
    list_filter = ("relation", "project")

    def said(self, row: Any) -> str:
        return f"{word(row.from_kind)} → {word(row.to_kind)}"

    @admin.display(description=gettext_lazy("relation"), ordering="relation")
    def relation_said(self, row: Any) -> str:
        return word(row.relation)

    @admin.display(description=gettext_lazy("from kind"), ordering="from_kind")
    def from_said(self, row: Any) -> str:
        return word(row.from_kind)

    @admin.display(description=gettext_lazy("to kind"), ordering="to_kind")
    def to_said(self, row: Any) -> str:
        return word(row.to_kind)
