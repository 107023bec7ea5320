"""Every noun of the app for administrators; what a service must write is read-only."""

from __future__ import annotations

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin, ReadOnlyInline, VisibleAdmin
from apps.quotas.models import (
    Attempt,
    LogChunk,
    Node,
    PriorityClass,
    Queue,
    Quota,
    ResourceFlavor,
    ResourcePool,
    UsageRecord,
    Workload,
)


@admin.register(ResourcePool)
class ResourcePoolAdmin(ReadOnlyAdmin):
    list_display = ("name", "backend", "organisation")


@admin.register(ResourceFlavor)
class ResourceFlavorAdmin(ReadOnlyAdmin):
    list_display = ("name", "pool", "gpu_model", "gpu_memory_bytes", "simulated")
    list_filter = ("pool",)
    list_select_related = ("pool",)


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "pool", "cpu_millis", "memory_bytes", "ready", "seen_at")
    list_filter = ("pool", "ready")
    list_select_related = ("pool",)


@admin.register(PriorityClass)
class PriorityClassAdmin(VisibleAdmin):
    list_display = ("name", "value")
    ordering = ("-value",)


class QuotaInline(ReadOnlyInline):
    model = Quota
    fields = ("resource", "flavor", "nominal")
    readonly_fields = fields


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    list_display = ("project", "pool", "weight")
    list_filter = ("pool",)
    list_select_related = ("project", "pool")
    inlines = (QuotaInline,)


@admin.register(Quota)
class QuotaAdmin(ReadOnlyAdmin):
    list_display = ("queue", "resource", "flavor", "nominal")
    list_filter = ("resource",)
    list_select_related = ("queue__project", "queue__pool")


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ("number", "submitted_at", "started_at", "ended_at", "outcome", "exit_code")
    readonly_fields = fields


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "owner_kind", "state", "state_reason", "count_granted", "created_at")
    list_filter = ("state", "owner_kind", "pool")
    list_select_related = ("project",)
    search_fields = ("name", "id", "owner_id")
    inlines = (AttemptInline,)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("workload", "number", "submitted_at", "started_at", "ended_at", "outcome", "exit_code")
    list_filter = ("outcome",)
    list_select_related = ("workload",)
    search_fields = ("id",)


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    list_display = ("workload", "members", "cpu_millis", "gpus", "flavor", "reserved_at", "used_at", "closed_at")
    list_filter = ("pool",)
    list_select_related = ("workload",)


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    """For superusers: the table has no project column, and what jobs print is read through the API."""

    list_display = ("attempt", "rank", "sequence", "first_line", "created_at")
    list_select_related = ("attempt",)
