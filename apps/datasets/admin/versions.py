"""What is said of versions: names that point at them, and comparisons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.panel.cells import link, link_column, moment_column
from apps.datasets.admin.base import DatasetsAdmin, version_name
from apps.datasets.models import KeepRule, VersionAlias, VersionComparison


@admin.register(VersionAlias)
class VersionAliasAdmin(DatasetsAdmin):
    list_display = ("name", "dataset_link", "of_version", "moved", "moved_by", "project_link")
    list_select_related = ("dataset", "version__dataset", "moved_by", "project")
    list_filter = ("project",)
    search_fields = ("name", "dataset__name")
    dataset_link = link_column("dataset", "dataset")
    moved = moment_column("moved_at", "moved")

    @admin.display(description=gettext_lazy("version"))
    def of_version(self, row: Any) -> Any:
        return link(row.version, version_name(row.version))


@admin.register(VersionComparison)
class VersionComparisonAdmin(DatasetsAdmin):
    list_display = ("id", "of_before", "of_after", "state_said", "reason", "made")
    list_select_related = ("before__dataset", "after__dataset")
    list_filter = ("state", "state_reason", "project")

    def said(self, row: Any) -> str:
        return _("comparison of %(one)s and %(other)s") % {
            "one": version_name(row.before),
            "other": version_name(row.after),
        }

    @admin.display(description=gettext_lazy("earlier version"))
    def of_before(self, row: Any) -> Any:
        return link(row.before, version_name(row.before))

    @admin.display(description=gettext_lazy("later version"))
    def of_after(self, row: Any) -> Any:
        return link(row.after, version_name(row.after))


@admin.register(KeepRule)
class KeepRuleAdmin(DatasetsAdmin):
    list_display = ("id", "project_link", "dataset_link", "keep_last", "keep_days", "grace_days", "changed")
    list_select_related = ("project", "dataset")
    list_filter = ("project",)
    dataset_link = link_column("dataset", "dataset")
    changed = moment_column("changed_at", "changed")
