"""Every noun of the app for administrators; what a service must write is read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from apps.common.admin import ReadOnlyAdmin, ReadOnlyInline, VisibleAdmin
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.quotas.models import (
    Attempt,
    LogChunk,
    Node,
    PriorityClass,
    Pulse,
    Queue,
    Quota,
    ResourceFlavor,
    ResourcePool,
    UsageRecord,
    Workload,
)
from apps.quotas.services.queues import NOMINAL_MOST, quota_check, quota_set

if TYPE_CHECKING:
    _QuotaForm = forms.ModelForm[Quota]
else:
    _QuotaForm = forms.ModelForm


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
    """Plain rows without a service; what superusers do to them is audited here."""

    list_display = ("name", "value")
    ordering = ("-value",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            action = "priority_class.changed" if change else "priority_class.created"
            record(Actor.user(request.user), action, obj, detail={"name": obj.name, "value": obj.value})


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


class QuotaForm(_QuotaForm):
    """The service's own rules, said at the form."""

    nominal = forms.IntegerField(
        min_value=0,
        max_value=NOMINAL_MOST,
        help_text="cpu_millis: thousandths of a core; memory_bytes: bytes; gpus: devices.",
    )

    class Meta:
        model = Quota
        fields = ("queue", "resource", "flavor", "nominal")

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if not self.errors and self.instance._state.adding:
            try:
                quota_check(found["resource"], found["flavor"], found["nominal"])
            except Invalid as error:
                raise forms.ValidationError(error.detail) from error
        return found


@admin.register(Quota)
class QuotaAdmin(VisibleAdmin):
    """Superusers set how much; the service writes and audits it. A quota is set to 0, never deleted."""

    form = QuotaForm
    fields = QuotaForm.Meta.fields
    list_display = ("queue", "resource", "flavor", "nominal")
    list_filter = ("resource",)
    list_select_related = ("queue__project", "queue__pool")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("queue", "resource", "flavor") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = quota_set(obj.queue, obj.resource, obj.flavor, obj.nominal, actor=Actor.user(request.user))
        obj.pk = made.pk
        obj._state.adding = False


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


@admin.register(Pulse)
class PulseAdmin(ReadOnlyAdmin):
    """For superusers: it is about the installation, not about anybody's work."""

    list_display = ("name", "since", "at")
    ordering = ("name",)


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    """For superusers: the table has no project column, and what jobs print is read through the API."""

    list_display = ("attempt", "rank", "sequence", "first_line", "created_at")
    list_select_related = ("attempt",)
