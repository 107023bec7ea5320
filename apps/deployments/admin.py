"""The deployments app in the admin: everything is read-only, services write; work on it is in the dashboard."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import (
    dashboard_column,
    dashboard_link,
    link_column,
    moment_column,
    reason_column,
    state_column,
)
from apps.deployments.models import Endpoint, Revision


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("No endpoint yet. Models are deployed in the dashboard or by the API.")
    list_display = ("name", "path", "project_link", "n_revisions", "made", "open")
    list_select_related = ("project",)
    search_fields = ("name", "path")
    list_filter = ("project",)
    project_link = link_column("project", "project")
    made = moment_column("created_at", "when")
    open = dashboard_column("/endpoints/{}")
    dashboard = "/endpoints/{}"

    @admin.display(description=gettext_lazy("revisions"), ordering="revisions_made")
    def n_revisions(self, row: Any) -> int:
        return int(row.revisions_made)


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ("of_endpoint", "n_number", "state_said", "reason", "n_weight", "n_replicas", "made", "open")
    list_select_related = ("endpoint",)
    search_fields = ("endpoint__name",)
    list_filter = ("state", "project")
    state_said = state_column()
    reason = reason_column()
    made = moment_column("created_at", "when")

    def said(self, row: Any) -> str:
        return f"{row.endpoint.name} {row.number}"

    @admin.display(description=gettext_lazy("endpoint"), ordering="endpoint__name")
    def of_endpoint(self, row: Any) -> str:
        return str(row.endpoint.name)

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def n_number(self, row: Any) -> int:
        return int(row.number)

    @admin.display(description=gettext_lazy("weight"), ordering="weight")
    def n_weight(self, row: Any) -> int:
        return int(row.weight)

    @admin.display(description=gettext_lazy("replicas ready"), ordering="ready_replicas")
    def n_replicas(self, row: Any) -> str:
        return f"{row.ready_replicas} / {row.replicas}"

    @admin.display(description=gettext_lazy("dashboard"))
    def open(self, row: Any) -> Any:
        return dashboard_link(f"/endpoints/{row.endpoint_id}")
