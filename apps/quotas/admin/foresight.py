"""When waiting work was expected to start and did, and what was asked about other ways to share."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import NOTHING, link_column, moment_column, word
from apps.common.templatetags.times import duration
from apps.quotas.models import StartEstimate, WhatIf


@admin.register(StartEstimate)
class StartEstimateAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("Nothing has waited yet: a start is estimated for what waits.")
    list_display = ("of_workload", "project_link", "made", "expected", "earliest", "latest", "started", "n_error")
    list_filter = ("pool", "project", "inside")
    list_select_related = ("workload", "project")
    search_fields = ("workload__name",)
    project_link = link_column("project", "project")
    made = moment_column("made_at", "said at")
    expected = moment_column("start_at", "expected start")
    earliest = moment_column("low_at", "not before")
    latest = moment_column("high_at", "not after")
    started = moment_column("started_at", "started")

    def said(self, row: Any) -> str:
        return str(row.workload.name)

    @admin.display(description=gettext_lazy("workload"), ordering="workload__name")
    def of_workload(self, row: Any) -> str:
        return str(row.workload.name)

    @admin.display(description=gettext_lazy("off by"), ordering="error_seconds")
    def n_error(self, row: Any) -> str:
        return NOTHING if row.error_seconds is None else duration(abs(row.error_seconds))


@admin.register(WhatIf)
class WhatIfAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("Nobody has asked yet what would be if a pool were shared otherwise.")
    list_display = ("of_pool", "state_of", "n_changes", "asked", "by")
    list_filter = ("pool", "state")
    list_select_related = ("pool", "requested_by")
    hidden = ("trace",)
    search_fields = ("pool__name",)
    asked = moment_column("created_at", "asked at")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("trace")

    def said(self, row: Any) -> str:
        return str(row.pool.name)

    @admin.display(description=gettext_lazy("pool"), ordering="pool__name")
    def of_pool(self, row: Any) -> str:
        return str(row.pool.name)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_of(self, row: Any) -> str:
        return word(row.state)

    @admin.display(description=gettext_lazy("changes"))
    def n_changes(self, row: Any) -> int:
        return len(row.changes)

    @admin.display(description=gettext_lazy("requested by"), ordering="requested_by__username")
    def by(self, row: Any) -> str:
        return str(row.requested_by.username)
