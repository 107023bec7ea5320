"""The deployments app in the admin: everything is read-only, services write."""

from __future__ import annotations

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
from apps.deployments.models import Endpoint, Revision


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("name", "path", "project", "revisions_made", "created_at")
    list_select_related = ("project",)
    search_fields = ("name", "path")
    list_filter = ("project",)


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ("endpoint", "number", "state", "state_reason", "weight", "replicas", "ready_replicas", "created_at")
    list_select_related = ("endpoint",)
    search_fields = ("endpoint__name",)
    list_filter = ("state", "project")
